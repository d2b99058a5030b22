import 'reflect-metadata';
import { X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralNames,
  type JsonName,
  Name,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;
const newKeys = () => webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);

/** A certificate with its key, PEM, and what it is recognised by. */
export interface Issued {
  cert: string;
  key: string;
  serial: string;
  sha256: string;
  spkiSha256: string;
  certificate: X509Certificate;
}

export interface Wanted {
  /** One or more CNs, in relative names of their own. */
  cn?: string[];
  alt?: JsonGeneralNames;
  fromMs?: number;
  untilMs?: number;
  usage?: 'client' | 'server';
  /** Keys of another certificate, for a renewal. */
  keys?: webcrypto.CryptoKeyPair;
}

/** A CA of a test: it issues certificates, CAs below it, and revocation lists. */
export class Authority {
  readonly name: string;
  readonly certificate: X509Certificate;
  readonly #keys: webcrypto.CryptoKeyPair;

  private constructor(name: string, certificate: X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.name = name;
    this.certificate = certificate;
    this.#keys = keys;
  }

  get pem(): string {
    return this.certificate.toString('pem');
  }

  /** @param above absent: a root */
  static async make(name: string, above?: Authority, keys?: webcrypto.CryptoKeyPair): Promise<Authority> {
    const own = keys ?? (await newKeys());
    const certificate = await X509CertificateGenerator.create({
      serialNumber: randomBytes(12).toString('hex'),
      subject: `CN=${name}`,
      issuer: above ? above.certificate.subjectName : `CN=${name}`,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 10 * DAY_MS),
      signingAlgorithm: ALGORITHM,
      publicKey: own.publicKey,
      signingKey: above ? above.#keys.privateKey : own.privateKey,
      extensions: [new BasicConstraintsExtension(true, undefined, true)],
    });
    return new Authority(name, certificate, own);
  }

  async issue({ cn = [], alt, fromMs, untilMs, usage = 'client', keys }: Wanted): Promise<Issued> {
    const own = keys ?? (await newKeys());
    const extensions: Extension[] = [
      new BasicConstraintsExtension(false),
      new ExtendedKeyUsageExtension([usage === 'client' ? ExtendedKeyUsage.clientAuth : ExtendedKeyUsage.serverAuth]),
      ...(alt === undefined ? [] : [new SubjectAlternativeNameExtension(alt)]),
    ];
    const subject: JsonName = [{ O: ['locks'] }, ...cn.map((text) => ({ CN: [text] }))];
    const certificate = await X509CertificateGenerator.create({
      serialNumber: `01${randomBytes(10).toString('hex')}`,
      subject: new Name(subject).toJSON(),
      issuer: this.certificate.subjectName,
      notBefore: new Date(fromMs ?? Date.now() - DAY_MS),
      notAfter: new Date(untilMs ?? Date.now() + DAY_MS),
      signingAlgorithm: ALGORITHM,
      publicKey: own.publicKey,
      signingKey: this.#keys.privateKey,
      extensions,
    });
    const cert = certificate.toString('pem');
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', own.privateKey)).toString('base64');
    const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', own.publicKey));
    const print = async (bytes: ArrayBuffer | Buffer) =>
      Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes)).toString('hex');
    return {
      cert,
      key: `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END PRIVATE KEY-----\n`,
      serial: new NodeCertificate(cert).serialNumber.toLowerCase().replace(/^0+/, ''),
      sha256: await print(certificate.rawData),
      spkiSha256: await print(spki),
      certificate,
    };
  }

  /** A revocation list, PEM. */
  async revoke(...issued: (Issued | Authority)[]): Promise<string> {
    const crl = await X509CrlGenerator.create({
      issuer: this.certificate.subjectName,
      thisUpdate: new Date(),
      nextUpdate: new Date(Date.now() + DAY_MS),
      entries: issued.map(({ certificate }) => ({
        serialNumber: certificate.serialNumber,
        revocationDate: new Date(),
      })),
      signingAlgorithm: ALGORITHM,
      signingKey: this.#keys.privateKey,
    });
    const base64 = Buffer.from(crl.rawData).toString('base64');
    return `-----BEGIN X509 CRL-----\n${base64.replace(/(.{64})/g, '$1\n').trimEnd()}\n-----END X509 CRL-----\n`;
  }
}
