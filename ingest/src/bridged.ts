import { decodeHex, profileNames } from '@sealwatch/bridge';
import type { Bridged } from './ports.ts';

/** The use of the platform's key that secrets of bridged locks are derived by. */
export const BRIDGE_KEY = 'bridged locks';

/** What the platform knows of locks that a bridge speaks for. */
export const bridgedBy = (secretOf: Bridged['secretOf']): Bridged => ({
  secretOf,
  profiles: profileNames(),
  decode: decodeHex,
});
