import { randomUUID } from 'node:crypto';
import { Problem } from '@sealwatch/schemas';

/** An interface of the platform refused a call or could not be reached; the message names the call and the reason. */
export class InterfaceError extends Error {
  readonly status: number;
  readonly code: string;

  /** @param status HTTP status; 0 if there was no answer */
  constructor(called: string, why: string, status = 0, code = '') {
    super(`${called}: ${why}`);
    this.name = 'InterfaceError';
    this.status = status;
    this.code = code;
  }
}

function problemText(status: number, body: unknown): { text: string; code: string } {
  const read = Problem.safeParse(body);
  if (!read.success) return { text: `HTTP ${status}`, code: '' };
  const { code, title, detail, errors } = read.data;
  const fields = (errors ?? []).map((error) => `${error.path}: ${error.message}`);
  return { text: [`HTTP ${status} ${code}`, detail ?? title, ...fields].join('; '), code };
}

/** The platform's REST interface (contract §3), as anyone may call it. */
export interface Rest {
  get(path: string): Promise<unknown>;
  post(path: string, body?: unknown): Promise<unknown>;
  put(path: string, body: unknown): Promise<unknown>;
}

const CALL_TIMEOUT_MS = 60_000;

/**
 * @param base e.g. http://127.0.0.1:8080
 * @param stop ends every call under way
 */
export function connectRest(base: string, key: string, stop: AbortSignal): Rest {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const url = new URL(`/api/v1${path}`, base);
    const called = `REST ${method} ${url.pathname} at ${url.origin}`;
    let response: Response;
    let text: string;
    const limit = new AbortController();
    // The timer keeps its controller: the signal of `AbortSignal.timeout` may be collected before its time (nodejs/node#57736).
    const timer = setTimeout(() => limit.abort(new Error('no answer in time')), CALL_TIMEOUT_MS);
    try {
      response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(method === 'POST' ? { 'idempotency-key': randomUUID() } : {}),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([stop, limit.signal]),
      });
      text = await response.text();
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      throw new InterfaceError(called, cause instanceof Error ? cause.message : String(cause));
    } finally {
      clearTimeout(timer);
    }
    const answer = parse(text);
    if (!response.ok) {
      const { text: why, code } = problemText(response.status, answer);
      throw new InterfaceError(called, why, response.status, code);
    }
    return answer;
  };
  return {
    get: (path) => call('GET', path),
    post: (path, body) => call('POST', path, body ?? {}),
    put: (path, body) => call('PUT', path, body),
  };
}

function parse(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Polls /readyz until the platform accepts reports. @throws InterfaceError with its reasons after `timeoutMs` */
export async function untilReady(base: string, timeoutMs: number, stop: AbortSignal): Promise<void> {
  const until = Date.now() + timeoutMs;
  let why = 'no answer';
  while (Date.now() < until && !stop.aborted) {
    try {
      const response = await fetch(new URL('/readyz', base), { signal: AbortSignal.timeout(5_000) });
      if (response.ok) return;
      why = `HTTP ${response.status} ${await response.text()}`;
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      why = cause instanceof Error ? cause.message : String(cause);
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  if (!stop.aborted) throw new InterfaceError(`REST GET /readyz at ${base}`, why);
}
