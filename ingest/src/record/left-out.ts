import { quote } from './faults.ts';
import type { TrackedReport } from './report.ts';

/** A value of a report that cannot be: it is left out, and the rest of the report is taken. */
export interface LeftOut {
  /** Its path, e.g. `position.speedKmh`. */
  field: string;
  /** As it came, at most 80 characters. */
  value: string;
  /** What was expected instead. */
  expected: string;
}

/** A record of which something was left out, and the bytes that it came in. */
export interface PartialRecord {
  record: TrackedReport;
  leftOut: readonly LeftOut[];
  raw: Buffer;
}

/** Of one report no more are told apart: a report of nothing but faults says as much with these. */
const MOST = 20;

/** Notes a value that is left out. */
export function leaveOut(into: LeftOut[], field: string, value: unknown, expected: string): void {
  if (into.length < MOST) into.push({ field, value: quote(value), expected });
}

/** Says it in one line, as the quarantine shows it. */
export function leftOutDetail({ field, value, expected }: LeftOut): string {
  return `${field}: ${value}, ${expected}; left out`;
}
