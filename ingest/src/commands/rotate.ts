import type { Principal } from '../people/principal.ts';
import { hashSecret, newLockSecret } from '../people/secret.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem } from '../problem.ts';
import type { SecretBox } from '../secret-box.ts';
import { accessOnFile, offerSecret, sealedSecret, setOverlap } from '../store/locks/access.ts';
import { type CommandRow, commandWaits, insertCommand } from '../store/locks/commands.ts';
import { lockStates } from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { newCommand } from './new.ts';
import { tripOfCommanded } from './trip-of.ts';

/**
 * Queues a command that brings a lock a new secret. The old one stays good until the lock signs in with the new one.
 * @param asked `overlapS`: after so long the old one ends also without that, once the lock has said that it keeps the new one
 * @throws ApiProblem 403, 404, 409
 */
export async function rotateSecret(
  { pool, hints, secrets }: Pick<UseCaseDeps, 'pool' | 'hints' | 'secrets'>,
  caller: Principal,
  lockId: string,
  { overlapS }: { overlapS?: number | undefined },
): Promise<CommandRow> {
  const row = await inTransaction(pool, async (db) => {
    const trip = await tripOfCommanded(db, caller, lockId);
    if ((await lockStates(db, [lockId])).get(lockId)?.bridged) {
      const why = `the bridge signs in for lock ${lockId}; POST /api/v1/locks/${lockId}/secret gives it another secret`;
      throw new ApiProblem(409, 'lock.bridged', why);
    }
    if ((await accessOnFile(db, lockId)).sign_in === 'certificate') {
      throw new ApiProblem(409, 'lock.no-secret', `lock ${lockId} signs in by certificate alone; it has no secret`);
    }
    if (await commandWaits(db, lockId, 'secret')) {
      throw new ApiProblem(409, 'command.waiting', `a new secret is on its way to ${lockId} already`);
    }
    await offer(db, secrets, lockId);
    await setOverlap(db, lockId, overlapS);
    const inserted = await insertCommand(
      db,
      newCommand({ lockId, tripId: trip?.trip_id, type: 'secret', by: caller.name }),
    );
    const entry = { actor: caller.name, action: 'lock.secret-rotate', subject: `lock:${lockId}` };
    await audit(db, { ...entry, after: { commandId: inserted.command_id, tripId: trip?.trip_id, overlapS } });
    return inserted;
  });
  await hints.publish({ hint: 'commands', lockIds: [lockId] });
  return row;
}

/** One that was offered before and never used is offered again: the lock may keep it already. */
async function offer(db: Queryable, box: SecretBox, lockId: string): Promise<void> {
  const before = await sealedSecret(db, lockId);
  if (before !== undefined && opens(box, before)) return;
  const secret = newLockSecret();
  await offerSecret(db, lockId, { hash: hashSecret(secret), sealed: box.seal(secret) });
}

function opens(box: SecretBox, sealed: Buffer): boolean {
  try {
    return box.open(sealed) !== '';
  } catch {
    return false;
  }
}
