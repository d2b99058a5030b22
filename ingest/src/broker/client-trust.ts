import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { X509Certificate as ReadCertificate, X509Crl } from '@peculiar/x509';
import { keyPrint, type LockCertificate, serialOf } from './lock-certificate.ts';
import { nameOf } from './lock-name.ts';

/** The longest way from a certificate to a CA of the bundle. */
const LONGEST_CHAIN = 8;

export interface RevocationList {
  /** Name of its CA. */
  issuer: string;
  /** When a newer one is due, epoch ms; undefined: it does not say. */
  nextUpdateMs: number | undefined;
  revoked: number;
}

/** Why a certificate opens nothing. */
export type CertificateFault =
  | 'certificate-not-valid-yet'
  | 'certificate-expired'
  | 'certificate-of-unknown-ca'
  | 'certificate-revoked'
  | 'certificate-names-no-lock';

/** The CAs whose certificates locks may bring, and what these CAs have revoked. Immutable; a reload makes a new one. */
export class ClientTrust {
  readonly cas: X509Certificate[];
  readonly lists: RevocationList[];
  readonly nameOf = nameOf;
  /** By the print of the CA's key: serial numbers. */
  readonly #revoked: Map<string, Set<string>>;
  /** What was found of a certificate, but for the time. */
  readonly #judged = new WeakMap<LockCertificate, { fault: CertificateFault | undefined; chain: X509Certificate[] }>();

  private constructor(cas: X509Certificate[], lists: RevocationList[], revoked: Map<string, Set<string>>) {
    this.cas = cas;
    this.lists = lists;
    this.#revoked = revoked;
  }

  /**
   * @param bundle CAs, PEM, one or more
   * @param crls revocation lists of CAs of the bundle, PEM, one or more in each text
   * @throws Error in plain words: no certificate or list in it, one that is no CA's, one that no CA of the bundle has signed
   */
  static async read(bundle: string, crls: string[]): Promise<ClientTrust> {
    const cas = blocks(bundle, 'CERTIFICATE').map((pem) => new X509Certificate(pem));
    if (cas.length === 0) throw new Error('expected certificates of CAs in PEM, found none');
    for (const ca of cas) {
      if (!ca.ca) throw new Error(`the certificate of ${oneLine(ca.subject)} is no CA's`);
    }
    const lists: RevocationList[] = [];
    const revoked = new Map<string, Set<string>>();
    for (const pem of crls) {
      const found = blocks(pem, 'X509 CRL');
      if (found.length === 0) throw new Error('expected revocation lists in PEM, found none');
      for (const block of found) {
        const crl = new X509Crl(Buffer.from(block.replaceAll(/-----[^-]+-----|\s/g, ''), 'base64'));
        const issuer = await issuerOf(crl, cas);
        const print = keyPrint(issuer);
        const serials = revoked.get(print) ?? new Set();
        revoked.set(print, serials);
        for (const entry of crl.entries) serials.add(serialOf(entry.serialNumber));
        lists.push({
          issuer: oneLine(issuer.subject),
          nextUpdateMs: crl.nextUpdate?.getTime(),
          revoked: crl.entries.length,
        });
      }
    }
    return new ClientTrust(cas, lists, revoked);
  }

  /** @returns undefined: it is good now, and names a lock */
  fault(certificate: LockCertificate, nowMs: number): CertificateFault | undefined {
    if (nowMs < certificate.notBeforeMs) return 'certificate-not-valid-yet';
    if (nowMs > certificate.notAfterMs) return 'certificate-expired';
    const judged = this.#judged.get(certificate) ?? this.#judge(certificate);
    this.#judged.set(certificate, judged);
    const inTime = judged.chain.every(
      (link) => nowMs >= Date.parse(link.validFrom) && nowMs <= Date.parse(link.validTo),
    );
    return judged.fault ?? (inTime ? undefined : 'certificate-expired');
  }

  #judge({ sent, lockId }: LockCertificate): { fault: CertificateFault | undefined; chain: X509Certificate[] } {
    const chain = this.#chain(sent);
    if (chain === undefined) return { fault: 'certificate-of-unknown-ca', chain: [] };
    const isRevoked = chain.some((link, i) => {
      const issuer = chain[i + 1];
      return issuer !== undefined && this.#revoked.get(keyPrint(issuer))?.has(serialOf(link.serialNumber));
    });
    if (isRevoked) return { fault: 'certificate-revoked', chain };
    return { fault: lockId === undefined ? 'certificate-names-no-lock' : undefined, chain };
  }

  /**
   * From a certificate to a root of the bundle, by signatures; certificates of the bundle go before those that the client has
   * sent, which it could make up.
   */
  #chain(sent: X509Certificate[]): X509Certificate[] | undefined {
    const chain: X509Certificate[] = [];
    let at = sent[0];
    while (at !== undefined && chain.length < LONGEST_CHAIN) {
      chain.push(at);
      const below = at;
      if (isIssuer(below, below)) break;
      at = [...this.cas, ...sent.slice(1)].find((other) => isIssuer(below, other));
    }
    const root = chain.at(-1);
    const known = root !== undefined && this.cas.some((ca) => ca.fingerprint256 === root.fingerprint256);
    return known ? chain : undefined;
  }
}

function isIssuer(certificate: X509Certificate, other: X509Certificate): boolean {
  return certificate.checkIssued(other) && certificate.verify(other.publicKey);
}

async function issuerOf(crl: X509Crl, cas: X509Certificate[]): Promise<X509Certificate> {
  for (const ca of cas) {
    const read = new ReadCertificate(Uint8Array.from(ca.raw));
    if (read.subject === crl.issuer && (await crl.verify({ publicKey: read }))) return ca;
  }
  throw new Error(`the revocation list of ${crl.issuer} is signed by no CA of the bundle`);
}

function blocks(pem: string, label: string): string[] {
  return pem.match(new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g')) ?? [];
}

const oneLine = (name: string): string => name.replaceAll('\n', ', ');
