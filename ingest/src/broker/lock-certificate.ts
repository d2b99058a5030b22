import { createHash, type X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/** A client certificate that TLS has verified: signed by a CA of the platform's bundle, for the use by clients. */
export interface LockCertificate {
  /** The lock that it names; undefined: none, or not one alone. */
  lockId: string | undefined;
  /** Hexadecimal, lower case, without leading zeros. */
  serial: string;
  sha256: string;
  spkiSha256: string;
  notBeforeMs: number;
  notAfterMs: number;
  /** Itself first, then what the client has sent with it. */
  sent: X509Certificate[];
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The SHA-256 of a certificate's public key (SPKI), hexadecimal. */
export const keyPrint = (certificate: X509Certificate): string =>
  sha256(certificate.publicKey.export({ type: 'spki', format: 'der' }));

/** Most certificates that are read of what a client has sent. */
const SENT_AT_MOST = 8;

function sentWith(leaf: X509Certificate): X509Certificate[] {
  const sent = [leaf];
  while (sent.length < SENT_AT_MOST) {
    const next = sent.at(-1)?.issuerCertificate;
    if (next === undefined) break;
    sent.push(next);
  }
  return sent;
}

/**
 * The certificate that a client has brought.
 * @param nameOf the lock that a certificate names
 * @returns `wrong`: why TLS does not take it, e.g. `CERT_HAS_EXPIRED`; undefined: it brought none
 */
export function certificateOf(
  socket: TLSSocket,
  nameOf: (der: Buffer) => string | undefined,
): LockCertificate | { wrong: string } | undefined {
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return undefined;
  if (!socket.authorized) return { wrong: String(socket.authorizationError) };
  return {
    lockId: nameOf(leaf.raw),
    serial: serialOf(leaf.serialNumber),
    sha256: sha256(leaf.raw),
    spkiSha256: keyPrint(leaf),
    notBeforeMs: Date.parse(leaf.validFrom),
    notAfterMs: Date.parse(leaf.validTo),
    sent: sentWith(leaf),
  };
}

export const serialOf = (hex: string): string => hex.toLowerCase().replace(/^0+(?=.)/, '');
