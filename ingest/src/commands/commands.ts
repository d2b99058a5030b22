import { type Command, type Reply, replyTopic } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { inPipelinedTransaction } from '../postgres/queryable.ts';
import type { SecretBox } from '../secret-box.ts';
import { sealedSecret, secretKept } from '../store/locks/access.ts';
import {
  commandOf,
  endCommand,
  expireCommands,
  locksWithDueCommands,
  markSent,
  waitingCommands,
} from '../store/locks/command-queue.ts';
import { insertQuarantine } from '../store/reports/quarantine.ts';
import { readReply } from './reply.ts';
import { Turns } from './turns.ts';

/** Sends commands to connected locks. */
export interface LockLink {
  /** Whether a lock can be sent commands now; if not they wait until it subscribes again. */
  listens(lockId: string): boolean;
  /** Writes a command to its lock; false if the lock is not connected or has not subscribed. */
  deliver(lockId: string, command: Command): Promise<boolean>;
}

export interface CommandsDeps {
  pool: Pool;
  /** Opens the secrets that commands bring; absent: none are brought. */
  secretBox?: SecretBox;
  log: Logger;
  nowMs?: () => number;
  /** How often expired commands are ended and due ones are looked for, ms; 0: only by `expire` and `deliverAllDue`. */
  lookEveryMs?: number;
}

type EndedListener = (ended: { lockId: string; commandId: string; result: Reply['result'] }) => void;

export interface Commands {
  /** To be called once the broker listens; commands queued before wait in the store. */
  connect(link: LockLink): void;
  /** Sends the commands queued for a lock, in order; to be called after the COMMIT that queued one. */
  deliverDue(lockId: string): Promise<void>;
  /** The same for every connected lock: an unlock becomes due without a call when its trip has waited to be judged for long. */
  deliverAllDue(): Promise<void>;
  /** To be called when a lock has subscribed: sends the commands it never answered and the queued ones, in order. */
  reconnected(lockId: string): Promise<void>;
  /** A lock's publish on `locks/{lockId}/reply`; `done` is called after the COMMIT. */
  receiveReply(lockId: string, payload: Buffer, done: (error?: Error) => void): void;
  /** The listener is called when a reply has ended a command. */
  onEnded(listener: EndedListener): void;
  /** Ends the commands whose time is up. @returns how many */
  expire(): Promise<number>;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 2_000;

/**
 * Delivers commands to locks: they wait in the database, are sent in the order given, and end by the lock's reply or when
 * their time is up. A command without a reply is sent again when the lock reconnects, with the same `commandId`.
 */
export function startCommands(deps: CommandsDeps): Commands {
  const { pool, log } = deps;
  const now = () => new Date(deps.nowMs?.() ?? Date.now());
  let link: LockLink | undefined;
  const listeners: EndedListener[] = [];

  const turns = new Turns(
    (lockId, sentBefore) => sendWaiting(deps, link, { lockId, sentBefore, now }),
    (lockId, error) => log.error({ err: error, lockId }, 'commands could not be sent; they stay queued'),
  );
  const takeReply = async (lockId: string, payload: Buffer): Promise<void> => {
    const reply = readReply(payload);
    if ('detail' in reply) {
      await insertQuarantine(pool, [{ lockId, topic: replyTopic(lockId), ...reply, raw: payload }]);
      return;
    }
    const { commandId, result, reason } = reply;
    // What the lock keeps is not yet what it signs in with.
    if (result === 'done' && (await secretKept(pool, lockId, commandId, now()))) return;
    const end = { lockId, commandId, result, reason, now: now() };
    if (await inPipelinedTransaction(pool, (db) => endCommand(db, end))) {
      for (const listener of listeners) listener({ lockId, commandId, result });
    } else log.debug({ lockId, commandId }, 'a reply to a command that does not wait for one');
  };
  const expire = () => expireCommands(pool, now());
  const deliverAllDue = async () => {
    const lockIds = await locksWithDueCommands(pool, now());
    await Promise.all(lockIds.filter((lockId) => link?.listens(lockId)).map((lockId) => turns.take(lockId)));
  };
  const look = () => expire().then(deliverAllDue, () => undefined);
  const everyMs = deps.lookEveryMs ?? LOOK_EVERY_MS;
  const timer = everyMs > 0 ? setInterval(() => void look().catch(() => undefined), everyMs).unref() : undefined;

  return {
    connect(to) {
      link = to;
    },
    deliverDue: (lockId) => turns.take(lockId),
    deliverAllDue,
    reconnected: (lockId) => turns.take(lockId, now()),
    receiveReply(lockId, payload, done) {
      // An error closes the connection: the lock sends its reply again once the database is back.
      takeReply(lockId, payload).then(
        () => done(),
        (error) => done(error instanceof Error ? error : new Error(String(error))),
      );
    },
    onEnded: (listener) => void listeners.push(listener),
    expire,
    async stop() {
      clearInterval(timer);
      await turns.settled();
    },
  };
}

/** Sends what waits for a lock until it no longer listens. `sentBefore`: also what was sent before then and never answered. */
async function sendWaiting(
  { pool, secretBox, log }: CommandsDeps,
  link: LockLink | undefined,
  { lockId, sentBefore, now }: { lockId: string; sentBefore: Date | undefined; now: () => Date },
): Promise<void> {
  if (!link?.listens(lockId)) return;
  for (const row of await waitingCommands(pool, lockId, sentBefore, now())) {
    const secret = row.type === 'secret' ? await secretOf(pool, secretBox, lockId) : undefined;
    if (row.type === 'secret' && secret === undefined) {
      log.error(
        { lockId, commandId: row.command_id },
        'a new secret cannot be sent: webhooks.key is not the one it was sealed with',
      );
      const reason = 'the platform cannot read the new secret any more; give another one';
      await endCommand(pool, { lockId, commandId: row.command_id, result: 'failed', reason, now: now() });
      continue;
    }
    if (!(await link.deliver(lockId, commandOf(row, secret)))) return;
    await markSent(pool, row.command_id, now());
  }
}

/** The secret that waits for a lock; undefined where there is none, or nobody can read it. */
async function secretOf(pool: Pool, box: SecretBox | undefined, lockId: string): Promise<string | undefined> {
  const sealed = await sealedSecret(pool, lockId);
  try {
    return sealed && box?.open(sealed);
  } catch {
    return undefined;
  }
}
