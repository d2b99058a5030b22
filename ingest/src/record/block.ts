import { reportCodec } from './codec.ts';
import type { Column, ReportRow } from './columns.ts';
import { ByteReader, ByteWriter, readNumbers, writeNumbers } from './number-list.ts';

/** A stored record as Postgres answers its row; `seq` as in the column, which has a sign. */
export interface BlockRow extends ReportRow {
  in_order: boolean;
}

/**
 * What a block knows each column by: its place here. Blocks of before are read by it, so that a new column comes last and none
 * is ever taken out.
 */
const PLACES = [
  'time',
  'boot',
  'seq',
  'in_order',
  'delay_ms',
  'extra',
  'kind',
  'mode',
  'lon',
  'lat',
  'accuracy_m',
  'speed_kmh',
  'heading_deg',
  'satellites',
  'source',
  'rope',
  'motor',
  'cover',
  'use_count',
  'battery_percent',
  'charging',
  'rssi_dbm',
];

/** So many records make a block: a day of one in 20 minutes, an hour of one in 30 s. Two with one time are never parted. */
export const BLOCK_ROWS = 128;

/** Of the bytes as a whole; what is written otherwise one day gets another number. */
const FORM = 1;
const TIME = 0;

/** How a column stands in a block. */
interface Form {
  name: string;
  write(into: ByteWriter, values: unknown[]): void;
  /** Of `count` values those in [first, end). */
  read(from: ByteReader, count: number, first: number, end: number): unknown[];
}

const numbers = (name: string, absent?: number): Form => ({
  name,
  write: (into, values) => writeNumbers(into, values as number[], absent),
  read: (from, count, first, end) => readNumbers(from, count, first, end, absent),
});

/** A number that stands for each value. */
const coded = <T>(name: string, codeOf: (value: T) => number, meantBy: (code: number) => T): Form => ({
  name,
  write: (into, values) => writeNumbers(into, (values as T[]).map(codeOf)),
  read: (from, count, first, end) => readNumbers(from, count, first, end).map(meantBy),
});

const letters = (name: string): Form =>
  coded<string>(
    name,
    (letter) => (letter === '' ? 0 : letter.charCodeAt(0)),
    (code) => (code === 0 ? '' : String.fromCharCode(code)),
  );

/** Texts, most of them empty: each one once, and by place which it is. What is long is compressed by the database. */
const texts = (name: string): Form => ({
  name,
  write(into, values) {
    const all = new Map<unknown, number>([['', 0]]);
    for (const value of values) if (!all.has(value)) all.set(value, all.size);
    writeNumbers(
      into,
      values.map((value) => all.get(value)!),
    );
    into.bytes(Buffer.from(all.size === 1 ? '' : JSON.stringify([...all.keys()].slice(1))));
  },
  read(from, count, first, end) {
    const which = readNumbers(from, count, first, end);
    const text = from.bytes();
    if (text.length === 0) return which.map(() => '');
    const all = ['', ...(JSON.parse(Buffer.from(text).toString()) as string[])];
    return which.map((place) => all[place]);
  },
});

const OWN: Form[] = [
  coded<Date>(
    'time',
    (time) => time.getTime(),
    (ms) => new Date(ms),
  ),
  numbers('delay_ms'),
  coded<boolean>('in_order', Number, Boolean),
  texts('extra'),
];

/** @throws where a column has no form */
function formOf({ name, packing }: Column): Form {
  if (packing === undefined && name !== 'boot') throw new Error(`reports.${name} has no form in blocks`);
  if (packing?.absent === '') return letters(name);
  return numbers(name, packing && !Number.isNaN(packing.absent) ? (packing.absent as number) : undefined);
}

/** By place. @throws where a column of a report has none */
function formsOf(columns: readonly Column[]): Form[] {
  const forms: Form[] = [];
  for (const form of [...OWN, ...columns.filter(({ type }) => type !== undefined).map(formOf)]) {
    const place = PLACES.indexOf(form.name);
    if (place < 0) throw new Error(`reports.${form.name} has no place in blocks: add it at the end of PLACES`);
    forms[place] = form;
  }
  return forms;
}

const FORMS = formsOf(reportCodec.columns);

/** @param rows of one lock, by time */
export function packBlock(rows: readonly BlockRow[]): Buffer {
  const block = new ByteWriter();
  block.byte(FORM);
  block.natural(rows.length);
  for (const [place, { name, write }] of FORMS.entries()) {
    const column = new ByteWriter();
    write(
      column,
      rows.map((row) => row[name]),
    );
    block.byte(place);
    block.bytes(column.end());
  }
  return block.end();
}

/** The records of a block; what is not asked for is not unpacked. */
export class Block {
  readonly #count: number;
  readonly #packed: Uint8Array;
  /** By place where the bytes of a column begin. */
  readonly #starts: number[] = [];
  readonly #timesMs: number[];

  /** @throws where the bytes are no block of a form that this version knows */
  constructor(packed: Uint8Array) {
    this.#packed = packed;
    const bytes = new ByteReader(packed);
    const form = bytes.byte();
    if (form !== FORM) throw new Error(`a block of reports has the form ${form}, which this version does not know`);
    this.#count = bytes.natural();
    while (!bytes.isAtEnd) {
      const place = bytes.byte();
      const length = bytes.natural();
      this.#starts[place] = bytes.at;
      bytes.skip(length);
    }
    const times = this.#starts[TIME];
    if (times === undefined) throw new Error('a block of reports has no times');
    this.#timesMs = readNumbers(new ByteReader(packed, times), this.#count);
  }

  /** Epoch ms. */
  get firstMs(): number {
    return this.#timesMs[0]!;
  }

  get lastMs(): number {
    return this.#timesMs.at(-1)!;
  }

  /** Places of the records with times in [fromMs, toMs), epoch ms: from the first to before `end`. */
  within(fromMs: number, toMs: number): { first: number; end: number } {
    let [first, end] = [0, this.#count];
    while (first < end && this.#timesMs[first]! < fromMs) first++;
    while (end > first && this.#timesMs[end - 1]! >= toMs) end--;
    return { first, end };
  }

  /**
   * The values of a column at the places in [first, end).
   * @param name of a column of `reports`; undefined where the block was made before there was such a column
   */
  column(name: string, first = 0, end = this.#count): unknown[] | undefined {
    const place = PLACES.indexOf(name);
    const start = this.#starts[place];
    if (start === undefined) return undefined;
    return FORMS[place]!.read(new ByteReader(this.#packed, start), this.#count, first, end);
  }

  /** The rows with these numbers, `seq` from `first` to `last` as sent. */
  numbered(boot: number, first: number, last: number): BlockRow[] {
    const [boots, seqs] = [this.column('boot')!, this.column('seq')!];
    const isNumbered = (place: number) => {
      const seq = (seqs[place] as number) >>> 0;
      return boots[place] === boot && seq >= first && seq <= last;
    };
    let [low, end] = [0, this.#count];
    while (low < end && !isNumbered(low)) low++;
    while (end > low && !isNumbered(end - 1)) end--;
    return this.rows(low, end).filter((_, i) => isNumbered(low + i));
  }

  /**
   * The rows at the places in [first, end), without their lock.
   * @param names of the wanted columns, beside `time`; absent: all
   */
  rows(first = 0, end = this.#count, names: readonly string[] = PLACES): BlockRow[] {
    const values = names.map((name) =>
      name === 'time' ? undefined : (this.column(name, first, end) ?? new Array(end - first).fill(absentOf(name))),
    );
    const rowOf = rowOfColumns(names);
    const rows: BlockRow[] = [];
    for (let i = first; i < end; i++) rows.push(rowOf(new Date(this.#timesMs[i]!), values, i - first));
    return rows;
  }
}

type RowOf = (time: Date, values: readonly (readonly unknown[] | undefined)[], i: number) => BlockRow;

const compiled = new WeakMap<readonly string[], RowOf>();

/** Compiled: to set properties one by one takes thrice as long as to unpack them. @param names of columns in `PLACES` */
function rowOfColumns(names: readonly string[]): RowOf {
  let rowOf = compiled.get(names);
  if (rowOf === undefined) {
    const cells = names.map((name, i) => (PLACES.includes(name) && name !== 'time' ? `${name}: values[${i}][i]` : ''));
    rowOf = new Function('time', 'values', 'i', `return { time, ${cells.filter(Boolean).join(', ')} }`) as RowOf;
    compiled.set(names, rowOf);
  }
  return rowOf;
}

/** What a row says of a field that its block does not know. */
function absentOf(name: string): unknown {
  return reportCodec.columns.find((column) => column.name === name)?.packing?.absent;
}
