import { verifyChecks } from '../custody/checks.ts';
import { WRITE_OFF_FROM } from '../custody/status.ts';
import { requireActing } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { tripForUpdate } from '../store/trips/trips.ts';
import { checksOf, requirePassed } from './acting.ts';
import { keepOutcome, writeOff as writeOffOutcome } from './outcome.ts';
import { stepFacts } from './step-facts.ts';
import { type Acted, askedReading, type StepAsked, waivedBy } from './steps.ts';
import { visibleTrip } from './visible.ts';

/**
 * Write-off (核销) without a gate, as for a train: verifies the trip where that is still to be done, and tells its locks
 * to open. A trip that is written off stays as it is.
 */
export async function writeOff(deps: UseCaseDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  const acted = await inTransaction(deps.pool, async (db): Promise<Acted> => {
    const seen = await visibleTrip(db, tripId, caller);
    requireActing(caller, seen);
    const row = (await tripForUpdate(db, seen.trip_id))!;
    if (row.written_off_at !== null) return { step: 'write-off', checks: checksOf(row, 'verify'), row };
    if (!WRITE_OFF_FROM.includes(row.status)) {
      const expected = WRITE_OFF_FROM.join(', ');
      throw new ApiProblem(
        409,
        'trip.status',
        `a trip that is ${row.status} cannot be written off; it must be ${expected}`,
      );
    }
    if (row.hold_reason !== null) throw new ApiProblem(409, 'trip.held', `the trip is held: ${row.hold_reason}`);
    const who = { by: caller.name, ...askedReading(asked) };
    const facts = await stepFacts({ pool: deps.pool, db }, row, 'destination', who);
    const checks = await waivedBy(db, verifyChecks(facts), asked, caller, {
      act: 'write-off',
      tripId: row.trip_id,
      simulated: row.simulated,
    });
    requirePassed('verify', checks);
    const now = { atMs: facts.nowMs, receivedMs: facts.nowMs, clockWrong: false };
    const outcome = writeOffOutcome(row, facts, now, caller.name, checks);
    await keepOutcome(db, row, outcome, caller.name);
    await audit(db, ...outcome.entries);
    return { step: 'write-off', checks, row: (await tripForUpdate(db, row.trip_id))! };
  });
  return acted;
}
