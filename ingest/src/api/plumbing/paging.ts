import { z } from 'zod';
import { requireStorable } from '../../parsing/unstorable.ts';
import { wrongField } from '../../problem.ts';

export const MAX_LIMIT = 500;

/** The query of every list. */
export const Page = {
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(100),
  cursor: z.string().max(1_000).optional(),
};

export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().optional() });

/** Reads the keys out of a cursor. @throws ApiProblem 422 if it is not a cursor of this platform */
export function keysOf<T extends z.ZodType>(cursor: string | undefined, form: T): z.output<T> | undefined {
  if (cursor === undefined) return undefined;
  try {
    const keys = z.parse(form, JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    requireStorable(keys, 'cursor');
    return keys;
  } catch {
    const expected = 'the `next` of the page before';
    throw wrongField('request.invalid', { path: 'cursor', message: `expected ${expected}`, value: cursor, expected });
  }
}

/** A page of one row more than asked for says that there is another. */
export function pageOf<Row, Item>(
  rows: Row[],
  limit: number,
  item: (row: Row) => Item,
  keys: (row: Row) => unknown,
): { items: Item[]; next?: string } {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last !== undefined ? keys(last) : undefined;
  return {
    items: shown.map(item),
    ...(next === undefined ? {} : { next: Buffer.from(JSON.stringify(next)).toString('base64url') }),
  };
}
