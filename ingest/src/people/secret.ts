import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** Secrets are random and long, so one round of SHA-256 keeps them as well as a slow hash would. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** 256 random bits, with a prefix that scanners of leaked secrets can know. */
export const newApiKey = (): string => `sw_${randomBytes(32).toString('base64url')}`;

/** 192 random bits for a lock's MQTT password. */
export const newLockSecret = (): string => randomBytes(24).toString('base64url');

/** 256 random bits for a session or a sign-in link. */
export const newToken = (): string => randomBytes(32).toString('base64url');

/** Compares without telling by its duration where the difference is. */
export function sameSecret(a: string, b: string): boolean {
  return timingSafeEqual(hashSecret(a), hashSecret(b));
}
