import { createHash, timingSafeEqual } from 'node:crypto';
import { LockId } from '@sealwatch/schemas';
import type { LockAccess } from '../ports.ts';
import type { ClientTrust } from './client-trust.ts';
import type { LockCertificate } from './lock-certificate.ts';

/** What a connection has brought. */
export interface Evidence {
  clientId: string;
  userName: string | undefined;
  /** Hash of the password. */
  passwordHash: Buffer | undefined;
  /** Verified by TLS; `wrong`: why not; undefined: none. */
  certificate: LockCertificate | { wrong: string } | undefined;
  /** Its listener asks every client for a certificate. */
  certificateRequired: boolean;
}

/** `refused`: why it is not let in. `confirms`: the hash of the new secret that it has brought for the first time. */
export type SignIn = { by: 'secret' | 'certificate'; confirms?: Buffer; refused?: never } | { refused: string };

/** The hash that is stored of a lock's secret. A plain hash is enough: secrets are random (≥ 128 bits) and cannot be guessed. */
export function hashSecret(secret: string | Buffer): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Why a connection cannot be a lock's, whatever the store says; undefined: it may be. */
export function formFault({ clientId, userName, passwordHash, certificate }: Evidence): string | undefined {
  if (!LockId.safeParse(clientId).success) return 'client-id-not-a-lock';
  // Where a certificate speaks for the lock, a user name may be absent; a wrong one is wrong all the same.
  if (userName === undefined ? certificate === undefined : userName !== clientId) return 'user-name-not-client-id';
  return passwordHash === undefined && certificate === undefined ? 'no-password' : undefined;
}

/**
 * Whether a lock is let in by what it has brought. A certificate that is expired, revoked, not pinned or not verified counts
 * as none; one of another lock is refused whatever comes with it.
 * @param trust undefined: no client certificates are taken
 */
export function judgeSignIn(
  access: LockAccess | undefined,
  evidence: Evidence,
  trust: ClientTrust | undefined,
  nowMs: number,
): SignIn {
  const wrongForm = formFault(evidence);
  if (wrongForm !== undefined) return { refused: wrongForm };
  const { certificate } = evidence;
  const namesAnother =
    certificate !== undefined &&
    'lockId' in certificate &&
    certificate.lockId !== undefined &&
    certificate.lockId !== evidence.clientId;
  if (namesAnother) return { refused: 'certificate-of-another-lock' };
  if (access === undefined) return { refused: 'unknown-or-retired-lock' };
  const fault = certificateFault(access, certificate, trust, nowMs);
  const needed = evidence.certificateRequired || access.signIn === 'certificate';
  if (fault !== undefined && needed) return { refused: fault };
  if (access.signIn === 'certificate') return { by: 'certificate' };
  const secret = judgeSecret(access, evidence.passwordHash, nowMs);
  if (access.signIn === 'secret' || secret.refused === undefined) return secret;
  if (fault === undefined) return { by: 'certificate' };
  return evidence.passwordHash === undefined ? { refused: fault } : secret;
}

function certificateFault(
  { pins, revoked }: LockAccess,
  certificate: Evidence['certificate'],
  trust: ClientTrust | undefined,
  nowMs: number,
): string | undefined {
  if (certificate === undefined || trust === undefined) return 'no-certificate';
  if ('wrong' in certificate) return faultOfTls(certificate.wrong);
  const fault = trust.fault(certificate, nowMs);
  if (fault !== undefined) return fault;
  const { serial, sha256, spkiSha256 } = certificate;
  const isMarked = (value: string) => value === sha256 || value === spkiSha256;
  if (revoked.some(({ kind, value }) => (kind === 'serial' ? value === serial : isMarked(value)))) {
    return 'certificate-revoked';
  }
  return pins.length > 0 && !pins.some(isMarked) ? 'certificate-not-pinned' : undefined;
}

/** OpenSSL's codes are many; in metrics a reason is one of few. */
function faultOfTls(code: string): string {
  if (code === 'CERT_HAS_EXPIRED') return 'certificate-expired';
  return code === 'CERT_NOT_YET_VALID' ? 'certificate-not-valid-yet' : 'certificate-not-verified';
}

function judgeSecret(access: LockAccess, given: Buffer | undefined, nowMs: number): SignIn {
  if (given === undefined) return { refused: 'no-password' };
  const { secretHash, secretUntilMs, nextSecretHash } = access;
  if (nextSecretHash !== undefined && isSame(nextSecretHash, given)) return { by: 'secret', confirms: nextSecretHash };
  if (!isSame(secretHash, given)) return { refused: 'wrong-password' };
  return secretUntilMs !== undefined && nowMs > secretUntilMs ? { refused: 'secret-replaced' } : { by: 'secret' };
}

const isSame = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);
