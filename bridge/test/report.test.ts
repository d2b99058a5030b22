import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { reportsOf } from '../src/index.ts';
import { encodeFrame } from '../src/jt808/frame.ts';
import { writeLocation } from '../src/jt808/location.ts';
import type { Message } from '../src/jt808/messages.ts';
import { timeOf } from '../src/report/time.ts';
import { u8 } from './arbitraries.ts';
import { profileOf } from './profiles.ts';
import { AT, framed, framesOf, HEADER, located, one, reports } from './reported.ts';

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
    ['jt808-g360p', { alarms: 1 << 4 }, { rope: 'pulled' }],
    ['jt808-g360p', { alarms: 0 }, undefined],
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

  it('takes a battery in hundredths of a percent', () => {
    const battery = (...value: number[]) =>
      one(located({ tags: [{ id: 0x68, value: Uint8Array.from(value) }] }), 'jt808-hhd').battery;
    expect([battery(0, 0, 3, 0xd4), battery(0, 0, 0x27, 0x11)]).toEqual([{ percent: 9.8 }, undefined]);
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
