import { Check as CheckSchema, Trip } from '@sealwatch/schemas';
import { z } from 'zod';
import { unlockChecks, unlockedCheck } from '../custody/checks.ts';
import { requireActing } from '../people/offices.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { getOrder } from '../store/locks/commands.ts';
import { audit } from '../store/people/audit.ts';
import { holdTrip, judgeTo, tripForUpdate, tripOf } from '../store/trips/trips.ts';
import { record, stepDone } from '../trips/acting.ts';
import { stepFacts } from '../trips/step-facts.ts';
import { afterAct, STEP_ACTS } from '../trips/step-list.ts';
import { type Acted, cancel, StepRequest } from '../trips/steps.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf, DECIDERS, OPERATORS, SUPERVISORS } from './plumbing/guard.ts';
import { afterChange, visibleTrip } from './trips.ts';

const StepAnswer = z.object({ step: z.string(), checks: z.array(CheckSchema), trip: Trip });

/**
 * A lock has answered a command. When all locks of a verified trip have confirmed their unlock, the trip is unlocked,
 * and one that a gate wrote off is closed without a person. Harmless to repeat.
 */
export async function commandEnded(deps: ApiDeps, ended: { commandId: string; result: string }): Promise<void> {
  const order = await getOrder(deps.pool, ended.commandId);
  if (order?.trip_id === null || order === undefined) return;
  const tripId = order.trip_id;
  const changed = order.type === 'unlock' && ended.result === 'done' && (await unlockedByLocks(deps, tripId));
  if (changed) await afterChange(deps, tripId);
  else deps.feed.tripChanged(tripId);
}

async function unlockedByLocks(deps: ApiDeps, tripId: string): Promise<boolean> {
  const by = 'lock';
  return inTransaction(deps.pool, async (db) => {
    const row = await tripForUpdate(db, tripId);
    if (row?.status !== 'verified') return false;
    const facts = await stepFacts({ pool: deps.pool, db }, row, 'destination', { by });
    const unlocked = unlockedCheck(facts);
    if (!unlocked.passed) return false;
    const at = new Date().toISOString();
    const checks = [...unlockChecks(facts), unlocked];
    const steps = stepDone(row, 'unlock', checks, at);
    const after = await record(db, row, { act: 'unlock', by, change: { steps, unlockedAt: at }, detail: { checks } });
    if (row.written_off_at !== null && facts.latchedRules.length === 0) {
      await judgeTo(db, tripId, at);
      await record(db, after, { act: 'close', by, change: { closedAt: at } });
    }
    return true;
  });
}

export function stepRoutes(app: Api, deps: ApiDeps): void {
  const params = z.object({ tripId: z.string() });
  const answer = async (acted: Acted) => {
    await afterAct(deps, acted);
    const { step, checks, row } = acted;
    return { step, checks, trip: tripOf(row) };
  };
  const response = answers({ 200: StepAnswer });
  for (const [name, act] of Object.entries(STEP_ACTS)) {
    app.post(
      `/trips/:tripId/${name}`,
      { config: { roles: OPERATORS }, schema: { tags: ['custody'], params, body: StepRequest, response } },
      async (request) => answer(await act(deps, request.params.tripId, callerOf(request), request.body)),
    );
  }
  app.post(
    '/trips/:tripId/cancel',
    {
      config: { roles: SUPERVISORS },
      schema: { tags: ['custody'], params, body: z.object({ reason: z.string().max(2_000).default('') }), response },
    },
    async (request) => answer(await cancel(deps, request.params.tripId, callerOf(request), request.body.reason)),
  );
  app.put(
    '/trips/:tripId/hold',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['custody'],
        summary: 'Hold a trip (布控), or with reason null let it go',
        params,
        body: z.object({ reason: z.string().min(1).max(500).nullable() }),
        response: answers({ 200: Trip }),
      },
    },
    async (request) => {
      const caller = callerOf(request);
      const { reason } = request.body;
      const trip = await visibleTrip(deps.pool, request.params.tripId, caller);
      requireActing(caller, trip);
      const { trip_id: tripId } = trip;
      const row = await inTransaction(deps.pool, async (db) => {
        const before = (await tripForUpdate(db, tripId))!;
        await holdTrip(db, tripId, reason === null ? null : { reason, by: caller.name });
        const subject = `trip:${tripId}`;
        await audit(db, {
          actor: caller.name,
          action: 'trip.hold',
          subject,
          before: { reason: before.hold_reason },
          after: { reason },
        });
        return (await tripForUpdate(db, tripId))!;
      });
      await afterChange(deps, tripId);
      return tripOf(row);
    },
  );
}
