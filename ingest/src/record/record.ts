import { reportCodec } from './codec.ts';
import type { TrackedReport } from './report.ts';

/** The same record by the name that intake and store use. */
export type IntakeRecord = TrackedReport;

/** What could not be taken, for the quarantine (law 9). */
export interface RecordRefusal {
  /** Stable word: `not-json`, `too-deep`, `too-large`, `too-many`, `empty`, `invalid`, `time-ahead`, `identity-conflict`, `unstorable`. */
  reason: string;
  /** Field, value and what was expected. */
  detail: string;
  raw: Buffer;
}

/** `kind` tells how a record was sent, and not what it says. */
const BODY = reportCodec.columns.filter(({ name }) => name !== 'kind');

/** Whether two records of one identity say the same: the same record came again. */
export function sameBody(a: TrackedReport, b: TrackedReport): boolean {
  return a.timeMs === b.timeMs && BODY.every(({ valueIn }) => isSame(valueIn(a), valueIn(b)));
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && inOrder(a) === inOrder(b));
}

/** JSON with the keys of every object in one order: Postgres does not keep the order in which they came. */
function inOrder(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([x], [y]) => (x < y ? -1 : 1)))
      : part,
  );
}

/** The record in the form of the contract (§2). */
export function wireForm({ lockId, timeMs, receivedMs, boot, seq, ...fields }: TrackedReport): object {
  return { v: 1, boot, seq, time: new Date(timeMs).toISOString(), ...fields };
}
