import { decode, reportsOf, Splitter } from '../src/index.ts';
import { encodeFrame } from '../src/jt808/frame.ts';
import type { Location } from '../src/jt808/location.ts';
import { type Message, writeMessage } from '../src/jt808/messages.ts';
import { bytesOf, FRAMES } from './frames.ts';
import { profileOf } from './profiles.ts';

export const framesOf = (bytes: Uint8Array) => {
  const splitter = new Splitter();
  return [...splitter.push(bytes), ...splitter.end()].map(decode);
};
export const reports = (bytes: Uint8Array, profile: string) =>
  framesOf(bytes).flatMap((decoded) => reportsOf(decoded, profileOf(profile)).records);
/** A frame of the fixtures. */
export const known = (n: number) => bytesOf(FRAMES.find((frame) => frame.n === n)!);

export const HEADER = { flags: 0, shape: '2013' as const, phone: '013912344323', serial: 7 };
export const AT: Location = {
  alarms: 0,
  status: 2,
  latE6: 29_306_200,
  lonE6: 120_075_400,
  altitudeM: 5,
  speedTenthKmh: 784,
  headingDeg: 74,
  time: '260510101010',
  tags: [],
};
export const framed = (id: number, message: Message, serial = 7) =>
  encodeFrame({ ...HEADER, id, serial }, writeMessage(id, message, '2013'));
/** A frame of 0x0200 with something else than `AT`. */
export const located = (change: Partial<Location>, serial?: number) =>
  framed(0x0200, { type: 'location', location: { ...AT, ...change } }, serial);
export const one = (bytes: Uint8Array, profile = 'jt808') => reports(bytes, profile)[0]!.report;
