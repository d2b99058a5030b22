import { randomUUID } from 'node:crypto';
import type { Check } from '@sealwatch/schemas';
import { COMMAND_LIFE_MS } from '../commands/new.ts';
import { type StepFacts, sealChecks, verifyChecks } from '../custody/checks.ts';
import { type PassageTime, passageMs } from '../custody/gate-time.ts';
import { moved } from '../custody/status.ts';
import { stateByChecks, withStep } from '../custody/steps.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { insertCommand } from '../store/locks/commands.ts';
import type { GateChange, GateDecision } from '../store/passages/gate.ts';
import type { AuditEntry } from '../store/people/audit.ts';
import { changeTrip } from '../store/trips/changes.ts';
import type { TripView } from '../store/trips/row.ts';
import { tripOf } from '../store/trips/view.ts';
import { announce } from '../store/webhooks/outbox.ts';

/** What a gate's release does to its trip, before any of it is written. */
export interface PassageOutcome {
  change?: GateChange;
  commands: GateDecision['commands'];
  events: GateDecision['events'];
  entries: AuditEntry[];
  writtenOff: boolean;
  departed: boolean;
}

export const NOTHING: PassageOutcome = { commands: [], events: [], entries: [], writtenOff: false, departed: false };

const dated = <K extends string>(key: K, at: string | undefined) =>
  (at === undefined ? {} : { [key]: new Date(at) }) as { [P in K]?: Date };

/** The trip as it stands once the change is written. */
function changed(row: TripView, change: GateChange): TripView {
  return {
    ...row,
    status: change.status,
    steps: change.steps,
    ...dated('sealed_at', change.sealedAt),
    ...dated('verified_at', change.verifiedAt),
    ...(row.departed_at === null ? dated('departed_at', change.departedAt) : {}),
    ...(row.arrived_at === null ? dated('arrived_at', change.arrivedAt) : {}),
    ...(row.written_off_at === null ? dated('written_off_at', change.writtenOffAt) : {}),
  };
}

const entryOf = (row: TripView, by: string, action: string, after: object): AuditEntry => ({
  actor: by,
  action,
  subject: `trip:${row.trip_id}`,
  before: { status: row.status },
  after,
});

/** A trip does not arrive before it was sealed and departed, epoch ms. */
const notBeforeMs = ({ sealed_at: sealed, departed_at: departed }: TripView): number =>
  Math.max(sealed?.getTime() ?? Number.NEGATIVE_INFINITY, departed?.getTime() ?? Number.NEGATIVE_INFINITY);

/** Write-off and unlock authorisation at the end of a trip; with the release the gate has also verified it. */
export function writeOff(
  row: TripView,
  facts: StepFacts,
  time: PassageTime,
  by: string,
  checks: Check[] = verifyChecks(facts),
): PassageOutcome {
  const at = new Date(facts.nowMs).toISOString();
  const verified = row.status !== 'verified';
  const status = verified ? moved(row.status, 'verify') : row.status;
  const change = {
    status,
    steps: verified ? withStep(row.steps, { step: 'verify', state: stateByChecks(checks), at, checks }) : row.steps,
    ...(verified ? { verifiedAt: at } : {}),
    arrivedAt: new Date(passageMs(time, notBeforeMs(row))).toISOString(),
    writtenOffAt: at,
  };
  const expiresAt = new Date(facts.nowMs + COMMAND_LIFE_MS);
  // One unlock for each lock: one that is on its way, or done, is not given again.
  const commands = facts.locks
    .filter((lock) => !lock.unlockWaiting && !lock.unlockConfirmed)
    .map(({ lockId }) => ({ commandId: randomUUID(), lockId, type: 'unlock' as const, expiresAt }));
  const about = { tripId: row.trip_id, data: tripOf(changed(row, change)) };
  return {
    change,
    commands,
    events: [
      ...(verified ? [{ type: 'trip.verified' as const, ...about }] : []),
      { type: 'trip.written-off', ...about },
    ],
    entries: [entryOf(row, by, 'trip.write-off', { status, checks, commands: commands.map((o) => o.commandId) })],
    writtenOff: true,
    departed: false,
  };
}

/**
 * The way out at the origin: a trip whose locks are hung is sealed, by the locks' own reports, and departs; one that is
 * sealed departs. The fix with which the truck leaves its origin makes the time of departure exact (intake).
 */
export function departure(row: TripView, facts: StepFacts, time: PassageTime, by: string): PassageOutcome {
  const sealsNow = row.status === 'hung';
  const sealedAt = sealsNow ? new Date(facts.nowMs).toISOString() : row.sealed_at?.toISOString();
  const checks = sealsNow ? sealChecks(facts) : [];
  const steps = sealsNow
    ? withStep(row.steps, { step: 'seal', state: stateByChecks(checks), at: sealedAt!, checks })
    : row.steps;
  const sealed: GateChange = {
    status: sealsNow ? moved(row.status, 'seal') : row.status,
    steps,
    ...(sealsNow ? { sealedAt: sealedAt! } : {}),
  };
  // A gate that seals asks before it has sealed: a trip never departs before its sealing.
  const sealedMs = sealedAt === undefined ? undefined : Date.parse(sealedAt);
  const departedAt = new Date(passageMs(time, sealedMs)).toISOString();
  const change: GateChange = { ...sealed, status: moved(sealed.status, 'depart'), departedAt };
  const about = (as: GateChange) => ({ tripId: row.trip_id, data: tripOf(changed(row, as)) });
  return {
    change,
    commands: [],
    events: [
      ...(sealsNow ? [{ type: 'trip.sealed' as const, ...about(sealed) }] : []),
      { type: 'trip.departed', ...about(change) },
    ],
    entries: [
      ...(sealsNow ? [entryOf(row, by, 'trip.seal', { status: 'sealed', checks })] : []),
      entryOf(row, by, 'trip.depart', { status: 'in-transit', departedAt }),
    ],
    writtenOff: false,
    departed: true,
  };
}

/** Writes what an outcome says of its trip, but for its entries in the audit. */
export async function keepOutcome(db: Queryable, row: TripView, outcome: PassageOutcome, by: string): Promise<void> {
  if (outcome.change !== undefined) await changeTrip(db, row.trip_id, outcome.change);
  for (const { commandId, lockId, type, expiresAt } of outcome.commands) {
    await insertCommand(db, { commandId, lockId, tripId: row.trip_id, type, expiresAt, by });
  }
  for (const event of outcome.events) await announce(db, event);
}
