import { MAX_PAYLOAD_BYTES } from '@sealwatch/schemas';
import { report } from '../intake/rig.ts';

type Chance = () => number;

const pick = <T>(chance: Chance, of: readonly T[]): T => of[Math.floor(chance() * of.length)] as T;

/** Values that JSON may hold and a report may not, or only in some places; some are no JSON at all. */
const VALUES = [
  ...[
    'NaN',
    'Infinity',
    '-1',
    '-0',
    '1.5',
    '1e309',
    '-1e309',
    '91',
    '181',
    '255',
    '4294967295',
    '4294967296',
    '1e-320',
  ],
  ...[
    '9007199254740993',
    'null',
    'true',
    '""',
    '"12"',
    '[]',
    '{}',
    '[[[]]]',
    '{"__proto__":{"polluted":1}}',
    'undefined',
  ],
  ...['"\\u0000"', '"\\ud800"', '"2026-02-30T00:00:00Z"', '"1969-12-31T23:59:59Z"', '"9999-12-31T23:59:59.999Z"'],
  ...['"+010000-01-01T00:00:00Z"', '"2026-01-01"', '"now"', '"cut"', '"gnss"', '-91', '1e5'],
];
const ADDED = [
  '"__proto__":{"polluted":1}',
  '"constructor":{"prototype":{"polluted":1}}',
  '"seq":7',
  '"v":2',
  '"position":{"lon":0,"lat":91,"source":"gnss"}',
  '"events":[{"type":"illegal-card","card":"\\u0000"}]',
  '"events":[{"type":"wrong-password","count":1e309}]',
  '"toString":1,"hasOwnProperty":null',
];

/** One thing is wrong with the text of a record, or surprising about it. */
const MANGLE: ((text: string, chance: Chance) => string)[] = [
  (text, chance) => replaceValue(text, chance, pick(chance, VALUES)),
  (text, chance) => replaceValue(text, chance, pick(chance, VALUES)),
  // Duplicate keys: before what is there, and after it.
  (text, chance) => `{${pick(chance, ADDED)},${text.slice(1)}`,
  (text, chance) => `${text.slice(0, -1)},${pick(chance, ADDED)}}`,
  (text, chance) => text.replace(/"[a-zA-Z]+":/, () => pick(chance, ['"v":', '"":', '"__proto__":'])),
  (text, chance) => `${text.slice(0, -1)},"deep":${nested(Math.floor(chance() * 40))}}`,
  (text, chance) => `${text.slice(0, -1)},"long":"${'x'.repeat(Math.floor(chance() * 60_000))}"}`,
  (text, chance) =>
    `${text.slice(0, -1)},"events":[{"type":"illegal-card","card":"${'8'.repeat(chance() * 60_000)}"}]}`,
  (text, chance) => text.slice(0, chance() * text.length),
  (text, chance) => {
    const at = Math.floor(chance() * text.length);
    return text.slice(0, at) + String.fromCharCode(Math.floor(chance() * 0x250)) + text.slice(at + 1);
  },
  (text) => text,
];

function replaceValue(text: string, chance: Chance, value: string): string {
  const values = [...text.matchAll(/(?<=":)("[^"]*"|[-\d.]+)/g)];
  const { index, 0: old } = pick(chance, values);
  return text.slice(0, index) + value + text.slice(index + old.length);
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

function recordText(chance: Chance, startMs: number): string {
  const share = chance();
  const record = report(Math.floor(chance() * 2 ** 32), startMs + Math.floor(share * 3_600_000), 120 + share, {
    boot: Math.floor(chance() * 2 ** 32),
    offM: chance() < 0.2 ? 900 : 0,
    kind: chance() < 0.3 ? 'backfill' : 'live',
  });
  const text = JSON.stringify(record);
  return chance() < 0.75 ? pick(chance, MANGLE)(text, chance) : text;
}

/** A payload as a broken, old, new or hostile lock may send it; at most 256 KiB. */
export function mangledPayload(chance: Chance, startMs: number): Buffer {
  const kind = chance();
  let text = recordText(chance, startMs);
  if (kind > 0.6) text = `[${Array.from({ length: 1 + chance() * 4 }, () => recordText(chance, startMs)).join()}]`;
  if (kind > 0.93)
    text = pick(chance, ['', ' ', '[]', 'null', '0', '"x"', '[[]]', `[${text}]`, nested(3_000), '{'.repeat(999)]);
  const bytes = Buffer.from(text);
  if (chance() < 0.05) bytes[Math.floor(chance() * bytes.length)] = Math.floor(chance() * 256);
  return bytes.subarray(0, MAX_PAYLOAD_BYTES);
}
