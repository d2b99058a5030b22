import type { Bridged } from './ports.ts';

/** The use of the platform's key that secrets of bridged locks are derived by. */
export const BRIDGE_KEY = 'bridged locks';

/** Profiles that locks can be registered with. */
const PROFILES = [
  'jointech-701d',
  'jointech-701',
  'jointech-705',
  'jointech-707',
  'jointech-709',
  'huabao-a1l',
  'hhd-lora',
  'g360p',
  'jt808',
] as const;

/** What the platform knows of locks that a bridge speaks for. */
export const bridgedBy = (secretOf: Bridged['secretOf']): Bridged => ({
  secretOf,
  profiles: PROFILES,
  decode: () => undefined,
});
