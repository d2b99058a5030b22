import { Stored } from '@sealwatch/schemas';
import type { z } from 'zod';
import { LETTERS, type Packing, packingOf } from './packing.ts';

/** A test of a value that agrees with the schema on every value that JSON can hold. Bounds are inclusive. */
export type Check =
  | { is: 'number'; least: number; most: number; whole: boolean }
  | { is: 'word'; words: readonly string[] }
  | { is: 'text'; least: number; most: number }
  | { is: 'boolean' };

/** The types of Postgres that a field of a report is stored in. */
export type ColumnType = 'smallint' | 'int' | 'bigint' | 'float8' | 'boolean' | 'text' | 'jsonb' | '"char"';

/** One value of a report, and the column that keeps it. */
export interface Field {
  key: string;
  column: string;
  type: ColumnType;
  required: boolean;
  /** Stands for an absent value; undefined: none does. */
  fallback?: unknown;
  /** Absent: only the schema can judge the value. */
  check?: Check;
  /** Judges the value, undefined not among them. */
  schema: z.core.$ZodType;
  /** A word that its schema does not list is kept as given. */
  isOpen: boolean;
  /** Absent: its column holds the value itself. */
  packing?: Packing;
}

/** Fields that come and go together, e.g. `position`: an object in the report, a column for each of them. */
export interface Group {
  key: string;
  required: boolean;
  fields: readonly Field[];
  /** Its checks say all that its schema does. */
  isPlain: boolean;
  schema: z.core.$ZodType;
}

/** The fields of a report, as its schema lists them; `v`, which is the same in every report, and `time` are left out. */
export interface FieldTable {
  fields: readonly Field[];
  groups: readonly Group[];
}

/** Columns are named after their field, in lower case with underscores; these would say too little. */
const COLUMN_OF: ReadonlyMap<string, string> = new Map([['battery.percent', 'battery_percent']]);

/** Firmware is renewed lock by lock, so locks say words that the platform learns later. */
const OPEN_WORDS: ReadonlySet<string> = new Set(['kind', 'mode', 'position.source']);

/** Fields that have no column of that kind: the version is constant, the time is kept as epoch milliseconds. */
const APART: ReadonlySet<string> = new Set(['v', 'time']);

type Schema = z.core.$ZodType;
type Def = z.core.$ZodTypes['_zod']['def'];
const defOf = (schema: Schema): Def => (schema as z.core.$ZodTypes)._zod.def;

/**
 * Reads the table of fields off a schema.
 * @throws where a field is of a kind that cannot be stored and read back, e.g. a transform, or two share a column
 */
export function fieldsOf(report: z.ZodObject): FieldTable {
  const fields: Field[] = [];
  const groups: Group[] = [];
  for (const [key, schema] of Object.entries(report.shape)) {
    if (APART.has(key)) continue;
    const object = objectIn(schema);
    if (object) groups.push(groupOf(key, schema, object));
    else fields.push(fieldOf(key, schema));
  }
  const columns = [...fields, ...groups.flatMap((group) => group.fields)].map((field) => field.column);
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice) throw new Error(`report: two fields have the column ${twice}; name one of them in COLUMN_OF`);
  return { fields, groups };
}

/** Of an object that may hold keys which its schema does not name, only the whole can be stored. */
function objectIn(schema: Schema): z.core.$ZodObjectDef | undefined {
  const def = defOf(schema);
  if (def.type === 'optional') return objectIn(def.innerType);
  return def.type === 'object' && def.catchall === undefined ? def : undefined;
}

function groupOf(key: string, schema: Schema, object: z.core.$ZodObjectDef): Group {
  const fields = Object.entries(object.shape).map(([own, value]) => fieldOf(own, value, key));
  return { key, required: isRequired(schema), fields, isPlain: (object.checks ?? []).length === 0, schema };
}

const isRequired = (schema: Schema): boolean => schema._zod.optin !== 'optional';

function fieldOf(key: string, schema: Schema, group?: string): Field {
  const path = group === undefined ? key : `${group}.${key}`;
  if (!CAMEL_CASE.test(path)) throw new Error(`report.${path}: expected a name in camelCase`);
  const { inner, fallback } = unwrap(schema);
  const column = COLUMN_OF.get(path) ?? key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const check = checkOf(defOf(inner));
  const packing = packed(path, inner, check);
  return {
    key,
    column,
    type: packing?.type ?? typeOf(path, defOf(inner), check),
    required: isRequired(schema),
    ...(fallback === undefined ? {} : { fallback }),
    ...(check ? { check } : {}),
    schema: inner,
    isOpen: OPEN_WORDS.has(path),
    ...(packing ? { packing } : {}),
  };
}

/** @throws where a field is declared to be stored as what it is not */
function packed(path: string, schema: Schema, check: Check | undefined): Packing | undefined {
  const stored = Stored.get(schema);
  if (stored === undefined) return undefined;
  if (stored.as !== 'letter') return packingOf(stored, []);
  const words = check?.is === 'boolean' ? [false, true] : check?.is === 'word' ? check.words : [];
  if (words.length === 0 || words.length > LETTERS)
    throw new Error(`report.${path}: a letter stands for a word of an enum`);
  return packingOf(stored, words);
}

const CAMEL_CASE = /^([a-z][A-Za-z0-9]*\.?)+$/;

function unwrap(schema: Schema): { inner: Schema; fallback?: unknown } {
  const def = defOf(schema);
  if (def.type === 'optional') return unwrap(def.innerType);
  if (def.type === 'default') return { inner: unwrap(def.innerType).inner, fallback: def.defaultValue };
  return { inner: schema };
}

const SMALL = 32_767;

function typeOf(path: string, def: Def, check: Check | undefined): ColumnType {
  if (check?.is === 'number' && check.whole)
    return check.least >= -SMALL && check.most <= SMALL ? 'smallint' : 'bigint';
  switch (def.type) {
    case 'number':
      return 'float8';
    case 'boolean':
      return 'boolean';
    case 'string':
    case 'enum':
      return 'text';
    case 'array':
    case 'object':
    case 'union':
    case 'record':
      return 'jsonb';
    default:
      throw new Error(`report.${path}: a field of the kind ${def.type} cannot be stored`);
  }
}

function checkOf(def: Def): Check | undefined {
  const rules = (def.checks ?? []).map((check) => check._zod.def);
  if ('coerce' in def && def.coerce) return undefined;
  if (def.type === 'number') return numberCheck(def, rules);
  if (def.type === 'string') return textCheck(def, rules);
  if (rules.length > 0) return undefined;
  if (def.type === 'boolean') return { is: 'boolean' };
  if (def.type !== 'enum') return undefined;
  const words = Object.values(def.entries).filter((word) => typeof word === 'string');
  return { is: 'word', words };
}

type Rule = z.core.$ZodCheckDef;
type BoundRule = Rule & { value?: unknown; inclusive?: boolean; format?: string };
type LengthRule = Rule & { minimum?: number; maximum?: number };

function numberCheck(def: object, rules: readonly Rule[]): Check | undefined {
  const check = { is: 'number' as const, least: -Number.MAX_VALUE, most: Number.MAX_VALUE, whole: false };
  // `z.int()` is a rule and a type at once.
  for (const rule of 'check' in def ? [def as Rule, ...rules] : rules) {
    const { check: kind, value, inclusive, format } = rule as BoundRule;
    if (kind === 'number_format' && format === 'safeint') {
      check.whole = true;
      check.least = Math.max(check.least, Number.MIN_SAFE_INTEGER);
      check.most = Math.min(check.most, Number.MAX_SAFE_INTEGER);
    } else if (kind === 'greater_than' && inclusive) check.least = Math.max(check.least, Number(value));
    else if (kind === 'less_than' && inclusive) check.most = Math.min(check.most, Number(value));
    else return undefined;
  }
  return check;
}

function textCheck(def: object, rules: readonly Rule[]): Check | undefined {
  const check = { is: 'text' as const, least: 0, most: Number.MAX_SAFE_INTEGER };
  if ('check' in def) return undefined;
  for (const rule of rules) {
    const { check: kind, minimum, maximum } = rule as LengthRule;
    if (kind === 'min_length' && minimum !== undefined) check.least = Math.max(check.least, minimum);
    else if (kind === 'max_length' && maximum !== undefined) check.most = Math.min(check.most, maximum);
    else return undefined;
  }
  return check;
}
