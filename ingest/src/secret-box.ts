import { createCipheriv, createDecipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Signing, or checking a code, needs the secret itself, so a hash will not do. It is kept sealed under a key that is not in the database:
 * whoever gets a copy of the database can do neither.
 */
export interface SecretBox {
  seal(secret: string): Buffer;
  /** @throws Error where it was sealed under another key, or changed */
  open(sealed: Buffer): string;
}

const ALGORITHM = 'aes-256-gcm';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** @param key 32 bytes @throws RangeError on another length */
export function secretBox(key: Buffer): SecretBox {
  if (key.length !== KEY_BYTES) throw new RangeError(`expected a key of ${KEY_BYTES} bytes, got ${key.length}`);
  return {
    seal(secret) {
      const iv = randomBytes(IV_BYTES);
      const cipher = createCipheriv(ALGORITHM, key, iv);
      return Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    },
    open(sealed) {
      const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
      const text = [decipher.update(sealed.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()];
      return Buffer.concat(text).toString('utf8');
    },
  };
}

/** A key of its own for one use, so that what is sealed for one is nothing for another. */
export const subkeyOf = (key: Buffer, use: string): Buffer => Buffer.from(hkdfSync('sha256', key, '', use, KEY_BYTES));

/**
 * The secret of a lock that a bridge speaks for: derived, so that the bridge can be told it and the database holds its hash
 * alone. Another generation is another secret.
 * @param key 32 bytes, for this use alone
 */
export const derivedSecret = (key: Buffer, lockId: string, generation: number): string =>
  createHmac('sha256', key).update(`${lockId} ${generation}`).digest('base64url');

/** The key in a file that only the platform's account may read; made at the first start. @throws RangeError, fs errors */
export function keyOfFile(path: string): Buffer {
  mkdirSync(dirname(path), { recursive: true });
  try {
    writeFileSync(path, `${randomBytes(KEY_BYTES).toString('base64')}\n`, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64');
  if (key.length !== KEY_BYTES) throw new RangeError(`${path} does not hold ${KEY_BYTES} bytes in base64`);
  return key;
}

/** Tells keys apart without giving them away: 16 hexadecimal digits. */
export function fingerprintOf(key: Buffer): string {
  return createHash('sha256').update('sealwatch webhooks key').update(key).digest('hex').slice(0, 16);
}
