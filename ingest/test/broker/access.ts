import { hashSecret } from '../../src/broker/lock-access.ts';
import type { LockAccess } from '../../src/ports.ts';

/** A lock that signs in with this secret, and with nothing else. */
export const bySecret = (secret: string): LockAccess => ({
  signIn: 'secret',
  secretHash: hashSecret(secret),
  pins: [],
  revoked: [],
});
