import { setTimeout } from 'node:timers/promises';
import type { AuthenticateError, Client } from 'aedes';
import type { Logger } from 'pino';
import type { ConnectFailures } from './connect-failures.ts';
import type { FrameGuard } from './frame-guard.ts';
import type { BrokerMetrics } from './metrics.ts';
import type { Secrets } from './secrets.ts';
import type { Takeovers } from './takeovers.ts';

/** What a CONNECT is judged by. */
export interface Authentication {
  secrets: Secrets;
  failures: ConnectFailures;
  takeovers: Takeovers;
  /** By lock id: those that are connected. */
  sessions: ReadonlyMap<string, unknown>;
  metrics: BrokerMetrics;
  options: { log: Logger };
}

type AuthenticateDone = (error: AuthenticateError | null, success: boolean | null) => void;

const CONNACK_UNAVAILABLE = 3;
const CONNACK_NOT_AUTHORISED = 5;

function connackError(reason: string, returnCode: number): AuthenticateError {
  return Object.assign(new Error(reason), { returnCode });
}

/** Lets a lock in that brings its secret, at once or after the wait of a takeover; never rejects. */
export async function authenticate(
  context: Authentication,
  client: Client,
  userName: string | undefined,
  password: Buffer | undefined,
  done: AuthenticateDone,
): Promise<void> {
  const { failures, metrics, options } = context;
  const connect = { clientId: client.id, network: (client.conn as FrameGuard).network, password };
  if (!failures.begin(connect, Date.now())) {
    metrics.refused('connect', 'too-many-failures');
    return done(connackError('too many failures', CONNACK_UNAVAILABLE), null);
  }
  const check = () => checkSecret(context, client, userName, password);
  let { outcome, reason } = await check();
  failures.end(connect, outcome, Date.now());
  // While it waits the lock may be retired, or get another secret.
  if (outcome === 'right' && (await takeoverDelay(context, client.id))) ({ outcome, reason } = await check());
  if (outcome === 'right') return done(null, true);
  metrics.refused('connect', reason);
  if (outcome === 'unchecked') return done(connackError(reason, CONNACK_UNAVAILABLE), null);
  options.log.warn({ lockId: client.id.slice(0, 40), reason }, 'connection refused');
  done(connackError(reason, CONNACK_NOT_AUTHORISED), null);
}

interface Checked {
  outcome: 'right' | 'wrong' | 'unchecked';
  /** Why it is not let in; empty if it is. */
  reason: string;
}

async function checkSecret(
  { secrets, options }: Authentication,
  client: Client,
  userName: string | undefined,
  password: Buffer | undefined,
): Promise<Checked> {
  try {
    const reason = await secrets.refusal(client.id, userName, password);
    return reason === undefined ? { outcome: 'right', reason: '' } : { outcome: 'wrong', reason };
  } catch (error) {
    options.log.error({ err: error }, 'a lock could not be checked');
    return { outcome: 'unchecked', reason: 'store-unavailable' };
  }
}

/** Two devices under one id would otherwise disconnect each other as fast as they can connect. @returns whether it has waited */
async function takeoverDelay(
  { sessions, takeovers, metrics, options }: Authentication,
  lockId: string,
): Promise<boolean> {
  if (!sessions.has(lockId)) return false;
  const delayMs = takeovers.next(lockId, Date.now());
  if (delayMs === 0) return false;
  metrics.refused('connect', 'delayed-takeover');
  const question = 'its session is taken over again and again: do two devices report under this id?';
  options.log.warn({ lockId, delayMs }, question);
  await setTimeout(delayMs, undefined, { ref: false });
  return true;
}
