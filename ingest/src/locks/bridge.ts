import type { BridgeList, BridgeNews } from '@sealwatch/schemas';
import { hashSecret } from '../people/secret.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { replaceSecret } from '../store/locks/access.ts';
import { type BridgedRow, bridgedLocks, bridgedVersion, insertSecondConnections } from '../store/locks/bridged.ts';
import { audit } from '../store/people/audit.ts';
import { askToJudge } from '../store/trips/to-judge.ts';
import type { BridgeDesk } from './bridge-desk.ts';

type BridgeDeps = Pick<UseCaseDeps, 'pool' | 'hints' | 'judging' | 'bridged'>;

/**
 * The locks that the bridge speaks for, with their secrets; without `locks` where the caller has this list already.
 * @param actor who asks, as the audit names them
 */
export async function bridgeList(deps: BridgeDeps, actor: string, known: string | undefined): Promise<BridgeList> {
  const { pool, bridged, hints } = deps;
  const version = await bridgedVersion(pool);
  if (version === known) return { version };
  const { rows, changed } = await inTransaction(pool, async (db) => {
    const rows = await bridgedLocks(db);
    const changed = await underPresentKey(db, deps, rows);
    await audit(db, { actor, action: 'bridge.locks', subject: 'bridge:locks', after: { locks: rows.length } });
    return { rows, changed };
  });
  if (changed.length > 0) await hints.publish({ hint: 'locks', lockIds: changed });
  const locks = rows.map(({ lock_id: lockId, wire_id: wireId, profile, networks, secret_generation: generation }) => {
    const secret = bridged.secretOf(lockId, generation);
    return { lockId, wireId, profile, networks, secret };
  });
  return { version: changed.length > 0 ? await bridgedVersion(pool) : version, locks };
}

/** A platform with another key, e.g. after a restore, derives other secrets: those are the ones from then on. */
async function underPresentKey(db: Queryable, { bridged }: BridgeDeps, rows: readonly BridgedRow[]): Promise<string[]> {
  const changed: string[] = [];
  for (const { lock_id: lockId, secret_generation: generation, secret_hash: kept } of rows) {
    const hash = hashSecret(bridged.secretOf(lockId, generation));
    if (hash.equals(kept)) continue;
    await replaceSecret(db, lockId, hash);
    const after = { reason: 'derived from another key of the platform' };
    await audit(db, { actor: 'platform', action: 'lock.secret', subject: `lock:${lockId}`, after });
    changed.push(lockId);
  }
  return changed;
}

/** Takes what a bridge tells: kept in memory, but for second connections, which are alarms of the locks' trips. */
export async function hearBridge(deps: BridgeDeps, desk: BridgeDesk, news: BridgeNews): Promise<void> {
  desk.hear(news, Date.now());
  const { pool, judging } = deps;
  const tripIds = await inTransaction(pool, async (db) => {
    const found = await insertSecondConnections(db, news.secondConnections);
    await askToJudge(db, found);
    return found;
  });
  await judging.judged(tripIds);
}
