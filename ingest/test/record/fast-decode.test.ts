import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBySchema } from '../../src/record/decode.ts';
import { readPlain } from '../../src/record/fast-decode.ts';

const runs = { numRuns: process.env.SEALWATCH_DEEP === '1' ? 200_000 : 4_000 };

const some = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const number = (min: number, max: number) =>
  fc.oneof(fc.double({ min, max, noNaN: true }), fc.integer({ min: Math.ceil(min), max: Math.floor(max) }));
const u32 = fc.oneof(fc.constantFrom(0, 1, 0xffff_ffff), fc.nat());
const time = fc
  .date({ min: new Date(0), max: new Date('2099-12-31T23:59:59.999Z'), noInvalidDate: true })
  .chain((date) => fc.constantFrom(date.toISOString(), date.toISOString().replace(/\.\d{3}/, '')));

/** Reports as locks send them nearly always. */
const plain = fc.record({
  v: fc.constant(1),
  boot: u32,
  seq: u32,
  time,
  kind: some(fc.constantFrom('live', 'roll-call', 'backfill')),
  mode: some(fc.constantFrom('sleep', 'awake', 'sealed', 'tracking', 'deep-sleep')),
  position: some(
    fc.record({
      lon: number(-180, 180),
      lat: number(-90, 90),
      accuracyM: some(number(0, 1_000_000)),
      speedKmh: some(number(0, 2_000)),
      headingDeg: some(number(0, 360)),
      satellites: some(fc.integer({ min: 0, max: 200 })),
      source: some(fc.constantFrom('gnss', 'cell', 'wifi')),
    }),
  ),
  seal: some(
    fc.record({
      rope: fc.constantFrom('inserted', 'pulled', 'cut'),
      motor: fc.constantFrom('locked', 'unlocked', 'stuck'),
      cover: fc.constantFrom('closed', 'opened'),
      useCount: some(u32),
    }),
  ),
  battery: some(fc.record({ percent: some(number(0, 100)), charging: some(fc.boolean()) })),
  network: some(fc.record({ rssiDbm: some(number(-200, 50)) })),
});

const PARTS = ['position', 'seal', 'battery', 'network'];
const FIELDS = ['v', 'boot', 'seq', 'time', 'kind', 'mode', 'events', ...PARTS, '__proto__', 'more'].concat(
  ['position.lon', 'position.lat', 'position.accuracyM', 'position.speedKmh', 'position.headingDeg'],
  ['position.satellites', 'position.source', 'seal.rope', 'seal.motor', 'seal.cover', 'seal.useCount'],
  ['battery.percent', 'battery.charging', 'network.rssiDbm', 'battery.more', 'position.__proto__'],
);

/** JSON texts that a field may hold wrongly, or oddly and rightly. */
const ODD = [
  'null',
  'true',
  '-0',
  '-1',
  '0.5',
  '1e309',
  '-1e309',
  '4294967295',
  '4294967296',
  '1e-320',
  '"1"',
  '""',
].concat(
  ['[]', '{}', '[{}]', '"live"', '"gnss"', '"LIVE"', '180.0000001', '-180', '90', '100.5', '200', '2000', '360', '361'],
  ['"2026-02-29T00:00:00Z"', '"2024-02-29T00:00:00Z"', '"2026-04-31T00:00:00.000Z"', '"2026-12-31T24:00:00Z"'],
  ['"2026-11-21T03:04:05+08:00"', '"2026-11-21T03:04:60Z"', '"2026-11-21T03:04Z"', '"1969-12-31T23:59:59.999Z"'],
  [
    '"2026-11-21T03:04:05.1234567Z"',
    '"2026-11-21t03:04:05z"',
    '"+002026-11-21T03:04:05Z"',
    '"2026-11-21T03:04:05Z\\n"',
  ],
  ['"0000-01-01T00:00:00.000Z"', '"9999-12-31T23:59:59Z"', '"2026-00-10T00:00:00Z"', '"2026-11-00T00:00:00Z"'],
  ['[{"type":"jamming"}]', '-181', '-91', '91', '181', '101', '201', '2001', '1000001', '-201', '51'],
);

interface Change {
  field: string;
  odd: string;
}

/** The text of a report with fields taken out or overwritten; a field that is named twice stands there twice. */
function textOf(report: object, changes: Change[]): string {
  let text = JSON.stringify(report);
  for (const { field, odd } of changes) {
    const [part, name] = field.split('.') as [string, string?];
    const opened = name === undefined ? '{' : `"${part}":{`;
    const at = text.indexOf(opened);
    if (at < 0) continue;
    const own = name === undefined ? text.length - 1 : text.indexOf('}', at);
    const comma = text[own - 1] === '{' ? '' : ',';
    text = `${text.slice(0, own)}${comma}"${name ?? part}":${odd}${text.slice(own)}`;
  }
  return text;
}

const agree = (text: string) => {
  const value: unknown = JSON.parse(text);
  const read = readPlain('SW000001', value, 1_000);
  if (read) expect(read).toStrictEqual(readBySchema('SW000001', value, 1_000));
  return read;
};

describe('a plain report read without the schema', () => {
  it('is the record that the schema makes of it', () => {
    fc.assert(
      fc.property(plain, (report) => {
        // The 29th of February is left to the schema.
        if (report.time.includes('-02-29T')) return;
        expect(agree(JSON.stringify(report))).toBeDefined();
      }),
      runs,
    );
  });

  it('is never taken where the schema refuses it or reads it otherwise', () => {
    const change = fc.record({ field: fc.constantFrom(...FIELDS), odd: fc.constantFrom(...ODD) });
    fc.assert(
      fc.property(plain, fc.array(change, { minLength: 1, maxLength: 3 }), (report, changes) => {
        agree(textOf(report, changes));
      }),
      runs,
    );
  });

  it.each(FIELDS)('is never taken with a wrong %s', (field) => {
    const [whole] = fc.sample(fc.record({ v: plain }), { numRuns: 1, seed: 7 });
    const full = {
      ...whole?.v,
      position: { lon: 120, lat: 30 },
      seal: { rope: 'cut', motor: 'stuck', cover: 'opened' },
      battery: { percent: 3 },
      network: {},
    };
    for (const odd of ODD) agree(textOf(full, [{ field, odd }]));
  });

  it.each(['null', '[]', '1', '"text"', '{}'])('is not %s', (text) => {
    expect(agree(text)).toBeUndefined();
  });
});
