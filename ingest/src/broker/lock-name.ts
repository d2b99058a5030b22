// The library asks for this polyfill of its decorators' metadata, before it.
import 'reflect-metadata';
import { SubjectAlternativeNameExtension, X509Certificate } from '@peculiar/x509';
import { LockId } from '@sealwatch/schemas';

/** How a certificate names a lock in a URI of its subjectAltName. */
const URI_PREFIX = 'urn:sealwatch:lock:';

const isLockId = (text: string): boolean => LockId.safeParse(text).success;

/** Names that the subjectAltName gives to a lock: URIs with the prefix, and DNS names that are written like a lock's id. */
function altNames(certificate: X509Certificate): string[] {
  const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? [];
  return names.flatMap(({ type, value }) => {
    if (type === 'url' && value.startsWith(URI_PREFIX)) return [value.slice(URI_PREFIX.length)];
    return type === 'dns' && isLockId(value) ? [value] : [];
  });
}

/**
 * The lock that a certificate names. The subjectAltName goes before the CN (RFC 6125): a CN that is not written like a lock's
 * id is then a remark, and one that is has to say the same. Without a name there, there is one CN, and it is the id letter by
 * letter.
 * @param der the certificate
 * @returns undefined where it names no lock, or more than one
 */
export function nameOf(der: Buffer): string | undefined {
  let alt: string[];
  let common: string[];
  try {
    const certificate = new X509Certificate(Uint8Array.from(der));
    alt = altNames(certificate);
    common = certificate.subjectName.getField('CN');
  } catch {
    return undefined;
  }
  if (alt.length === 0 && common.length !== 1) return undefined;
  const names = new Set(alt.length === 0 ? common : [...alt, ...common.filter(isLockId)]);
  const [name] = names;
  return names.size === 1 && name !== undefined && isLockId(name) ? name : undefined;
}
