import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { type Escalation, startEscalation } from '../../src/alarms/escalation.ts';
import { restoreBackup, writeBackup } from '../../src/postgres/backup.ts';
import { ADMIN, addRoute, addTrip, raise, startPlatform, type TestPlatform } from '../api/platform.ts';
import { freshDatabase } from '../database.ts';

let platform: TestPlatform;
let escalation: Escalation | undefined;
beforeAll(async () => {
  platform = await startPlatform();
  platform.feed.onAlarm((alarm) => escalation?.watchAlarm(alarm));
  await addRoute(platform);
});
afterEach(async () => {
  await escalation?.stop();
  escalation = undefined;
});
afterAll(() => platform?.stop());

const SOON = { remindAfterMs: 50, escalateAfterMs: 100 };
const LATE = { remindAfterMs: 3_600_000, escalateAfterMs: 7_200_000 };

async function start(times = SOON): Promise<void> {
  const { pool, deps } = platform;
  escalation = await startEscalation({
    pool,
    hints: deps.hints,
    times,
    log: platform.deps.log,
    registry: new Registry(),
    lookEveryS: 0.5,
  });
  platform.deps.escalation = escalation;
}

async function alarmOf(alarmId: string) {
  return (await platform.call('GET', `alarms/${alarmId}`)).body;
}

const eventsOf = async (alarmId: string) => {
  const { rows } = await platform.pool.query<{ type: string }>(
    `SELECT type FROM outbox WHERE data ->> 'alarmId' = $1 ORDER BY outbox_id`,
    [alarmId],
  );
  return rows.map((row) => row.type);
};

const eventually = <T>(look: () => Promise<T>) => expect.poll(look, { timeout: 180_000, interval: 100 });

describe('an urgent alarm that nobody takes', () => {
  test('is reminded of and then escalated, once each: on the alarm, as events, in the audit, in the live feed', async () => {
    await start();
    const told = vi.fn();
    platform.feed.onAlarm((alarm) =>
      told(alarm.alarmId, alarm.remindedAt !== undefined, alarm.escalatedAt !== undefined),
    );
    const alarmId = await raise(platform, await addTrip(platform));
    platform.changed({ alarmIds: [alarmId] });
    await eventually(() => eventsOf(alarmId)).toEqual(['alarm.reminded', 'alarm.escalated']);
    const { remindedAt, escalatedAt, state } = await alarmOf(alarmId);
    expect(Date.parse(String(escalatedAt))).toBeGreaterThan(Date.parse(String(remindedAt)));
    expect(state).toBe('open');
    await eventually(async () => told.mock.calls).toContainEqual([alarmId, true, true]);
    expect(told.mock.calls).toContainEqual([alarmId, true, false]);
    const { rows } = await platform.pool.query('SELECT actor, action FROM audit WHERE subject = $1 ORDER BY audit_id', [
      `alarm:${alarmId}`,
    ]);
    expect(rows).toEqual([
      { actor: 'platform', action: 'alarm.remind' },
      { actor: 'platform', action: 'alarm.escalate' },
    ]);
  });

  test('is called for by the next start, also one that was raised, or lost its job, while the platform stood still', async () => {
    await start(LATE);
    const alarmId = await raise(platform, await addTrip(platform));
    platform.changed({ alarmIds: [alarmId] });
    await platform.feed.settled();
    await escalation?.stop();
    expect(await eventsOf(alarmId)).toEqual([]);
    const unseen = await raise(platform, await addTrip(platform));
    await platform.pool.query("DELETE FROM jobs.job WHERE name = 'alarm-call'");
    await start();
    for (const id of [alarmId, unseen]) {
      await eventually(() => eventsOf(id)).toEqual(['alarm.reminded', 'alarm.escalated']);
    }
  });

  test('is called for from a backup too: its jobs are not in it and follow from the alarms', async () => {
    await start(LATE);
    const alarmId = await raise(platform, await addTrip(platform));
    const folder = await mkdtemp(join(tmpdir(), 'sealwatch-escalation-'));
    const to = await freshDatabase();
    try {
      await writeBackup(platform.pool, join(folder, 'all.backup'), new Date());
      await restoreBackup(to.pool, join(folder, 'all.backup'));
      const { hints, log } = platform.deps;
      const restored = await startEscalation({ pool: to.pool, hints, times: SOON, log, lookEveryS: 0.5 });
      const called = async () =>
        (await to.pool.query('SELECT escalated_at FROM alarms WHERE alarm_id = $1', [alarmId])).rows[0].escalated_at;
      await eventually(called).not.toBeNull();
      await restored.stop();
    } finally {
      await to.drop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  test('is called for once the database is back: while it is away nothing ends', async () => {
    let away = false;
    let refused = 0;
    const refuse = () => {
      refused++;
      return Promise.reject(Object.assign(new Error('the database is away'), { code: '57P01' }));
    };
    const pool = new Proxy(platform.pool, {
      get: (target, name) => {
        if (away && (name === 'query' || name === 'connect')) return refuse;
        const value = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const { hints, log } = platform.deps;
    escalation = await startEscalation({
      pool,
      hints,
      times: { remindAfterMs: 50, escalateAfterMs: 2_000 },
      log,
      lookEveryS: 0.5,
    });
    const alarmId = await raise(platform, await addTrip(platform));
    platform.changed({ alarmIds: [alarmId] });
    await eventually(() => eventsOf(alarmId)).toEqual(['alarm.reminded']);
    away = true;
    const lost = await raise(platform, await addTrip(platform));
    platform.changed({ alarmIds: [lost] });
    await platform.feed.settled();
    // Three queues are looked into every half second: the call falls due meanwhile.
    await eventually(async () => refused).toBeGreaterThan(18);
    expect(await eventsOf(alarmId)).toEqual(['alarm.reminded']);
    away = false;
    platform.changed({ alarmIds: [lost] });
    for (const id of [alarmId, lost]) {
      await eventually(() => eventsOf(id)).toEqual(['alarm.reminded', 'alarm.escalated']);
    }
  });

  test('is not called for once somebody has taken it; other alarms are not urgent', async () => {
    await start(LATE);
    const trip = await addTrip(platform);
    const taken = await raise(platform, trip);
    await platform.call('POST', `alarms/${taken}/acknowledge`, { body: {} });
    const major = await raise(platform, trip, { rule: 'comms.jamming', severity: 'major' });
    const provisional = await raise(platform, trip, { rule: 'pair.separation', phase: 'provisional' });
    const { rows } = await platform.pool.query(
      'SELECT alarm_id FROM alarms WHERE alarm_id = ANY($1) AND urgent_at IS NULL',
      [[taken, major, provisional]],
    );
    expect(rows.map((row) => row.alarm_id).sort()).toEqual([major, provisional].sort());
    await escalation?.stop();
    await start();
    const control = await raise(platform, await addTrip(platform));
    platform.changed({ alarmIds: [control] });
    await eventually(() => eventsOf(control)).toContain('alarm.escalated');
    for (const alarmId of [major, provisional]) expect(await eventsOf(alarmId)).toEqual([]);
    expect(await eventsOf(taken)).toEqual(['alarm.acknowledged']);
  });
});

describe('a vehicle that is kept quiet', () => {
  const freeze = (tripId: string, ms: number) =>
    platform.call('PUT', `trips/${tripId}/freeze`, {
      body: { reason: 'tyre change on the hard shoulder', until: new Date(Date.now() + ms).toISOString() },
    });

  test('has its alarms recorded and not shouted; ended by hand, the calls are due at once', async () => {
    await start();
    const trip = await addTrip(platform);
    expect((await freeze(trip.tripId, 3_600_000)).body.frozen).toMatchObject({
      reason: 'tyre change on the hard shoulder',
      by: ADMIN,
    });
    const quiet = await raise(platform, trip);
    const loud = await raise(platform, await addTrip(platform));
    for (const alarmId of [quiet, loud]) platform.changed({ alarmIds: [alarmId] });
    await eventually(() => eventsOf(loud)).toContain('alarm.escalated');
    expect(await eventsOf(quiet)).toEqual([]);
    expect((await platform.call('GET', `trips/${trip.tripId}`)).body).toMatchObject({ risk: 'red' });
    const ended = await platform.call('PUT', `trips/${trip.tripId}/freeze`, { body: { reason: null } });
    expect(ended.body.frozen).toBeUndefined();
    await eventually(() => eventsOf(quiet)).toEqual(['alarm.reminded', 'alarm.escalated']);
  });

  test('is loud again by itself when the time is over, and the audit says so', async () => {
    await start();
    const trip = await addTrip(platform);
    await freeze(trip.tripId, 1_500);
    const alarmId = await raise(platform, trip);
    platform.changed({ alarmIds: [alarmId] });
    await eventually(async () => (await platform.call('GET', `trips/${trip.tripId}`)).body.frozen).toBeUndefined();
    await eventually(() => eventsOf(alarmId)).toEqual(['alarm.reminded', 'alarm.escalated']);
    const { rows } = await platform.pool.query(
      "SELECT actor, action FROM audit WHERE subject = $1 AND action LIKE 'trip.freeze%' ORDER BY audit_id",
      [`trip:${trip.tripId}`],
    );
    expect(rows).toEqual([
      { actor: ADMIN, action: 'trip.freeze' },
      { actor: 'platform', action: 'trip.freeze-ended' },
    ]);
  });

  test('needs a reason and an end within a day', async () => {
    const { tripId } = await addTrip(platform);
    const put = (body: object) => platform.call('PUT', `trips/${tripId}/freeze`, { body });
    const until = new Date(Date.now() + 60_000).toISOString();
    expect((await put({ until })).status).toBe(422);
    expect((await put({ reason: ' ', until })).status).toBe(422);
    expect((await put({ reason: 'x' })).status).toBe(422);
    for (const bad of [Date.now() - 1, Date.now() + 25 * 3_600_000]) {
      const { status, body } = await put({ reason: 'x', until: new Date(bad).toISOString() });
      expect([status, body.errors[0]?.path]).toEqual([422, 'until']);
    }
  });
});
