import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { ClientTrust } from './client-trust.ts';

/** Whether a listener asks for a client certificate: not at all, of those that have one, or of everybody. */
export type ClientCertificates = 'none' | 'optional' | 'required';

export interface TlsFiles {
  certPath: string;
  keyPath: string;
  /** CAs of client certificates, PEM; absent or empty: none are taken. */
  clientCaPaths?: string[] | undefined;
  /** Revocation lists of these CAs, PEM. */
  clientCrlPaths?: string[] | undefined;
}

export interface TlsMaterial {
  cert: Buffer;
  key: Buffer;
  /** PEM of all CAs of clients. */
  ca?: string;
  trust?: ClientTrust;
  /** Of all files: whether one has changed. */
  digest: string;
}

/** A file that cannot be used, with what to do about it. */
export class TlsFileError extends Error {
  override name = 'TlsFileError';
  readonly hint: string;
  constructor(setting: string, path: string, cause: unknown) {
    super(`${setting} ${path}: ${cause instanceof Error ? cause.message : String(cause)}`);
    this.hint = 'Give the paths of PEM files that this account can read; sealwatch doctor looks at them.';
  }
}

async function read(setting: string, path: string): Promise<Buffer> {
  return readFile(path).catch((error) => {
    throw new TlsFileError(setting, path, error);
  });
}

/** All the files as they are now. @throws TlsFileError naming the setting and the file */
export async function readTlsFiles(files: TlsFiles): Promise<TlsMaterial> {
  const { certPath, keyPath, clientCaPaths = [], clientCrlPaths = [] } = files;
  const readAll = (setting: string, paths: string[]) => Promise.all(paths.map((path) => read(setting, path)));
  const [[cert, key], cas, crls] = await Promise.all([
    Promise.all([read('SEALWATCH_TLS_CERT', certPath), read('SEALWATCH_TLS_KEY', keyPath)]),
    readAll('SEALWATCH_TLS_CLIENT_CA', clientCaPaths),
    readAll('SEALWATCH_TLS_CLIENT_CRL', clientCrlPaths),
  ]);
  const digest = createHash('sha256');
  for (const bytes of [cert, key, ...cas, ...crls]) digest.update(`${bytes.length} `).update(bytes);
  const ca = cas.join('\n');
  const material = { cert, key, digest: digest.digest('hex') };
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new TlsFileError('SEALWATCH_TLS_CERT with SEALWATCH_TLS_KEY', certPath, error);
  }
  if (cas.length === 0) return material;
  const paths = [...clientCaPaths, ...clientCrlPaths].join(', ');
  // What reads certificates takes a quarter of a second to load; most platforms take none.
  const { ClientTrust } = await import('./client-trust.ts');
  const trust = await ClientTrust.read(ca, crls.map(String)).catch((error) => {
    throw new TlsFileError('SEALWATCH_TLS_CLIENT_CA', paths, error);
  });
  return { ...material, ca, trust };
}
