import { isUtf8 } from 'node:buffer';
import { type Command, Reply, replyTopic } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { commandOf, endCommand, expireCommands, markSent, waitingCommands } from '../store/locks/command-queue.ts';
import { insertQuarantine } from '../store/reports/quarantine.ts';

/** Sends commands to connected locks. */
export interface LockLink {
  /** Whether a lock can be sent commands now; if not they wait until it subscribes again. */
  listens(lockId: string): boolean;
  /** Writes a command to its lock; false if the lock is not connected or has not subscribed. */
  deliver(lockId: string, command: Command): Promise<boolean>;
}

export interface CommandsDeps {
  pool: Pool;
  log: Logger;
  nowMs?: () => number;
  /** How often expired commands are ended, ms; 0: only by `expire`. */
  expireEveryMs?: number;
}

export interface Commands {
  /** To be called once the broker listens; commands queued before wait in the store. */
  connect(link: LockLink): void;
  /** Sends the commands queued for a lock, in order; to be called after the COMMIT that queued one. */
  deliverDue(lockId: string): Promise<void>;
  /** To be called when a lock has subscribed: sends the commands it never answered and the queued ones, in order. */
  reconnected(lockId: string): Promise<void>;
  /** A lock's publish on `locks/{lockId}/reply`; `done` is called after the COMMIT. */
  receiveReply(lockId: string, payload: Buffer, done: (error?: Error) => void): void;
  /** The listener is called when a reply has ended a command. */
  onEnded(listener: (ended: { lockId: string; commandId: string; result: Reply['result'] }) => void): void;
  /** Ends the commands whose time is up. @returns how many */
  expire(): Promise<number>;
  stop(): Promise<void>;
}

interface Turn {
  /** What to send after the pass under way; undefined: nothing. */
  next: { sentBefore: Date | undefined } | undefined;
  work: Promise<void>;
}

const EXPIRE_EVERY_MS = 2_000;

/**
 * Delivers commands to locks: they wait in the database, are sent in the order given, and end by the lock's reply or when
 * their time is up. A command without a reply is sent again when the lock reconnects, with the same `commandId`.
 */
export function startCommands(deps: CommandsDeps): Commands {
  const { pool, log } = deps;
  const nowMs = deps.nowMs ?? Date.now;
  let link: LockLink | undefined;
  const listeners: Parameters<Commands['onEnded']>[0][] = [];
  const sending = new Map<string, Turn>();

  const sendAll = async (lockId: string, sentBefore: Date | undefined): Promise<void> => {
    if (!link?.listens(lockId)) return;
    for (const row of await waitingCommands(pool, lockId, sentBefore, new Date(nowMs()))) {
      if (!(await link.deliver(lockId, commandOf(row)))) return;
      await markSent(pool, row.command_id, new Date(nowMs()));
    }
  };

  const takeTurn = async (lockId: string, turn: Turn): Promise<void> => {
    try {
      while (turn.next) {
        const { sentBefore } = turn.next;
        turn.next = undefined;
        await sendAll(lockId, sentBefore);
      }
    } catch (error) {
      log.error({ err: error, lockId }, 'commands could not be sent; they stay queued');
    } finally {
      sending.delete(lockId);
    }
  };

  /** One pass at a time per lock, so that commands keep their order; a call during a pass adds another pass. */
  const send = (lockId: string, sentBefore?: Date): Promise<void> => {
    const busy = sending.get(lockId);
    if (busy) {
      busy.next = { sentBefore: sentBefore ?? busy.next?.sentBefore };
      return busy.work;
    }
    const turn: Turn = { next: { sentBefore }, work: Promise.resolve() };
    sending.set(lockId, turn);
    turn.work = takeTurn(lockId, turn);
    return turn.work;
  };
  const deliverDue = (lockId: string) => send(lockId);

  const takeReply = async (lockId: string, payload: Buffer): Promise<void> => {
    const read = readReply(payload);
    if ('detail' in read) {
      await insertQuarantine(pool, [
        { lockId, topic: replyTopic(lockId), reason: read.reason, detail: read.detail, raw: payload },
      ]);
      return;
    }
    const { commandId, result, reason } = read;
    if (await endCommand(pool, { lockId, commandId, result, reason, now: new Date(nowMs()) })) {
      for (const listener of listeners) listener({ lockId, commandId, result });
    } else log.debug({ lockId, commandId }, 'a reply to a command that does not wait for one');
  };

  const expire = () => expireCommands(pool, new Date(nowMs()));
  const everyMs = deps.expireEveryMs ?? EXPIRE_EVERY_MS;
  const timer = everyMs > 0 ? setInterval(() => void expire().catch(() => undefined), everyMs).unref() : undefined;

  return {
    connect(to) {
      link = to;
    },
    deliverDue,
    reconnected: (lockId) => send(lockId, new Date(nowMs())),
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
      await Promise.all([...sending.values()].map((turn) => turn.work));
    },
  };
}

function readReply(payload: Buffer): Reply | { reason: string; detail: string } {
  let value: unknown;
  try {
    if (!isUtf8(payload)) throw new SyntaxError('not UTF-8');
    value = JSON.parse(payload.toString('utf8'));
  } catch (error) {
    return { reason: 'not-json', detail: `payload: ${error instanceof Error ? error.message : ''}; expected a reply` };
  }
  const parsed = Reply.safeParse(value);
  if (!parsed.success) {
    const detail = parsed.error.issues
      .map((issue) => `${issue.path.join('.') || 'reply'}: ${issue.message}`)
      .join('; ');
    return { reason: 'invalid', detail };
  }
  if (/[\0\p{Surrogate}]/u.test(parsed.data.reason ?? '')) {
    return { reason: 'invalid', detail: 'reason: expected text without U+0000 or half characters' };
  }
  return parsed.data;
}
