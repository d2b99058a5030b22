import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Context, type Mapped, type Profile, reportsOf } from '../src/index.ts';
import { encodeBinary } from '../src/jointech/binary.ts';
import { encodeLine } from '../src/jointech/text.ts';
import { encodeFrame } from '../src/jt808/frame.ts';
import { writeLocation } from '../src/jt808/location.ts';
import { writeMessage } from '../src/jt808/messages.ts';
import { binary, location, shaped, subLock, u8 } from './arbitraries.ts';
import { bytesOf, FRAMES } from './frames.ts';
import { PROFILES } from './profiles.ts';
import { AT, framed, framesOf, HEADER, known, located, one, reports } from './reported.ts';

const identity = ({ lockId, report: { boot, seq } }: Mapped) => `${lockId}/${boot}/${seq}`;

const upTo = (max: number, min = 0) => fc.integer({ min, max });
const digits = fc.tuple(upTo(99), upTo(12, 1), upTo(28, 1), upTo(23), upTo(59), upTo(59));
const two = (value: number) => String(value).padStart(2, '0');
/** Twelve digits that are a time in both orders. */
const time = digits.map((parts) => parts.map(two).join(''));
const frame: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc
    .record({ location, time, isNow: fc.boolean() })
    .map((l) => located(l.isNow ? { ...l.location, time: l.time } : l.location)),
  fc.record({ record: binary, time }).map((b) => encodeBinary({ ...b.record, time: b.time })),
  fc.record({ record: subLock, sensorTime: time, time }).map(({ record, ...times }) =>
    encodeLine({
      ...{ type: 'sub-lock', deviceId: '7501234567', protocol: '1', serial: '001' },
      record: { ...record, ...times },
    }),
  ),
  shaped
    .filter(({ message: { type } }) => type === 'jt705')
    .map(({ id, message }) => encodeFrame({ ...HEADER, id, shape: 'short' }, writeMessage(id, message, 'short'))),
);
/** Everything that a profile makes of a record, said otherwise. */
const change: fc.Arbitrary<Partial<Profile>> = fc.record({
  seal: fc.constantFrom<Profile['seal']>(
    {},
    { rope: [{ is: 'cut' }] },
    { motor: [{ is: 'stuck' }], cover: [{ is: 'opened' }] },
  ),
  mode: fc.constantFrom<Profile['mode']>([], [{ is: 'sleep' }], [{ is: 'deep-sleep' }]),
  events: fc.constantFrom<Profile['events']>(
    [],
    [{ type: 'vibration', frame: 'any', when: [{ word: 'status', bit: 1, byte: 0, equals: 1 }] }],
  ),
  charging: fc.constantFrom([], [101, 170], [255]),
  version: fc.integer({ min: 1, max: 9 }),
  acknowledge: fc.constantFrom<Profile['acknowledge']>('0x8001', 'P69', 'P35'),
  subLockSerial: fc.constantFrom<Profile['subLockSerial']>('sensor', 'frame'),
  cellPosition: fc.constantFrom<Profile['cellPosition']>(
    { word: 'status', bit: 6, byte: 0, equals: 1 },
    { word: 'status', bit: 0, byte: 0, equals: 0 },
  ),
});
const context: fc.Arbitrary<Context> = fc.constantFrom(
  {},
  ...(['sleep', 'awake', 'sealed', 'tracking', 'deep-sleep'] as const).map((mode) => ({ mode })),
);
/** Items of a hub aside, items may mean anything else. */
const renamed = ({ tags }: Profile): Profile['tags'] =>
  Object.fromEntries(
    Object.entries(tags).map(([id, { name, as }]) => [
      id,
      { name, as: as === 'huabao-sub-locks' || as === 'hhd-seals' ? as : 'other' },
    ]),
  );

describe('the identity of a record', () => {
  it('is made of what the lock says alone: it is the same whatever the bridge knows of the lock, and whatever its profile says', () => {
    fc.assert(
      fc.property(frame, fc.constantFrom(...PROFILES.values()), change, context, (bytes, profile, changed, known) => {
        const [decoded] = framesOf(bytes);
        const sent = reportsOf(decoded!, profile).records.map(identity);
        const { subLocks } = profile;
        // Which seals stand behind a hub, and the zone of its clock, are the two things that a profile says of a record's origin.
        const other = { ...profile, ...changed, ...(subLocks ? { subLocks } : {}), tags: renamed(profile) };
        expect(reportsOf(decoded!, other, known).records.map(identity)).toEqual(sent);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is that of the frames that were recorded, whatever the bridge knows', () => {
    for (const { frame, profile } of FRAMES.flatMap((raw) =>
      [...PROFILES.values()].map((one) => ({ frame: raw, profile: one })),
    )) {
      for (const decoded of framesOf(bytesOf(frame))) {
        const sent = reportsOf(decoded, profile).records.map(identity);
        expect(reportsOf(decoded, profile, { mode: 'sealed' }).records.map(identity)).toEqual(sent);
      }
    }
  });

  it('is that of the live record where it comes again as a blind one, an alarm, or a replay', () => {
    fc.assert(
      fc.property(binary, u8, u8, (record, data, serial) => {
        const isSame = (one: Uint8Array, two: Uint8Array, profile: string) =>
          expect(reports(two, profile).map(identity)).toEqual(reports(one, profile).map(identity));
        const timed = { ...record, time: '100526101010' };
        isSame(encodeBinary(timed), encodeBinary({ ...timed, data: data % 16, serial }), 'jointech-701d');
      }),
    );
    const [decoded] = framesOf(known(99));
    if (decoded === undefined || !('line' in decoded) || decoded.line.type !== 'sub-lock') throw new Error('no WLNET');
    const { line } = decoded;
    const lock = line.record.lock!;
    const replayed = {
      ...line.record,
      time: '100526101010',
      sensorSerial: 99,
      lock: { ...lock, events: lock.events | (1 << 15) },
    };
    const [, live] = reports(encodeLine(line), 'jointech-701d');
    const [, late] = reports(encodeLine({ ...line, record: replayed }), 'jointech-701d');
    expect(late!.report.kind).toBe('backfill');
    expect(identity(late!)).toEqual(identity(live!));
  });

  it('is that of its resend and of its copy in a batch, whatever their numbers', () => {
    const live = one(located({}, 500));
    const copy = one(
      framed(
        0x0704,
        { type: 'batch', kind: 1, isBlind: true, count: 1, items: [writeLocation(AT)], rest: new Uint8Array(0) },
        731,
      ),
    );
    expect([copy.boot, copy.seq]).toEqual([live.boot, live.seq]);
    expect(live.boot).toBe(Date.parse(live.time) / 1_000);
    expect([live.kind, copy.kind]).toEqual(['live', 'backfill']);
  });

  it('is another one for every other content of the same second', () => {
    const seen = new Map<number, string>();
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 3_599 }),
        fc.integer({ min: 0, max: 2_000 }),
        (headingTenth, speedTenthKmh) => {
          const report = one(located({ headingDeg: Math.floor(headingTenth / 10), speedTenthKmh }));
          const { boot: _, seq, ...content } = report;
          const text = JSON.stringify(content);
          expect(seen.get(seq) ?? text).toBe(text);
          seen.set(seq, text);
        },
      ),
      { numRuns: 500 },
    );
    expect(seen.size).toBeGreaterThan(400);
  });

  it('tells equal records of a lock without a clock apart by their number on the wire', () => {
    const [a, again, b] = [7, 7, 8].map((serial) => one(located({ time: '000000000000' }, serial)));
    expect(again).toEqual(a);
    expect(b?.seq).not.toBe(a?.seq);
  });

  it('puts positions before events of the same second', () => {
    const tags = [{ id: 0x0b, value: Uint8Array.of(0x22, 0, 0, 0, 1) }];
    expect(one(located({ tags }), 'jointech-709').seq).toBeGreaterThan(one(located({}), 'jointech-709').seq);
  });
});
