/**
 * The secrets that a lock signs in with (contract §2). A new one is tried first and the one before it is kept until a CONNECT
 * with the new one was accepted: wherever a rotation is interrupted, one of the two opens.
 */
export interface Keyring {
  secret: string;
  /** A new one that no CONNECT was accepted with yet. */
  next?: string;
  /** The platform has refused the new one: the one before it is tried. */
  nextRefused?: true;
}

export const credential = ({ secret, next, nextRefused }: Keyring): string =>
  next === undefined || nextRefused ? secret : next;

/** The command `secret`; the lock stores this before it replies. */
export const offered = ({ secret }: Keyring, next: string): Keyring =>
  next === secret ? { secret } : { secret, next };

/** A CONNECT with this secret was accepted. */
export function accepted(keys: Keyring, used: string): Keyring {
  if (used === keys.next) return { secret: used };
  return keys.nextRefused ? { secret: keys.secret } : keys;
}

/** A CONNECT with this secret was refused (CONNACK 5). @returns undefined: no secret is left to try */
export function refused(keys: Keyring, used: string): Keyring | undefined {
  if (used !== keys.next) return undefined;
  return { ...keys, nextRefused: true };
}
