import { readFile } from 'node:fs/promises';
import { BridgeList } from '@sealwatch/schemas';
import type { Exchange } from './locks.ts';

const WITHIN_MS = 15_000;

/** The settings of a bridge that runs apart cannot be used. */
export class BridgeSettingsError extends Error {
  override name = 'BridgeSettingsError';
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

const LOOPBACK = /^(127(\.\d+){3}|\[::1\]|localhost)$/;

/**
 * Asks the platform over REST, by a key of the role `bridge` in a file, which is read anew each time.
 * @param apiUrl e.g. `https://seal.example.org`
 * @throws BridgeSettingsError where secrets would go over the network in the clear
 */
export function restExchange(apiUrl: string, keyFile: string): Exchange {
  const url = addressOf(apiUrl);
  return async (news) => {
    const key = (await readFile(keyFile, 'utf8')).trim();
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(new Error(`no answer within ${WITHIN_MS / 1_000} s`)), WITHIN_MS);
    try {
      const answer = await fetch(url, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify(news),
        signal: stop.signal,
        redirect: 'error',
      });
      const body: unknown = await answer.json();
      if (answer.ok) return BridgeList.parse(body);
      const { detail = answer.statusText } = body as { detail?: string };
      throw new Error(`${url.origin} answers ${answer.status}: ${detail}`);
    } finally {
      clearTimeout(timer);
    }
  };
}

function addressOf(apiUrl: string): URL {
  const hint = 'Give the address of the platform, e.g. https://seal.example.org or http://127.0.0.1:8080.';
  if (!URL.canParse(apiUrl)) throw new BridgeSettingsError(`--api ${apiUrl}: expected an address`, hint);
  const url = new URL('/api/v1/bridge/exchange', apiUrl);
  if (url.protocol === 'https:' || (url.protocol === 'http:' && LOOPBACK.test(url.hostname))) return url;
  throw new BridgeSettingsError(`--api ${apiUrl}: secrets go over TLS, or stay on this machine`, hint);
}
