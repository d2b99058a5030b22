import type { TrackedReport } from './report.ts';

/** A record as it is stored: what the rules see, and what only the store keeps. */
export interface IntakeRecord extends TrackedReport {
  rssiDbm?: number;
}

/** What could not be taken, for the quarantine (law 9). */
export interface RecordRefusal {
  /** Stable word: `not-json`, `too-deep`, `too-large`, `too-many`, `empty`, `invalid`, `time-ahead`, `identity-conflict`, `unstorable`. */
  reason: string;
  /** Field, value and what was expected. */
  detail: string;
  raw: Buffer;
}

/** Text of all that a record says, in one fixed form; `kind` is left out, because it tells how a record was sent. */
export function bodyOf(record: IntakeRecord): string {
  const { position: p, seal: s, battery: b } = record;
  return JSON.stringify([
    record.timeMs,
    record.mode ?? null,
    p ? [p.lon, p.lat, p.accuracyM, p.speedKmh, p.headingDeg, p.satellites, p.source] : null,
    s ? [s.rope, s.motor, s.cover, s.useCount] : null,
    [b?.percent, b?.charging],
    record.rssiDbm ?? null,
    record.events?.map((event) => Object.entries(event).sort(([x], [y]) => (x < y ? -1 : 1))) ?? [],
  ]);
}

/** Whether the same record came again. */
export function sameBody(a: IntakeRecord, b: IntakeRecord): boolean {
  return bodyOf(a) === bodyOf(b);
}

/** The record in the form of the contract (§2). */
export function wireForm(record: IntakeRecord): object {
  return {
    v: 1,
    boot: record.boot,
    seq: record.seq,
    time: new Date(record.timeMs).toISOString(),
    kind: record.kind,
    ...(record.mode ? { mode: record.mode } : {}),
    ...(record.position ? { position: record.position } : {}),
    ...(record.seal ? { seal: record.seal } : {}),
    ...(record.battery ? { battery: record.battery } : {}),
    ...(record.rssiDbm === undefined ? {} : { network: { rssiDbm: record.rssiDbm } }),
    ...(record.events ? { events: record.events } : {}),
  };
}
