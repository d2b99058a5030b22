import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { type Command, Reply, replyTopic } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import { commandOf, endCommand, expireCommands, markSent, waitingCommands } from '../store/locks/command-queue.ts';
import { type CommandRow, insertCommand } from '../store/locks/commands.ts';
import { insertQuarantine } from '../store/reports/quarantine.ts';

/** The way to connected locks. */
export interface LockLink {
  /** Whether a lock can be sent anything now; commands of one that cannot wait until it listens again. */
  listens(lockId: string): boolean;
  /** Writes a command to its lock; false if the lock is not connected or does not listen. */
  deliver(lockId: string, command: Command): Promise<boolean>;
}

export interface CommandsDeps {
  pool: Pool;
  log: Logger;
  nowMs?: () => number;
  /** How often expired commands are ended, ms; 0: only by `expire`. */
  expireEveryMs?: number;
}

export interface CommandGiven {
  type: CommandRow['type'];
  intervalS?: number;
  /** Absent: a day from now. */
  expiresAt?: Date;
  tripId?: string;
  by: string;
}

export interface Commands {
  /** Commands given before wait in the store. */
  connect(link: LockLink): void;
  /** Queues a command and tries to send it at once. */
  give(lockId: string, command: CommandGiven): Promise<CommandRow>;
  /** Sends what is queued for a lock, in order, e.g. after one was committed. */
  deliverDue(lockId: string): Promise<void>;
  /** The lock listens (again): what was sent and never answered goes first, in order, then what is queued. */
  reconnected(lockId: string): Promise<void>;
  /** A lock's publish on `locks/{lockId}/reply`; `done` is called after the COMMIT. */
  receiveReply(lockId: string, payload: Buffer, done: (error?: Error) => void): void;
  /** Called when a reply has ended a command. */
  onEnded(listener: (ended: { lockId: string; commandId: string; result: Reply['result'] }) => void): void;
  expire(): Promise<number>;
  stop(): Promise<void>;
}

interface Turn {
  /** What to look for when the present pass is over. */
  next: { sentBefore: Date | undefined } | undefined;
  work: Promise<void>;
}

const EXPIRES_AFTER_MS = 24 * 3_600_000;
const EXPIRE_EVERY_MS = 2_000;

/**
 * Commands to locks: they wait in the database, are sent in the order given, and end by the lock's reply or by their
 * time. A command that was sent and has no reply is sent again on reconnection; its `commandId` tells the lock that it
 * is the same one.
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

  /** One at a time per lock, so that the order holds; a call while one is under way makes it look once more. */
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
    } else log.debug({ lockId, commandId }, 'a reply to no command that waits');
  };

  const expire = () => expireCommands(pool, new Date(nowMs()));
  const everyMs = deps.expireEveryMs ?? EXPIRE_EVERY_MS;
  const timer = everyMs > 0 ? setInterval(() => void expire().catch(() => undefined), everyMs).unref() : undefined;

  return {
    connect(to) {
      link = to;
    },
    async give(lockId, { type, intervalS, expiresAt, tripId, by }) {
      const row = await insertCommand(pool, {
        commandId: randomUUID(),
        lockId,
        type,
        intervalS,
        tripId,
        by,
        expiresAt: expiresAt ?? new Date(nowMs() + EXPIRES_AFTER_MS),
      });
      void deliverDue(lockId);
      return row;
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
    const told = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'reply'}: ${issue.message}`).join('; ');
    return { reason: 'invalid', detail: told };
  }
  if (/[\0\p{Surrogate}]/u.test(parsed.data.reason ?? '')) {
    return { reason: 'invalid', detail: 'reason: expected text without U+0000 or half characters' };
  }
  return parsed.data;
}
