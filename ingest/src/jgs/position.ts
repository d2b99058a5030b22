import { children, field, printXml, timeField, type XmlNode } from './xml.ts';

/** The kinds of a position message: 1 real time, 2 roll-call, 3 back-fill; 4 is a command, 5 a result. */
const KINDS: Record<string, 'live' | 'roll-call' | 'backfill'> = { 1: 'live', 2: 'roll-call', 3: 'backfill' };

export interface PositionIn {
  lockId: string;
  /** As a lock would have sent it, to be read as such. */
  report: Record<string, unknown>;
}

/** The number that an element holds; its text where that is none, so that the record names it. */
const numbered = (node: XmlNode, name: string): number | string | undefined => {
  const text = field(node, name);
  const number = Number(text);
  return Number.isFinite(number) ? number : text;
};

const given = <T>(key: string, value: T | undefined) => (value === undefined ? {} : { [key]: value });

/** Rope, motor and cover; if the message has none of them, they follow from ESEAL_STATUS L (locked) or U. */
function sealOf(node: XmlNode): object {
  const rope = field(node, 'ROPE_STATUS');
  const motor = field(node, 'MOTOR_STATUS');
  const cover = field(node, 'COVER_STATUS');
  const useCount = given('useCount', numbered(node, 'USE_COUNT'));
  if (rope !== undefined || motor !== undefined || cover !== undefined)
    return { seal: { rope, motor, cover, ...useCount } };
  const locked = field(node, 'ESEAL_STATUS');
  if (locked === undefined) return {};
  const shows = locked === 'L' ? 'locked' : locked === 'U' ? 'unlocked' : locked;
  return { seal: { rope: 'inserted', motor: shows, cover: 'closed', ...useCount } };
}

/** A POSITION element as the report of its lock; SERIAL_NO with BOOT_NO is the record's identity. */
export function positionOf(node: XmlNode, kind: string): PositionIn {
  const charge = numbered(node, 'BATTERY');
  // 255 means "charging" (JT701D class).
  const battery = charge === 255 ? { charging: true } : given('percent', charge);
  return {
    lockId: field(node, 'ESEAL_ID') ?? '',
    report: {
      v: 1,
      boot: numbered(node, 'BOOT_NO') ?? 0,
      seq: numbered(node, 'SERIAL_NO'),
      time: timeField(node, 'POS_TIME'),
      kind: KINDS[kind],
      position: {
        lon: numbered(node, 'LONGITUDE'),
        lat: numbered(node, 'LATITUDE'),
        ...given('speedKmh', numbered(node, 'SPEED')),
        ...given('headingDeg', numbered(node, 'DIRECTION')),
        ...given('accuracyM', numbered(node, 'ACCURACY')),
      },
      ...sealOf(node),
      ...(charge === undefined ? {} : { battery }),
    },
  };
}

export const positionsOf = (node: XmlNode, kind: string): PositionIn[] =>
  children(node, 'POSITION').map((one) => positionOf(one, kind));

export const isPositionKind = (kind: string | undefined): kind is '1' | '2' | '3' =>
  kind !== undefined && kind in KINDS;

/**
 * The command of a message of type 4: `Xnnnn` sets the interval to nnnn seconds, `0000` to the default.
 * @returns undefined for any other command
 */
export function intervalOf(command: string | undefined, defaultS: number): number | undefined {
  const seconds = /^X?(\d{4})$/.exec(command ?? '')?.[1];
  if (seconds === undefined) return undefined;
  return seconds === '0000' ? defaultS : Number(seconds);
}

export interface PositionResult {
  lockId: string;
  serialNo?: string | undefined;
  /** 1 done, 0 accepted and waiting for the lock, 2 refused. */
  result: '0' | '1' | '2';
  text?: string | undefined;
}

/** Message type 5: the result of each record or command. */
export function resultOf(results: PositionResult[]): string {
  return printXml('POSITION_RESULT', {
    MESSAGE_TYPE: '5',
    ITEM: results.map(({ lockId, serialNo, result, text }) => ({
      ESEAL_ID: lockId,
      SERIAL_NO: serialNo,
      RESULT: result,
      TEXT: text,
    })),
  });
}

export interface PositionOut {
  lockId: string;
  boot: number;
  seq: number;
  timeMs: number;
  lon: number;
  lat: number;
  speedKmh?: number | undefined;
  headingDeg?: number | undefined;
  locked?: boolean | undefined;
  percent?: number | undefined;
}

/** POSITION_INFO in an answer: the newest position (1), or the positions stored between two times (3). */
export function positionInfoOf(kind: '1' | '3', positions: PositionOut[]): string {
  return printXml('POSITION_INFO', {
    MESSAGE_TYPE: kind,
    POSITION: positions.map((at) => ({
      ESEAL_ID: at.lockId,
      BOOT_NO: at.boot,
      SERIAL_NO: at.seq,
      POS_TIME: new Date(at.timeMs).toISOString(),
      LONGITUDE: at.lon,
      LATITUDE: at.lat,
      SPEED: at.speedKmh,
      DIRECTION: at.headingDeg,
      ESEAL_STATUS: at.locked === undefined ? undefined : at.locked ? 'L' : 'U',
      BATTERY: at.percent,
    })),
  });
}
