import { Report } from '@sealwatch/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { codecOf } from '../../src/record/codec.ts';
import { boundsIn, pathsIn, validValues } from './arbitrary.ts';
import { EVERY_KIND } from './every-kind.ts';

const runs = { numRuns: process.env.SEALWATCH_DEEP === '1' ? 200_000 : 4_000 };

/** Fields that only the schema reads: a report with one of them takes the slower way. */
const LEFT_TO_THE_SCHEMA = ['events', 'doors', 'cell'];

/** JSON texts that a field may hold wrongly, or oddly and rightly. */
const ODD = [
  ...[
    'null',
    'true',
    '-0',
    '-1',
    '0.5',
    '1e309',
    '-1e309',
    '1e-320',
    '9007199254740993',
    '"1"',
    '""',
    '[]',
    '{}',
    '[{}]',
  ],
  ...['"LIVE"', '"a\\u0000b"', '"a\\ud800b"', '"😀"', '{"id":1,"more":2}', '[true]', '[{"type":"jamming"}]'],
  ...['"2026-02-29T00:00:00Z"', '"2024-02-29T00:00:00Z"', '"2026-04-31T00:00:00.000Z"', '"2026-12-31T24:00:00Z"'],
  ...['"2026-11-21T03:04:05+08:00"', '"2026-11-21T03:04:60Z"', '"2026-11-21T03:04Z"', '"1969-12-31T23:59:59.999Z"'],
  ...['"2026-11-21T03:04:05.1234567Z"', '"2026-11-21t03:04:05z"', '"+002026-11-21T03:04:05Z"'],
  ...['"2026-11-21T03:04:05Z\\n"', '"0000-01-01T00:00:00.000Z"', '"9999-12-31T23:59:59Z"'],
  ...['"2026-00-10T00:00:00Z"', '"2026-11-00T00:00:00Z"'],
];

interface Change {
  path: string[];
  odd: string;
}

/** The text of a report with fields added; a field that was there already stands there twice, and the later one counts. */
function textOf(report: object, changes: Change[]): string {
  let text = JSON.stringify(report);
  for (const { path, odd } of changes) {
    const [part, name] = path as [string, string?];
    const opened = name === undefined ? '{' : `"${part}":{`;
    const at = text.indexOf(opened);
    if (at < 0) continue;
    const own = name === undefined ? text.length - 1 : text.indexOf('}', at);
    const comma = text[own - 1] === '{' ? '' : ',';
    text = `${text.slice(0, own)}${comma}"${name ?? part}":${odd}${text.slice(own)}`;
  }
  return text;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

describe.each([
  ['the contract', Report],
  ['a schema with fields of every kind', EVERY_KIND],
])('a report of %s read by the compiled reader', (_name, schema) => {
  const codec = codecOf(schema);
  const valid = validValues(schema);
  const paths = pathsIn(schema);
  const groups = new Set(paths.flatMap(([key, own]) => (own === undefined ? [] : [key!])));
  const unknown = ['__proto__', 'more'].flatMap((own) => [[own], ...[...groups].map((key) => [key, own])]);
  const fields = [...paths, ...unknown];
  const odds = [...ODD, ...boundsIn(schema)];

  const agree = (text: string) => {
    const value: unknown = JSON.parse(text);
    const read = codec.readFast('SW000001', value, 1_000);
    if (read) {
      expect({ record: read, leftOut: [] }).toStrictEqual(codec.readByField('SW000001', JSON.parse(text), 1_000));
    }
    return read;
  };

  it('is the record that reading field by field makes of it', () => {
    fc.assert(
      fc.property(valid, (report) => {
        // The 29th of February is left to the schema.
        if (String(report.time).includes('-02-29T')) return;
        const plain = Object.fromEntries(Object.entries(report).filter(([key]) => !LEFT_TO_THE_SCHEMA.includes(key)));
        expect(agree(JSON.stringify(plain))).toBeDefined();
        agree(JSON.stringify(report));
      }),
      runs,
    );
  });

  it('is never taken where field by field something is left out or read otherwise', () => {
    const change = fc.record({ path: fc.constantFrom(...fields), odd: fc.constantFrom(...odds) });
    fc.assert(
      fc.property(valid, fc.array(change, { minLength: 1, maxLength: 3 }), (report, changes) => {
        const text = textOf(report, changes);
        // A text in the report may hold the bracket that is looked for.
        fc.pre(isJson(text));
        agree(text);
      }),
      runs,
    );
  });

  it('is never taken with a wrong value in one field', () => {
    const reports = fc.sample(valid, { numRuns: 3, seed: 7 });
    for (const path of fields)
      for (const odd of odds) {
        for (const text of reports.map((report) => textOf(report, [{ path, odd }])).filter(isJson)) agree(text);
      }
  });

  it.each(['null', '[]', '1', '"text"', '{}'])('is not %s', (text) => {
    expect(agree(text)).toBeUndefined();
  });
});

describe('a field whose check cannot be told from the schema', () => {
  const minimal = { v: 1, boot: 1, seq: 1, time: '2026-11-21T03:04:05.000Z' };

  it.each([
    ['an open bound', z.number().gt(0)],
    ['a rule of its own', z.int().refine((n) => n % 2 === 0)],
    ['a conversion', z.coerce.number()],
    ['a form of text', z.iso.date()],
    ['a pattern', z.string().regex(/a/)],
  ])('is left to the schema: %s', (_name, field) => {
    const codec = codecOf(Report.extend({ extra: field.optional() }));
    expect(codec.readFast('SW000001', minimal, 1_000)).toBeDefined();
    for (const extra of [0, 1, 2, '2', '2026-11-21', 'b']) {
      expect(codec.readFast('SW000001', { ...minimal, extra }, 1_000)).toBeUndefined();
    }
  });

  it('is left to the schema where a group has a rule over its fields', () => {
    const group = z.object({ a: z.number(), b: z.number() }).refine(({ a, b }) => a < b);
    const codec = codecOf(Report.extend({ group: group.optional() }));
    expect(codec.read('SW000001', { ...minimal, group: { a: 1, b: 2 } }, 1_000)).toHaveProperty('record.group.b', 2);
    const broken = codec.read('SW000001', { ...minimal, group: { a: 2, b: 1 } }, 1_000);
    expect(broken).toMatchObject({ leftOut: [{ field: 'group' }] });
    expect(broken).not.toHaveProperty('record.group');
  });

  it.each([
    ['a transform', z.string().transform(Number), /kind pipe/],
    ['a name that is no column', undefined, /camelCase/],
    ['a column that another field has', undefined, /column lat/],
  ])('is refused at the start where it could not be stored: %s', (name, field, message) => {
    const extra = field ? { extra: field } : name.includes('no column') ? { 'x-y': z.number() } : { lat: z.number() };
    expect(() => codecOf(Report.extend(extra))).toThrow(message);
  });
});
