import { z } from 'zod';
import { Time } from './time.ts';

/** What a lock signs in with: its secret, a client certificate that names it, or one of the two. */
export const LockSignIn = z.enum(['secret', 'certificate', 'either']);
export type LockSignIn = z.infer<typeof LockSignIn>;

/** SHA-256 of a certificate, or of its public key (SPKI): 32 bytes in hexadecimal, with or without colons. */
export const Sha256 = z
  .string()
  .regex(
    /^(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}$/,
    'expected the SHA-256 of a certificate or of its public key, 64 hexadecimal digits',
  );

/** What a lock's certificates are recognised by. */
export const Pins = z.array(Sha256).max(10);

/** The serial number of a certificate, in hexadecimal, with or without colons. */
export const CertificateSerial = z
  .string()
  .regex(
    /^(?:[0-9A-Fa-f]{1,2}:?){0,19}[0-9A-Fa-f]{1,2}$/,
    'expected the serial number of a certificate, 1 to 40 hexadecimal digits',
  );

/** The certificate that a lock has signed in with. */
export const LockCertificate = z.object({
  serial: z.string(),
  sha256: z.string(),
  spkiSha256: z.string(),
  notBefore: Time,
  notAfter: Time,
});
export type LockCertificate = z.infer<typeof LockCertificate>;
