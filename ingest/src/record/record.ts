import { reportCodec } from './codec.ts';
import { lifeOf, sentBoot } from './life.ts';
import type { TrackedReport } from './report.ts';

/** What could not be taken, for the quarantine (law 9). */
export interface RecordRefusal {
  /** Stable word: `not-json`, `too-deep`, `too-large`, `too-many`, `empty`, `invalid`, `identity-conflict`, `unstorable`. */
  reason: string;
  /** Field, value and what was expected. */
  detail: string;
  raw: Buffer;
}

/** `kind` is how a record was sent; `boot` is part of the identity, which the callers compare. */
const BODY = reportCodec.columns.filter(({ name }) => name !== 'kind' && name !== 'boot');

/** How a bridge follows a lock's expected interval: the same record comes with another one after the bridge was started anew. */
const BODY_READ_BY_BRIDGE = BODY.filter(({ name }) => name !== 'mode');

/** The record's time as its lock sent it, epoch ms. */
export const sentTimeMs = ({ sentMs, timeMs }: TrackedReport): number => sentMs ?? timeMs;

/** The record as it was before its time was judged and its life recognised. */
export function asSent({ sentMs, clockFault, ...record }: TrackedReport): TrackedReport {
  return { ...record, boot: sentBoot(record.boot), timeMs: sentMs ?? record.timeMs };
}

/**
 * Whether two records of one identity say the same: the same record came again.
 * @param isNumbered false: the identity is made of what the lock said, and `mode` is not among it
 */
export function sameBody(a: TrackedReport, b: TrackedReport, isNumbered = true): boolean {
  const body = isNumbered ? BODY : BODY_READ_BY_BRIDGE;
  return sentTimeMs(a) === sentTimeMs(b) && body.every(({ valueIn }) => isSame(valueIn(a), valueIn(b)));
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

/** The record in the form of the contract (§2), with the time used, and beside it the time as sent if that differs. */
export function wireForm({
  lockId,
  timeMs,
  receivedMs,
  boot,
  seq,
  sentMs,
  clockFault,
  ...fields
}: TrackedReport): object {
  const life = lifeOf(boot);
  return {
    v: 1,
    boot: sentBoot(boot),
    seq,
    time: new Date(timeMs).toISOString(),
    ...fields,
    ...(sentMs === undefined ? {} : { sentTime: new Date(sentMs).toISOString() }),
    ...(clockFault === undefined ? {} : { clockFault }),
    ...(life === 0 ? {} : { life }),
  };
}
