import type { Alarm } from './alarm.ts';
import type { PassageAnswer } from './passage.ts';
import type { Trip } from './trip.ts';

/**
 * The live feed, socket.io namespace `/live` (contract §5). Every message carries `sequence`, one higher than the
 * last one sent to this client; a gap makes the client emit `resync` and take a new snapshot.
 */
export interface FeedLock {
  /** Index of this lock in binary frames; constant while the platform runs. */
  index: number;
  lockId: string;
  tripId?: string;
  plate?: string;
}

export interface FeedStats {
  inTransit: number;
  green: number;
  amber: number;
  red: number;
  silent: number;
  arrivedToday: number;
  reportsPerSecond: number;
  /** Largest lag from fix time to COMMIT in the last 5 s, ms. */
  lagMs: number;
}

export interface FeedPassage extends PassageAnswer {
  gateId: string;
  gateName: string;
  gateLane?: string;
  direction: 'in' | 'out';
  at: string;
  plate?: string;
}

export interface Sequenced {
  sequence: number;
}

export interface SnapshotMessage extends Sequenced {
  serverTime: string;
  /** Changes with every build of the platform; a client built from another one reloads itself. */
  build: string;
  locks: FeedLock[];
  /** A positions frame that holds every lock. */
  positions: ArrayBuffer | Uint8Array;
  trips: Trip[];
  alarms: Alarm[];
  passages: FeedPassage[];
  stats: FeedStats;
}

export interface ServerToClient {
  snapshot: (message: SnapshotMessage) => void;
  positions: (frame: ArrayBuffer | Uint8Array) => void;
  locks: (message: Sequenced & { locks: FeedLock[] }) => void;
  trip: (message: Sequenced & { trip: Trip }) => void;
  alarm: (message: Sequenced & { alarm: Alarm }) => void;
  passage: (message: Sequenced & { passage: FeedPassage }) => void;
  stats: (message: Sequenced & { stats: FeedStats; serverTime: string; health: FeedHealth }) => void;
}

export interface FeedHealth {
  ready: boolean;
  reasons: string[];
}

export interface Watch {
  /** `[west, south, east, north]` */
  bbox?: [number, number, number, number];
  tripIds?: string[];
}

export interface ClientToServer {
  watch: (watch: Watch) => void;
  resync: () => void;
}

/** Time zone of the command centre: for the wall's clock and the start of its day. */
export const WALL_ZONE = 'Asia/Shanghai';

/** Colour of a lock on the wall. `provisional` is drawn red at once, before the alarm is confirmed. */
export const WALL_STATUS = ['idle', 'green', 'amber', 'red', 'provisional', 'silent'] as const;
export type WallStatus = (typeof WALL_STATUS)[number];

export interface FramePosition {
  index: number;
  lon: number;
  lat: number;
  speedKmh: number;
  headingDeg: number;
  status: WallStatus;
  /** Percent, 0 to 100; undefined if the lock has not reported it. */
  batteryPercent?: number;
  /** bit 0: charging, bit 1: no fix in the last report, bit 2: position not from GNSS */
  flags: number;
}

const FRAME_VERSION = 1;
const HEADER_BYTES = 24;
const RECORD_BYTES = 20;

export interface Frame {
  sequence: number;
  serverTimeMs: number;
  positions: FramePosition[];
}

/**
 * A positions frame, little-endian: u8 version, 3 B zero, u32 sequence, u32 count, u32 zero, f64 server time (epoch
 * ms); then per lock u32 index, i32 lon·1e7, i32 lat·1e7, u16 speed·10 km/h, u16 heading·100 degrees, u8 status
 * (place in WALL_STATUS), u8 battery (255 unknown), u8 flags, u8 zero.
 */
export function encodeFrame(frame: Frame): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + frame.positions.length * RECORD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, FRAME_VERSION);
  view.setUint32(4, frame.sequence, true);
  view.setUint32(8, frame.positions.length, true);
  view.setFloat64(16, frame.serverTimeMs, true);
  let at = HEADER_BYTES;
  for (const p of frame.positions) {
    view.setUint32(at, p.index, true);
    view.setInt32(at + 4, Math.round(p.lon * 1e7), true);
    view.setInt32(at + 8, Math.round(p.lat * 1e7), true);
    view.setUint16(at + 12, Math.min(65_535, Math.round(p.speedKmh * 10)), true);
    view.setUint16(at + 14, Math.round((p.headingDeg % 360) * 100), true);
    view.setUint8(at + 16, WALL_STATUS.indexOf(p.status));
    view.setUint8(at + 17, p.batteryPercent === undefined ? 255 : Math.round(p.batteryPercent));
    view.setUint8(at + 18, p.flags);
    at += RECORD_BYTES;
  }
  return bytes;
}

/** Reads what `encodeFrame` wrote. Throws RangeError on another version or a frame cut short. */
export function decodeFrame(data: ArrayBuffer | Uint8Array): Frame {
  const view =
    data instanceof Uint8Array ? new DataView(data.buffer, data.byteOffset, data.byteLength) : new DataView(data);
  if (view.byteLength < HEADER_BYTES || view.getUint8(0) !== FRAME_VERSION) {
    throw new RangeError(`not a positions frame of version ${FRAME_VERSION}`);
  }
  const count = view.getUint32(8, true);
  if (view.byteLength < HEADER_BYTES + count * RECORD_BYTES) throw new RangeError('positions frame cut short');
  const positions: FramePosition[] = [];
  for (let i = 0, at = HEADER_BYTES; i < count; i++, at += RECORD_BYTES) {
    const battery = view.getUint8(at + 17);
    const position: FramePosition = {
      index: view.getUint32(at, true),
      lon: view.getInt32(at + 4, true) / 1e7,
      lat: view.getInt32(at + 8, true) / 1e7,
      speedKmh: view.getUint16(at + 12, true) / 10,
      headingDeg: view.getUint16(at + 14, true) / 100,
      status: WALL_STATUS[view.getUint8(at + 16)] ?? 'idle',
      flags: view.getUint8(at + 18),
    };
    if (battery !== 255) position.batteryPercent = battery;
    positions.push(position);
  }
  return { sequence: view.getUint32(4, true), serverTimeMs: view.getFloat64(16, true), positions };
}
