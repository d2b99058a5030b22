import { unlockChecks, unlockedCheck } from '../custody/checks.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { getCommand } from '../store/locks/commands.ts';
import { trackTo } from '../store/trips/changes.ts';
import { tripForUpdate, tripsToUnlock } from '../store/trips/trips.ts';
import { record, stepDone } from './acting.ts';
import { afterChange } from './after-change.ts';
import { stepFacts } from './step-facts.ts';

type Deps = Pick<UseCaseDeps, 'pool' | 'hints' | 'judging' | 'log'>;

/**
 * What follows a command that a lock's reply has ended: once all locks of a verified trip have confirmed their unlock, the
 * trip is unlocked, and one that a gate wrote off is closed without a person. Harmless to repeat.
 */
export function afterCommandEnded(deps: Deps): (ended: { commandId: string; result: string }) => void {
  return (ended) =>
    void follow(deps, ended).catch((error) =>
      deps.log.error({ err: error, ...ended }, 'what follows a lock’s reply could not be done'),
    );
}

async function follow(deps: Deps, ended: { commandId: string; result: string }): Promise<void> {
  const order = await getCommand(deps.pool, ended.commandId);
  if (order?.trip_id === null || order === undefined) return;
  const tripId = order.trip_id;
  const changed = order.type === 'unlock' && ended.result === 'done' && (await unlockedByLocks(deps, tripId));
  if (changed) await afterChange(deps, tripId);
  else await deps.hints.publish({ hint: 'changed', tripIds: [tripId] });
}

/** The same for trips where it was not done: the platform ended between the COMMIT of the reply and what follows it. */
export async function followUnlocks(deps: Deps): Promise<void> {
  for (const tripId of await tripsToUnlock(deps.pool)) {
    try {
      if (await unlockedByLocks(deps, tripId)) await afterChange(deps, tripId);
    } catch (error) {
      deps.log.error({ err: error, tripId }, 'what follows a lock’s reply could not be done');
    }
  }
}

async function unlockedByLocks(deps: Deps, tripId: string): Promise<boolean> {
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
      await trackTo(db, tripId, at);
      await record(db, after, { act: 'close', by, change: { closedAt: at } });
    }
    return true;
  });
}
