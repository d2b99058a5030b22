import { createHash, timingSafeEqual } from 'node:crypto';
import { LockId } from '@sealwatch/schemas';

/** Loads the stored hashes of locks that may connect; unknown and retired locks are left out. */
export type LoadSecretHashes = (lockIds: string[]) => Promise<Map<string, Buffer>>;

export interface Secrets {
  /** @returns why the lock may not connect, or undefined; rejects while the store cannot be read */
  refusal(clientId: string, userName: string | undefined, password: Buffer | undefined): Promise<string | undefined>;
  /** Drops the kept hash of a lock, so that a retirement or a new secret takes effect at once. */
  forget(lockId: string): void;
}

const KEPT_MS = 30_000;
const KEPT_AT_MOST = 50_000;

/** The hash that is stored of a lock's secret. A plain hash is enough: secrets are random (≥ 128 bits) and cannot be guessed. */
export function hashSecret(secret: string | Buffer): Buffer {
  return createHash('sha256').update(secret).digest();
}

/**
 * Checks locks' secrets against the store and keeps their hashes for 30 s. Locks that connect at once are looked up
 * together: one query per turn of the event loop, not one per lock.
 */
export function lockSecrets(load: LoadSecretHashes): Secrets {
  const known = new Map<string, { hash: Buffer; untilMs: number }>();
  let asking: { lockIds: Set<string>; answer: Promise<Map<string, Buffer>> } | undefined;

  const ask = (lockId: string): Promise<Map<string, Buffer>> => {
    if (!asking) {
      const lockIds = new Set<string>();
      const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        asking = undefined;
        return load([...lockIds]);
      });
      asking = { lockIds, answer };
    }
    asking.lockIds.add(lockId);
    return asking.answer;
  };

  const hashOf = async (lockId: string): Promise<Buffer | undefined> => {
    const kept = known.get(lockId);
    if (kept && kept.untilMs > Date.now()) return kept.hash;
    const hash = (await ask(lockId)).get(lockId);
    if (hash) {
      if (known.size >= KEPT_AT_MOST) known.clear();
      known.set(lockId, { hash, untilMs: Date.now() + KEPT_MS });
    }
    return hash;
  };

  return {
    async refusal(clientId, userName, password) {
      if (!LockId.safeParse(clientId).success) return 'client-id-not-a-lock';
      if (userName !== clientId) return 'user-name-not-client-id';
      if (!password) return 'no-password';
      const hash = await hashOf(clientId);
      const given = hashSecret(password);
      if (!hash) return 'unknown-or-retired-lock';
      return hash.length === given.length && timingSafeEqual(hash, given) ? undefined : 'wrong-password';
    },
    forget: (lockId) => void known.delete(lockId),
  };
}
