import { storable } from './storable.ts';

/** Why a publish or a record of it cannot be taken. */
export interface Fault {
  /** Stable word, see `RecordRefusal`. */
  reason: string;
  /** Field, value and what was expected. */
  detail: string;
}

interface Issue {
  path: PropertyKey[];
  message: string;
}

const NAMED = 5;

/** The first faults that the schema found in a value, each with its field, the value there and what was expected. */
export function faultsIn(value: unknown, issues: readonly Issue[]): string {
  const named = issues.slice(0, NAMED).map((issue) => {
    const path = issue.path.map(String).join('.') || 'record';
    return `${path}: ${quote(at(value, issue.path))}, ${issue.message}`;
  });
  return named.join('; ') + (issues.length > NAMED ? `; and ${issues.length - NAMED} more` : '');
}

function at(value: unknown, path: PropertyKey[]): unknown {
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
