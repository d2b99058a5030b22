import { randomUUID } from 'node:crypto';
import type { Command } from '@sealwatch/schemas';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { type Commands, startCommands } from '../../src/commands/commands.ts';
import { lockAccess } from '../../src/store/locks/access.ts';
import { commandsOfLock, insertCommand, type NewCommand } from '../../src/store/locks/commands.ts';
import { askToJudge } from '../../src/store/trips/to-judge.ts';
import { Wiretap } from '../broker/wiretap.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, registerLocks, SECRET } from '../intake/rig.ts';

const LOCK = 'JT70100001';
const OTHER = 'JT70100002';
const log = pino({ level: 'silent' });

let db: TestDatabase;
let broker: Broker;
let commands: Commands;
let nowMs: number;
let taps: Wiretap[];

beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(async () => {
  await db.pool.query('TRUNCATE commands, quarantine, locks CASCADE');
  await registerLocks(db, LOCK, OTHER);
  nowMs = Date.now();
  taps = [];
  commands = startCommands({
    pool: db.pool,
    log,
    nowMs: () => nowMs,
    lookEveryMs: 0,
  });
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    lockAccess: (lockIds) => lockAccess(db.pool, lockIds),
    report: (_lockId, _payload, done) => done(),
    reply: commands.receiveReply,
    listening: (lockId) => void commands.reconnected(lockId),
    registry: new Registry(),
    log,
  });
  commands.connect(broker);
});
afterEach(async () => {
  for (const tap of taps) tap.end();
  await commands.stop();
  await broker.close();
});

async function listening(lockId = LOCK): Promise<Wiretap> {
  const lock = new Wiretap(broker.port);
  taps.push(lock);
  lock.connectAs(lockId, SECRET);
  lock.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: `locks/${lockId}/command`, qos: 1 }] });
  await vi.waitFor(() => expect(lock.of('suback')).toHaveLength(1));
  return lock;
}

/** As the platform's API does it: the command is committed, then its delivery is asked for. */
async function give(command: Pick<NewCommand, 'type' | 'intervalS'> & { expiresAt?: Date }): Promise<string> {
  const commandId = randomUUID();
  const expiresAt = new Date(nowMs + 24 * 3_600_000);
  await insertCommand(db.pool, { commandId, lockId: LOCK, by: 'li', expiresAt, ...command });
  void commands.deliverDue(LOCK);
  return commandId;
}

const heard = (lock: Wiretap): Command[] =>
  lock.of('publish').map((packet) => JSON.parse(String(packet.cmd === 'publish' ? packet.payload : '')) as Command);
const states = async () => (await commandsOfLock(db.pool, LOCK, 100)).toReversed().map((order) => order.state);
const reply = (lock: Wiretap, lockId: string, commandId: string, result: string) =>
  lock.send({
    cmd: 'publish',
    topic: `locks/${lockId}/reply`,
    qos: 1,
    messageId: 77,
    dup: false,
    retain: false,
    payload: JSON.stringify({ v: 1, commandId, result, reason: 'because', time: new Date(nowMs).toISOString() }),
  });

test('a command reaches a lock that listens at once, and ends by its reply', async () => {
  const lock = await listening();
  const commandId = await give({ type: 'interval', intervalS: 30 });
  await vi.waitFor(() => expect(heard(lock)).toMatchObject([{ v: 1, commandId, type: 'interval', intervalS: 30 }]));
  await vi.waitFor(async () => expect(await states()).toEqual(['sent']));
  const ended: object[] = [];
  commands.onEnded((end) => ended.push(end));
  reply(lock, LOCK, commandId, 'refused');
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([77]));
  expect(await commandsOfLock(db.pool, LOCK, 1)).toMatchObject([{ state: 'refused', reason: 'because' }]);
  expect(ended).toEqual([{ lockId: LOCK, commandId, result: 'refused' }]);
  const { rows } = await db.pool.query('SELECT actor, action, after FROM audit WHERE subject = $1 ORDER BY audit_id', [
    `lock:${LOCK}`,
  ]);
  expect(rows).toMatchObject([
    { actor: 'platform', action: 'command.sent', after: { commandId } },
    { actor: `lock:${LOCK}`, action: 'command.refused', after: { commandId, reason: 'because' } },
  ]);
});

test('commands wait for a lock that is away and are sent in the order given', async () => {
  const given: string[] = [];
  for (const type of ['interval', 'locate', 'reboot', 'unlock'] as const) {
    given.push(await give({ type }));
  }
  expect(await states()).toEqual(['queued', 'queued', 'queued', 'queued']);
  const lock = await listening();
  await vi.waitFor(() => expect(heard(lock).map((command) => command.commandId)).toEqual(given));
});

test('what was sent and never answered is sent again on reconnection, and not before', async () => {
  const first = await listening();
  const a = await give({ type: 'locate' });
  const b = await give({ type: 'reboot' });
  await vi.waitFor(async () => expect(await states()).toEqual(['sent', 'sent']));
  expect(heard(first).map((command) => command.commandId)).toEqual([a, b]);
  reply(first, LOCK, a, 'done');
  await vi.waitFor(async () => expect(await states()).toEqual(['done', 'sent']));
  first.end();
  nowMs += 1_000;
  const second = await listening();
  await vi.waitFor(() => expect(heard(second).map((command) => command.commandId)).toEqual([b]));
});

test('a command whose time is up is not sent and ends expired', async () => {
  await give({ type: 'unlock', expiresAt: new Date(nowMs + 60_000) });
  nowMs += 61_000;
  const later = await give({ type: 'locate' });
  const lock = await listening();
  await vi.waitFor(() => expect(heard(lock).map((command) => command.commandId)).toEqual([later]));
  expect(await commands.expire()).toBe(1);
  expect((await states())[0]).toBe('expired');
});

test("a lock cannot end another lock's command, and a reply that cannot be read goes to quarantine, acknowledged", async () => {
  const commandId = await give({ type: 'unlock' });
  const other = await listening(OTHER);
  reply(other, OTHER, commandId, 'done');
  await vi.waitFor(() => expect(other.acknowledged()).toEqual([77]));
  expect(await states()).toEqual(['queued']);
  reply(other, OTHER, 'no-uuid', 'done');
  await vi.waitFor(() => expect(other.acknowledged()).toEqual([77, 77]));
  const { rows } = await db.pool.query('SELECT lock_id, topic, reason FROM quarantine');
  expect(rows).toEqual([{ lock_id: OTHER, topic: `locks/${OTHER}/reply`, reason: 'invalid' }]);
});

/** A command to a lock of a trip whose plan has changed, and that nobody judges. */
async function givenWhileWaiting(type: 'unlock' | 'interval'): Promise<{ tripId: string; commandId: string }> {
  const tripId = await declareTrip(db, [LOCK], nowMs - 60_000);
  await askToJudge(db.pool, [tripId]);
  const commandId = randomUUID();
  const expiresAt = new Date(nowMs + 24 * 3_600_000);
  await insertCommand(db.pool, { commandId, lockId: LOCK, tripId, by: 'li', expiresAt, type, intervalS: 30 });
  await commands.deliverDue(LOCK);
  return { tripId, commandId };
}

describe('an unlock whose trip waits to be judged', () => {
  beforeEach(() => db.pool.query('TRUNCATE trips CASCADE'));

  test('is not sent, nor is what was given after it, also not to a lock that dials again; judged, it is', async () => {
    const lock = await listening();
    const { tripId, commandId } = await givenWhileWaiting('unlock');
    const next = await give({ type: 'interval', intervalS: 30 });
    await commands.deliverDue(LOCK);
    await commands.deliverAllDue();
    expect(heard(lock)).toEqual([]);
    lock.end();
    const again = await listening();
    await commands.reconnected(LOCK);
    expect(heard(again)).toEqual([]);
    expect(await states()).toEqual(['queued', 'queued']);
    await db.pool.query('DELETE FROM to_judge WHERE trip_id = $1', [tripId]);
    await commands.deliverDue(LOCK);
    await vi.waitFor(() => expect(heard(again).map((one) => one.commandId)).toEqual([commandId, next]));
  });

  test('that was sent and not answered is not sent again before', async () => {
    const lock = await listening();
    const { commandId } = await givenWhileWaiting('unlock');
    await db.pool.query(`UPDATE commands SET state = 'sent', sent_at = now() - interval '1 min'`);
    await commands.reconnected(LOCK);
    expect(heard(lock)).toEqual([]);
    await db.pool.query('DELETE FROM to_judge');
    await commands.reconnected(LOCK);
    await vi.waitFor(() => expect(heard(lock)).toMatchObject([{ commandId }]));
  });

  test('is sent by the look every two seconds once it has waited for 15 s, judged or not', async () => {
    const lock = await listening();
    const { commandId } = await givenWhileWaiting('unlock');
    await db.pool.query(`UPDATE to_judge SET asked_at = now() - interval '14 s'`);
    await commands.deliverAllDue();
    expect(heard(lock)).toEqual([]);
    await db.pool.query(`UPDATE to_judge SET asked_at = now() - interval '15.1 s'`);
    await commands.deliverAllDue();
    await vi.waitFor(() => expect(heard(lock)).toMatchObject([{ commandId }]));
  });

  test('holds up no other kind of command that was given before it, and none of another lock', async () => {
    const lock = await listening();
    const { commandId } = await givenWhileWaiting('interval');
    await vi.waitFor(() => expect(heard(lock)).toMatchObject([{ commandId }]));
  });
});
