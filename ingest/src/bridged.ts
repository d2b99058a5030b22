import { decodeHex, profileNames } from '@sealwatch/bridge';
import type { Bridged } from './ports.ts';
import { derivedSecret, subkeyOf } from './secret-box.ts';

/**
 * What the platform knows of locks that a bridge speaks for.
 * @param sealing the platform's key (`sealingKeyOf`), from which their secrets are derived
 */
export function bridgedOf(sealing: Buffer): Bridged {
  const key = subkeyOf(sealing, 'bridged locks');
  return {
    secretOf: (lockId, generation) => derivedSecret(key, lockId, generation),
    profiles: profileNames(),
    decode: decodeHex,
  };
}
