import { randomBytes } from 'node:crypto';
import { Secret, TOTP } from 'otpauth';
import { hashSecret } from './secret.ts';

/** What every authenticator speaks (RFC 6238): SHA-1, six digits, a new code every 30 s. */
const FORM = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
/** Steps by which the clocks of phone and platform may differ, to either side. */
const WINDOW = 1;
const SECRET_BYTES = 20;

/** A new secret, in base 32. */
export const newTotpSecret = (): string => new Secret({ size: SECRET_BYTES }).base32;

/** What an authenticator reads from the QR code. */
export const totpUri = (secret: string, name: string): string =>
  new TOTP({ ...FORM, issuer: 'Sealwatch', label: name, secret: Secret.fromBase32(secret) }).toString();

/**
 * The time step of a code.
 * @param code blanks in it do not count
 * @param nowMs the clock, epoch ms
 * @returns undefined where the code is wrong, or of a step not later than `lastStep`
 */
export function stepOf(secret: string, code: string, lastStep: number, nowMs: number): number | undefined {
  const token = code.replaceAll(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return undefined;
  const given = { ...FORM, token, secret: Secret.fromBase32(secret), timestamp: nowMs, window: WINDOW };
  const delta = TOTP.validate(given);
  if (delta === null) return undefined;
  const step = TOTP.counter({ period: FORM.period, timestamp: nowMs }) + delta;
  return step > lastStep ? step : undefined;
}

/** Letters and digits that cannot be taken for each other. */
const ALPHABET = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ';
const CODES = 10;
const CODE_CHARS = 20;

/** Ten recovery codes of 100 random bits each, e.g. `7KQ2M-9XW4T-…`. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: CODES }, () => {
    const chars = [...randomBytes(CODE_CHARS)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
    return chars.match(/.{5}/g)!.join('-');
  });
}

/** As it is stored; blanks, hyphens and small letters do not count. */
export const hashRecoveryCode = (code: string): Buffer => hashSecret(code.toUpperCase().replaceAll(/[^0-9A-Z]/g, ''));
