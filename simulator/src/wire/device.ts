import type { Decoded } from '@sealwatch/bridge/codecs';
import type { Report } from '@sealwatch/schemas';

/** A record with the second that the device gives it: two of its records never have the same. */
export interface DeviceRecord {
  report: Report;
  /** Epoch s, as its clock shows it. */
  second: number;
}

/** A frame, and what the platform's acknowledgement of it names; absent: it has none. */
export interface WireFrame {
  bytes: Uint8Array;
  ack?: string;
}

/** What a device makes of something that it was told. */
export interface Heard {
  /** Names of frames that it need not keep any more. */
  acks: string[];
  answers: Uint8Array[];
  /** It was told to open: a record says that it has. */
  opens: boolean;
}

/** One lock of the market on its connection. */
export interface Device {
  /** What it says when it has connected. */
  hello(): Uint8Array[];
  /** Records in the order in which they are sent; those of a dead zone newest first. */
  frames(records: readonly DeviceRecord[]): WireFrame[];
  /** The n-th frame that no platform can read. */
  malformed(n: number): Uint8Array;
  /** What it sends once it has opened. */
  opened(last: DeviceRecord): WireFrame[];
  heard(decoded: Decoded): Heard;
}

export const heardNothing: Heard = { acks: [], answers: [], opens: false };

/** Digits in pairs of a time, UTC. */
export function timeDigits(second: number): { date: [year: string, month: string, day: string]; clock: string } {
  const iso = new Date(second * 1_000).toISOString();
  const [year = '', month = '', day = ''] = iso.slice(2, 10).split('-');
  return { date: [year, month, day], clock: iso.slice(11, 19).replaceAll(':', '') };
}

/** Signal 0–31 of a strength in dBm; 99: none. */
export const csqOf = (rssiDbm: number | undefined): number =>
  rssiDbm === undefined ? 99 : Math.min(31, Math.max(0, Math.round((rssiDbm + 113) / 2)));

const CHARGES = 0xff;
export const batteryByte = ({ battery }: Report): number =>
  battery?.charging || battery?.percent === undefined ? CHARGES : Math.round(battery.percent);
