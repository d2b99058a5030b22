import { storable } from './storable.ts';

/** Why a publish or a record of it cannot be taken. */
export interface Fault {
  /** Stable word, see `RecordRefusal`. */
  reason: string;
  /** Field, value and what was expected. */
  detail: string;
}

/** What stands at a path in a value from JSON. */
export function at(value: unknown, path: readonly PropertyKey[]): unknown {
  let found = value;
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<PropertyKey, unknown>)[key];
  }
  return found;
}

/** A value from JSON as people read it, in at most 80 characters that Postgres can keep. */
export function quote(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return value === undefined ? 'absent' : storable(JSON.stringify(value).slice(0, 80));
}
