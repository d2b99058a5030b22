import { setTimeout } from 'node:timers/promises';
import type { AuthenticateError, Client } from 'aedes';
import type { Logger } from 'pino';
import type { AccessCache } from './access-cache.ts';
import type { ClientTrust } from './client-trust.ts';
import type { ConnectFailures } from './connect-failures.ts';
import type { Connections } from './connections.ts';
import type { FrameGuard } from './frame-guard.ts';
import { type Evidence, formFault, hashSecret, judgeSignIn } from './lock-access.ts';
import type { BrokerMetrics } from './metrics.ts';
import type { Takeovers } from './takeovers.ts';

/** What a CONNECT is judged by. */
export interface Authentication {
  access: AccessCache;
  /** Whose certificates are taken now; undefined: nobody's. */
  trust: ClientTrust | undefined;
  connections: Connections;
  failures: ConnectFailures;
  takeovers: Takeovers;
  /** By lock id: those that are connected. */
  sessions: ReadonlyMap<string, unknown>;
  metrics: BrokerMetrics;
  options: {
    log: Logger;
    /** The lock has signed in with its new secret. @returns false: it is no longer the new one */
    confirmSecret?: (lockId: string, hash: Buffer) => Promise<boolean>;
  };
}

type AuthenticateDone = (error: AuthenticateError | null, success: boolean | null) => void;

const CONNACK_UNAVAILABLE = 3;
const CONNACK_NOT_AUTHORISED = 5;
/** What is changed without pause cannot be judged. */
const MOST_TURNS = 10;

function connackError(reason: string, returnCode: number): AuthenticateError {
  return Object.assign(new Error(reason), { returnCode });
}

/** Lets a lock in by its secret or certificate, at once or after the wait of a takeover; never rejects. */
export async function authenticate(
  context: Authentication,
  client: Client,
  userName: string | undefined,
  password: Buffer | undefined,
  done: AuthenticateDone,
): Promise<void> {
  const { access, connections, failures, metrics, options } = context;
  const { network, certificate, certificateRequired } = client.conn as FrameGuard;
  const passwordHash = password === undefined ? undefined : hashSecret(password);
  const evidence: Evidence = { clientId: client.id, userName, passwordHash, certificate, certificateRequired };
  const connect = { clientId: client.id, network, credential: credentialOf(evidence) };
  if (!failures.begin(connect, Date.now())) {
    metrics.refused('connect', 'too-many-failures');
    return done(connackError('too many failures', CONNACK_UNAVAILABLE), null);
  }
  let checked = await checkAccess(context, evidence);
  failures.end(connect, checked.outcome, Date.now());
  // While it waits the lock may be retired, or get another secret.
  if (checked.outcome === 'right') await takeoverDelay(context, client.id);
  while (checked.outcome === 'right' && checked.version !== access.version) {
    checked = await checkAccess(context, evidence);
  }
  const { outcome, reason } = checked;
  if (outcome === 'right') {
    // In one turn with the look at the version: whatever ends the access from now on finds the connection.
    connections.add({ client, evidence });
    return done(null, true);
  }
  metrics.refused('connect', reason);
  if (outcome === 'unchecked') return done(connackError(reason, CONNACK_UNAVAILABLE), null);
  options.log.warn({ lockId: client.id.slice(0, 40), reason }, 'connection refused');
  done(connackError(reason, CONNACK_NOT_AUTHORISED), null);
}

/** By what a lock is known at its address: its certificate, else its secret. */
function credentialOf({ certificate, passwordHash }: Evidence): Buffer | undefined {
  return certificate !== undefined && 'sha256' in certificate ? Buffer.from(certificate.sha256, 'hex') : passwordHash;
}

export interface Checked {
  /** `unchecked`: nobody could say. */
  outcome: 'right' | 'wrong' | 'unchecked';
  /** Why it is not let in; empty if it is. */
  reason: string;
  /** Of what is known of locks. */
  version: number;
}

/** Judges by what the store and the platform's files say now; never rejects. */
export async function checkAccess(
  context: Pick<Authentication, 'access' | 'trust' | 'options'>,
  evidence: Evidence,
): Promise<Checked> {
  const { access, options } = context;
  const lockId = evidence.clientId;
  try {
    for (let turn = 0; turn < MOST_TURNS; turn++) {
      const { version } = access;
      const ofLock = formFault(evidence) === undefined ? await access.of(lockId) : undefined;
      const signIn = judgeSignIn(ofLock, evidence, context.trust, Date.now());
      if (signIn.refused !== undefined) {
        if (version === access.version) return { outcome: 'wrong', reason: signIn.refused, version };
      } else if (signIn.confirms !== undefined) {
        // Whether it was confirmed now or another one took its place: what is known of the lock is old.
        await options.confirmSecret?.(lockId, signIn.confirms);
        access.forget(lockId);
      } else if (version === access.version) return { outcome: 'right', reason: '', version };
    }
  } catch (error) {
    options.log.error({ err: error }, 'a lock could not be checked');
    return { outcome: 'unchecked', reason: 'store-unavailable', version: access.version };
  }
  return { outcome: 'unchecked', reason: 'changed-meanwhile', version: access.version };
}

/** Two devices under one id would otherwise disconnect each other as fast as they can connect. */
async function takeoverDelay({ sessions, takeovers, metrics, options }: Authentication, lockId: string): Promise<void> {
  if (!sessions.has(lockId) && !takeovers.isElsewhere(lockId, Date.now())) return;
  const delayMs = takeovers.next(lockId, Date.now());
  if (delayMs === 0) return;
  metrics.refused('connect', 'delayed-takeover');
  const question = 'its session is taken over again and again: do two devices report under this id?';
  options.log.warn({ lockId, delayMs }, question);
  await setTimeout(delayMs, undefined, { ref: false });
}
