import { setTimeout as sleep } from 'node:timers/promises';
import { newCommand } from '../commands/new.ts';
import { requireActing } from '../people/offices.ts';
import { inTransaction, type Queryable } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { type CommandRow, commandsOfLock, insertCommand } from '../store/locks/commands.ts';
import { getLock, type LockRow } from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { latchedOf } from '../store/trips/custody.ts';
import { getTrip, tripForUpdate } from '../store/trips/trips.ts';
import type { JgsAsked } from './asked.ts';
import { field, list, printXml } from './xml.ts';

const WAIT_MS = 1_500;
const LOOK_MS = 100;

/** 1 done, 2 failed, 0 neither yet: the command waits for its lock. */
const RESULT: Record<CommandRow['state'], '0' | '1' | '2'> = {
  queued: '0',
  sent: '0',
  done: '1',
  refused: '2',
  failed: '2',
  expired: '2',
  cancelled: '2',
};
const WORST = ['2', '0', '1'] as const;

/** U opens a lock whose trip is verified; L closes one that is hung and not yet sealed. Anything else is refused. */
const NEEDED = {
  U: { type: 'unlock', status: ['verified', 'unlocked'] },
  L: { type: 'seal', status: ['hung'] },
} as const;

/**
 * The lock's newest command of this kind if it is done and its trip has moved on or ended by that: asked again, the
 * answer is the same.
 */
async function doneCommand(
  db: Queryable,
  { caller }: JgsAsked,
  lock: LockRow,
  type: CommandRow['type'],
): Promise<string | undefined> {
  const newest = (await commandsOfLock(db, lock.lock_id, 20)).find((one) => one.type === type);
  if (newest === undefined || newest.state !== 'done' || newest.trip_id === null) return undefined;
  if (lock.trip_id !== null && lock.trip_id !== newest.trip_id) return undefined;
  const trip = await getTrip(db, newest.trip_id, caller.offices);
  return trip === undefined ? undefined : newest.command_id;
}

/** The lock's own command of this kind for its trip; a new one where none waits or is done. */
async function commandFor(asked: JgsAsked, lockId: string, act: 'U' | 'L'): Promise<string> {
  const { deps, caller } = asked;
  return inTransaction(deps.pool, async (db) => {
    const lock = await getLock(db, lockId, caller.offices);
    if (lock === undefined) throw notFound('lock', lockId);
    const { type, status } = NEEDED[act];
    const done = await doneCommand(db, asked, lock, type);
    if (done !== undefined) return done;
    const seen = lock.trip_id === null ? undefined : await getTrip(db, lock.trip_id, caller.offices);
    if (seen === undefined) throw notFound('lock', lockId);
    requireActing(caller, seen);
    const trip = (await tripForUpdate(db, seen.trip_id))!;
    if (!(status as readonly string[]).includes(trip.status)) {
      const expected = status.join(' or ');
      throw new ApiProblem(409, 'trip.status', `${lockId}: its trip is ${trip.status}; ${type} needs ${expected}`);
    }
    const { latched_since: since } = await latchedOf(db, trip.trip_id);
    if (act === 'U' && since.length > 0) {
      throw new ApiProblem(409, 'trip.alarms-open', `${lockId}: alarms since the verification: ${since.join(', ')}`);
    }
    const known = (await commandsOfLock(db, lockId, 20)).find(
      (command) => command.trip_id === trip.trip_id && command.type === type && RESULT[command.state] !== '2',
    );
    if (known !== undefined) return known.command_id;
    const command = await insertCommand(db, newCommand({ lockId, tripId: trip.trip_id, type, by: caller.name }));
    const after = { commandId: command.command_id, type, by: 'JGS/T 14 0x83' };
    await audit(db, { actor: caller.name, action: 'lock.command', subject: `lock:${lockId}`, after });
    return command.command_id;
  });
}

/** 0x83 → 0x84: a gate asks for a lock to be opened or closed, and waits a moment for the lock's own word. */
export async function operate(asked: JgsAsked): Promise<string> {
  const { deps, node } = asked;
  const act = field(node, 'ESEAL');
  const lockIds = list(field(node, 'ESEAL_ID')).filter((id) => id !== '');
  const feedback = (result: string, hint: string) =>
    printXml('OPERATE_FEEDBACK', {
      MESSAGE_TYPE: '0x84',
      SESSION_ID: field(node, 'SESSION_ID'),
      RESULT: result,
      OP_HINT: hint,
    });
  if (act === undefined) return feedback('0', '无关锁操作');
  if (act !== 'U' && act !== 'L') throw new ApiProblem(422, 'request.invalid', 'ESEAL: expected U unlock or L lock');
  if (lockIds.length === 0) throw new ApiProblem(422, 'request.invalid', 'ESEAL_ID: is missing');
  const wanted: { lockId: string; commandId: string }[] = [];
  for (const lockId of lockIds) wanted.push({ lockId, commandId: await commandFor(asked, lockId, act) });
  await deps.hints.publish({ hint: 'commands', lockIds });
  const untilMs = performance.now() + (deps.config.gateWaitMs ?? WAIT_MS);
  for (;;) {
    const results: string[] = [];
    for (const { lockId, commandId } of wanted) {
      const command = (await commandsOfLock(deps.pool, lockId, 20)).find((one) => one.command_id === commandId);
      results.push(command === undefined ? '2' : RESULT[command.state]);
    }
    const result = WORST.find((one) => results.includes(one)) ?? '2';
    if (result !== '0') return feedback(result, result === '1' ? '关锁操作成功' : '关锁操作失败');
    if (performance.now() >= untilMs) return feedback('0', '指令已下达，等待关锁回复');
    await sleep(LOOK_MS);
  }
}
