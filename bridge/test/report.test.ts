import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, reportsOf, Splitter } from '../src/index.ts';
import { encodeBinary } from '../src/jointech/binary.ts';
import { encodeLine } from '../src/jointech/text.ts';
import { encodeFrame } from '../src/jt808/frame.ts';
import { type Location, writeLocation } from '../src/jt808/location.ts';
import { type Message, writeMessage } from '../src/jt808/messages.ts';
import { timeOf } from '../src/report/time.ts';
import { u8 } from './arbitraries.ts';
import { bytesOf, FRAMES } from './frames.ts';
import { profileOf } from './profiles.ts';

const framesOf = (bytes: Uint8Array) => {
  const splitter = new Splitter();
  return [...splitter.push(bytes), ...splitter.end()].map(decode);
};
const reports = (bytes: Uint8Array, profile: string) =>
  framesOf(bytes).flatMap((decoded) => reportsOf(decoded, profileOf(profile)).records);
const known = (n: number) => bytesOf(FRAMES.find((frame) => frame.n === n)!);

const HEADER = { flags: 0, shape: '2013' as const, phone: '013912344323', serial: 7 };
const AT: Location = {
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
const framed = (id: number, message: Message, serial = 7) =>
  encodeFrame({ ...HEADER, id, serial }, writeMessage(id, message, '2013'));
const located = (change: Partial<Location>, serial?: number) =>
  framed(0x0200, { type: 'location', location: { ...AT, ...change } }, serial);
const one = (bytes: Uint8Array, profile = 'jt808') => reports(bytes, profile)[0]!.report;

describe('the report of a location', () => {
  it.each([
    ['northern and eastern', 2, 29.3062, 120.0754],
    ['southern', 2 | 4, -29.3062, 120.0754],
    ['western', 2 | 8, 29.3062, -120.0754],
    ['southern and western', 2 | 4 | 8, -29.3062, -120.0754],
  ])('has %s degrees by the status', (_, status, lat, lon) => {
    expect(one(located({ status })).position).toMatchObject({ lat, lon, speedKmh: 78.4, headingDeg: 74 });
  });

  it.each([
    ['without a fix', { status: 0 }],
    ['at 0/0', { latE6: 0, lonE6: 0 }],
    ['beyond the pole', { latE6: 90_000_001 }],
    ['with encrypted coordinates', { status: 2 | 32 }],
    ['of a lock without a clock', { time: '000101000024' }],
    ['of a time that is none', { time: '260500101010' }],
  ])('has no position %s, and is a report nevertheless', (_, change) => {
    expect(one(located(change)).position).toBeUndefined();
    expect(one(located(change)).seal).toEqual({ motor: 'unlocked' });
  });

  it('keeps the place of a GPS week rollover, whose time the platform puts right', () => {
    expect(one(located({ time: '070113102041' }))).toMatchObject({
      time: '2007-01-13T02:20:41.000Z',
      position: { lat: 29.3062 },
    });
  });

  it.each(['260500101010', '261301000000', '260230000000', 'AB0510101010', '260510240000', '260510106100'])(
    'says 1970 where %s is no time, which the platform never believes',
    (time) => {
      expect(one(located({ time }))).toMatchObject({ time: '1970-01-01T00:00:00.000Z', boot: 0 });
    },
  );

  it('reads the time in the zone of its profile', () => {
    expect(one(located({}), 'jt808').time).toBe('2026-05-10T02:10:10.000Z');
    expect(one(located({}), 'jointech-709').time).toBe('2026-05-10T10:10:10.000Z');
    expect(timeOf('260510101010', 'YMD', '-03:30')).toBe(Date.UTC(2026, 4, 10, 13, 40, 10));
  });

  it('has a position of a cell tower as such', () => {
    expect(one(located({ status: 1 << 6 }), 'jointech-709').position).toEqual({
      lat: 29.3062,
      lon: 120.0754,
      accuracyM: 2_000,
      source: 'cell',
    });
  });

  it.each([
    ['jointech-709', { status: 2 }, { rope: 'inserted', motor: 'locked', cover: 'closed' }],
    ['jointech-709', { status: 2 | (1 << 20) | (1 << 21) }, { rope: 'pulled', motor: 'unlocked', cover: 'closed' }],
    ['jointech-709', { alarms: 1 << 16 }, { rope: 'inserted', motor: 'locked', cover: 'opened' }],
    ['jointech-707', { tags: [{ id: 0xda, value: Uint8Array.of(0, 1, 0b1001) }] }, { rope: 'cut', cover: 'closed' }],
    [
      'jointech-707',
      { tags: [{ id: 0xda, value: Uint8Array.of(0, 1, 0) }] },
      { rope: 'inserted', motor: 'locked', cover: 'closed' },
    ],
    ['jointech-707', {}, { cover: 'closed' }],
    ['jt808', { status: 2 | (1 << 12) }, { motor: 'locked' }],
    ['jt808-g360p', { alarms: 1 << 4 }, { rope: 'pulled', cover: 'closed' }],
    ['jt808-huabao', { status: 2 | (1 << 12) }, undefined],
  ])('of %s says of the seal what its profile reads in %o', (profile, change, seal) => {
    expect(one(located(change), profile).seal).toEqual(seal);
  });

  it.each([
    [[0x22, 0, 0x83, 0xa6, 0x7f], { type: 'unlock', source: 'card', card: '0008627839', verified: true }],
    [
      [0x22, 0, 0x83, 0xa6, 0x7f, 0xff],
      { type: 'unlock', source: 'card', card: '0008627839', verified: false, reason: 'refused' },
    ],
    [[0x2a, 0, 0x83, 0xa6, 0x7f], { type: 'illegal-card', card: '0008627839' }],
    [[0x03, 0x38, 0x36, 0x39, 0x36, 0x30, 0x37, 1], { type: 'unlock', source: 'password', verified: true }],
    [[0x06, 0x38, 0x36, 0x39, 0x36, 0x30, 0x37, 0], { type: 'wrong-password' }],
  ])('reads the lock event %o', (value, event) => {
    const tags = [{ id: 0x0b, value: Uint8Array.from(value) }];
    expect(one(located({ tags }), 'jointech-709').events).toEqual([event]);
  });

  it('takes 0xFF for charging, and no percentage above 100', () => {
    const battery = (value: number) =>
      one(located({ tags: [{ id: 0xd4, value: Uint8Array.of(value) }] }), 'jointech-709').battery;
    expect([battery(100), battery(255), battery(101)]).toEqual([{ percent: 100 }, { charging: true }, undefined]);
  });

  it('is lost by nothing behind an item that overruns', () => {
    const bytes = writeLocation({ ...AT, tags: [{ id: 0x30, value: Uint8Array.of(20) }] });
    fc.assert(
      fc.property(u8, fc.integer({ min: 1, max: 255 }), (id, length) => {
        const body = Uint8Array.from([...bytes, id, length]);
        const seen = one(encodeFrame({ ...HEADER, id: 0x0200 }, body));
        expect(seen).toMatchObject({ position: { lat: 29.3062 }, network: { rssiDbm: -73 } });
      }),
    );
  });
});

describe('a batch', () => {
  const item = (time: string) => writeLocation({ ...AT, time });
  const batch = (items: Uint8Array[], kind: number, rest = new Uint8Array(0)): Message => ({
    type: 'batch',
    kind,
    isBlind: kind === 1,
    count: items.length,
    items,
    rest,
  });

  it('of blind records is back-filled, oldest first', () => {
    const found = reports(framed(0x0704, batch([item('260510101030'), item('260510101010')], 1)), 'jt808');
    expect(found.map(({ report }) => [report.kind, report.time.slice(17, 19)])).toEqual([
      ['backfill', '10'],
      ['backfill', '30'],
    ]);
    expect(reports(framed(0x0704, batch([item('260510101030')], 0)), 'jt808')[0]?.report.kind).toBe('live');
  });

  it('whose lengths lie gives the items that can be read, and says what cannot', () => {
    const rest = Uint8Array.of(0x7f, 0xff, 1, 2, 3);
    const short = Uint8Array.of(1, 2, 3);
    const [decoded] = framesOf(framed(0x0704, batch([item('260510101010'), short], 1, rest)));
    const { records, notes } = reportsOf(decoded!, profileOf('jt808'));
    expect(records).toHaveLength(1);
    expect(notes.map(({ field }) => field)).toEqual(['items.1', 'items']);
  });
});

describe('an item of a batch whose length reaches beyond the end', () => {
  it('gives time, place and state, and nothing of the bytes behind them', () => {
    const tags = [{ id: 0x30, value: Uint8Array.of(20) }];
    const rest = Uint8Array.of(0x7f, 0xff, ...writeLocation({ ...AT, tags }));
    const lying: Message = { type: 'batch', kind: 1, isBlind: true, count: 1, items: [], rest };
    const [decoded] = framesOf(framed(0x0704, lying));
    const { records, notes } = reportsOf(decoded!, profileOf('jt808'));
    expect(records).toMatchObject([{ report: { kind: 'backfill', position: { lat: 29.3062 } } }]);
    expect(records[0]?.report.network).toBeUndefined();
    expect(notes.map(({ field }) => field)).toContain('items');
  });
});

describe('the identity of a record', () => {
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

describe('a frame of Jointech', () => {
  const p45 = (source: string, verification: string, change = {}) => {
    const [decoded] = framesOf(known(84));
    if (decoded === undefined || !('line' in decoded) || decoded.line.type !== 'p45') throw new Error('no P45');
    const event = { ...decoded.line.event, source, verification, ...change };
    return one(encodeLine({ ...decoded.line, event }), 'jointech-701d');
  };
  const card = '0008627839';

  it.each([
    ['1', '1', { type: 'unlock', source: 'card', card, verified: true }],
    ['3', '98', { type: 'unlock', source: 'card', card, verified: true }],
    ['1', '99', { type: 'unlock', source: 'card', card, verified: false, reason: 'outside-area' }],
    ['1', '0', { type: 'unlock', source: 'card', card, verified: false, reason: 'refused' }],
    ['2', '0', { type: 'illegal-card', card }],
    ['4', '0', { type: 'wrong-password', count: 0 }],
    ['5', '0', { type: 'lock', source: 'auto' }],
    ['6', '7', { type: 'unlock', source: 'dynamic-password', card, verified: true }],
    ['7', '1', { type: 'unlock', source: 'bluetooth', card, verified: true }],
  ])('tells by P45 with source %s and verification %s what happened', (source, verification, event) => {
    expect(p45(source, verification).events).toEqual([event]);
  });

  it('tells by P45 with source 8 that the rope was pulled out', () => {
    expect(p45('8', '0')).toMatchObject({ seal: { rope: 'pulled' } });
    expect(p45('8', '0').events).toBeUndefined();
  });

  it('has packed degrees near the equator and decimal ones read as what they are', () => {
    const place = (lat: string, lon: string) => p45('5', '0', { lat, lon }).position;
    expect(place('0059.5000', '00010.2000')).toMatchObject({ lat: 0.9916667, lon: 0.17 });
    expect(place('59.5000', '10.2000')).toMatchObject({ lat: 59.5, lon: 10.2 });
    expect(place('2260.0000', '11325.0000')).toBeUndefined();
    expect(place('x', '10.2')).toBeUndefined();
  });

  const binary = (n: number, change: object, profile: string) => {
    const [decoded] = framesOf(known(n));
    if (decoded === undefined || !('record' in decoded)) throw new Error('no $');
    return one(encodeBinary({ ...decoded.record, ...change }), profile);
  };

  it.each([
    [0x20e0, { rope: 'inserted', motor: 'locked', cover: 'closed' }],
    [0x20e8, { rope: 'cut', motor: 'locked', cover: 'closed' }],
    [0x2020, { rope: 'pulled', motor: 'unlocked', cover: 'closed' }],
    [0x60e0, { rope: 'inserted', motor: 'stuck', cover: 'closed' }],
    [0x30e0, { rope: 'inserted', motor: 'locked', cover: 'opened' }],
    [0x00e0, { rope: 'inserted', motor: 'locked', cover: 'opened' }],
  ])('of a JT701D reads the status %i', (status, seal) => {
    expect(binary(66, { status }, 'jointech-701d').seal).toEqual(seal);
  });

  it('takes the bits of a state for events in alarm frames alone', () => {
    expect(binary(66, { status: 0x26f0, data: 1 }, 'jointech-701d').events).toBeUndefined();
    expect(binary(66, { status: 0x26f0, data: 2 }, 'jointech-701d').events).toEqual([
      { type: 'illegal-card' },
      { type: 'wrong-password', count: 5 },
      { type: 'vibration' },
    ]);
  });

  it('is live when it is seconds old, and history only as type 3', () => {
    expect([1, 2, 3, 4].map((data) => binary(66, { data }, 'jointech-701d').kind)).toEqual([
      'live',
      'live',
      'backfill',
      'live',
    ]);
  });

  it('reads knots as a number in $ and as two digits in 0x5501', () => {
    expect(binary(71, { speed: 0x12 }, 'jointech-701').position?.speedKmh).toBe(33.3);
    const [decoded] = framesOf(known(18));
    if (decoded === undefined || !('header' in decoded) || decoded.message.type !== 'jt705')
      throw new Error('no 0x5501');
    const { header, message } = decoded;
    const speed = (value: number) =>
      one(
        encodeFrame(header, writeMessage(0x5501, { ...message, record: { ...message.record, speed: value } }, 'short')),
        'jointech-705a',
      ).position?.speedKmh;
    expect([speed(0x12), speed(0x0a)]).toEqual([22.2, undefined]);
  });

  it('is not believed with a wrong checksum, unless its profile says so', () => {
    const spoilt = located({}).map((byte, i) => (i === 20 ? byte ^ 1 : byte));
    expect(reports(spoilt, 'jt808')).toEqual([]);
    const [decoded] = framesOf(spoilt);
    expect(reportsOf(decoded!, { ...profileOf('jt808'), checksum: 'ignore' }).records).toHaveLength(1);
  });
});
