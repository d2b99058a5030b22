import { X509Certificate } from 'node:crypto';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

/** One thing that was looked at; as of `postgres/doctor.ts`. */
interface Finding {
  part: string;
  state: 'ok' | 'warning' | 'problem';
  text: string;
  hint?: string;
}

const SOON_MS = 30 * 86_400_000;
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function expiry(part: string, name: string, untilMs: number, nowMs: number): Finding {
  const hint = 'Put a newer one in its place; the platform reads it within 5 s, or at SIGHUP.';
  if (untilMs < nowMs) return { part, state: 'problem', text: `${name} has expired on ${day(untilMs)}`, hint };
  if (untilMs < nowMs + SOON_MS) return { part, state: 'warning', text: `${name} expires on ${day(untilMs)}`, hint };
  return { part, state: 'ok', text: `${name} expires on ${day(untilMs)}` };
}

/** Whether the files of TLS can be used, and how long. */
export async function checkTls(files: TlsFiles, nowMs: number): Promise<Finding[]> {
  try {
    const { cert, trust } = await readTlsFiles(files);
    const until = (certificate: X509Certificate) => Date.parse(certificate.validTo);
    const name = (certificate: X509Certificate) => certificate.subject.replaceAll('\n', ', ');
    return [
      expiry('tls.certificate', files.certPath, until(new X509Certificate(cert)), nowMs),
      ...(trust?.cas ?? []).map((ca) => expiry('tls.client-ca', name(ca), until(ca), nowMs)),
      ...(trust?.lists ?? []).map(({ issuer, nextUpdateMs, revoked }): Finding => {
        const text = `${issuer} has revoked ${revoked}`;
        const part = 'tls.client-crl';
        if (nextUpdateMs === undefined || nextUpdateMs > nowMs) return { part, state: 'ok', text };
        const hint =
          'Fetch the list of this CA again. What it lists stays revoked; what was revoked since is not known.';
        return { part, state: 'warning', text: `${text}; a newer list was due on ${day(nextUpdateMs)}`, hint };
      }),
    ];
  } catch (error) {
    const { message, hint } = error as Error & { hint?: string };
    return [{ part: 'tls.files', state: 'problem', text: message, ...(hint ? { hint } : {}) }];
  }
}
