import { lookup } from 'node:dns/promises';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import { type AddressRule, addressFault, bareHost } from './address.ts';

export interface Sending {
  url: string;
  headers: Record<string, string>;
  body: string;
  rule: AddressRule;
  /** From looking the name up to the status of the answer. */
  timeoutMs: number;
  signal: AbortSignal;
  /** All addresses of a host name; the system's resolver where absent. */
  resolve?: ((host: string) => Promise<string[]>) | undefined;
}

/** The answer: its status, and `Retry-After` as it was written; or why there is none. */
export type Sent = { status: number; retryAfter?: string } | { error: string };

/** More of an answer's body than this is not read: the connection is closed. */
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_ANSWER_MS = 1_000;

const systemResolve = async (host: string) => (await lookup(host, { all: true })).map(({ address }) => address);

/** The addresses that a host name has now. Every one must be allowed: which of them is called is the network's choice. */
async function checkedAddresses(url: URL, sending: Sending): Promise<string[] | { error: string }> {
  const host = bareHost(url);
  let addresses: string[];
  try {
    addresses = isIP(host) ? [host] : await (sending.resolve ?? systemResolve)(host);
  } catch (error) {
    return { error: `${host} has no address: ${(error as NodeJS.ErrnoException).code ?? 'error'}` };
  }
  const faults = addresses.flatMap((address) => addressFault(sending.rule, address, url.protocol) ?? []);
  if (addresses.length === 0) return { error: `${host} has no address` };
  return faults[0] === undefined ? addresses : { error: `refused: ${faults[0]}` };
}

/** The connection goes to the addresses that were checked, whatever the name means a moment later. */
function pinned(addresses: string[]): LookupFunction {
  const known = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, options, done) => {
    if (options.all) done(null, known);
    else done(null, known[0]!.address, known[0]!.family);
  };
}

/**
 * One POST. The answer is its status: what becomes of the body does not matter. Redirects are not followed. Never rejects.
 */
export async function sendWebhook(sending: Sending): Promise<Sent> {
  const limit = new AbortController();
  // The timer keeps its controller: the signal of `AbortSignal.timeout` may be collected before its time (nodejs/node#57736).
  const timer = setTimeout(() => limit.abort(TIMED_OUT), sending.timeoutMs).unref();
  try {
    return await sendUntil(sending, AbortSignal.any([sending.signal, limit.signal]));
  } finally {
    clearTimeout(timer);
  }
}

async function sendUntil(sending: Sending, signal: AbortSignal): Promise<Sent> {
  const url = new URL(sending.url);
  const addresses = await Promise.race([checkedAddresses(url, sending), aborted(signal)]);
  if (!Array.isArray(addresses)) return addresses;
  if (signal.aborted) return { error: reasonOf(signal) };
  return new Promise((resolve) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
      method: 'POST',
      headers: sending.headers,
      agent: false,
      lookup: pinned(addresses),
      signal,
    });
    request.on('response', (answer) => {
      const { statusCode: status = 0, headers } = answer;
      const retryAfter = headers['retry-after'];
      resolve({ status, ...(retryAfter === undefined ? {} : { retryAfter }) });
      discard(answer);
    });
    request.on('error', (error: NodeJS.ErrnoException) =>
      resolve({ error: signal.aborted ? reasonOf(signal) : (error.code ?? error.message).slice(0, 200) }),
    );
    request.end(sending.body);
  });
}

/** Reads a short body away, because some servers take a closed connection for a lost answer; closes it on a long one. */
function discard(answer: IncomingMessage): void {
  let bytes = 0;
  const timer = setTimeout(() => answer.destroy(), MAX_ANSWER_MS).unref();
  answer.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) answer.destroy();
  });
  answer.on('error', () => undefined);
  answer.on('close', () => clearTimeout(timer));
}

const TIMED_OUT = Symbol('the time limit');

const reasonOf = (signal: AbortSignal) => (signal.reason === TIMED_OUT ? 'timeout' : 'stopped');

function aborted(signal: AbortSignal): Promise<{ error: string }> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve({ error: reasonOf(signal) });
    else signal.addEventListener('abort', () => resolve({ error: reasonOf(signal) }), { once: true });
  });
}
