import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEscalation } from '../../src/alarms/escalation.ts';
import { type Intake, startIntake } from '../../src/intake/intake.ts';
import { loadLocks, loadTrips } from '../../src/store/reports/roster.ts';
import { followUnlocks } from '../../src/trips/command-ended.ts';
import {
  type Answer,
  addGate,
  addLock,
  addPerson,
  addRoute,
  addTrip,
  containerNo,
  declaration,
  GATE,
  passage,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
  takeover,
} from '../api/platform.ts';
import { ALL_SLOTS } from '../intake/all-slots.ts';
import { replayedAlarms, storedAlarms } from '../proof/oracle.ts';

let platform: TestPlatform;
let intake: Intake;

/** A worker that judges what it receives, and never looks for changes of plans: as one that is killed before it does. */
async function startBlindWorker(): Promise<void> {
  const { pool, deps } = platform;
  const none = { livenessEveryMs: 0, toJudgeEveryMs: 0 };
  intake = await startIntake({ pool, registry: new Registry(), log: deps.log, slots: ALL_SLOTS, ...none });
  deps.door = { receive: (...publish) => intake.receive(...publish), ready: () => intake.ready() };
}

beforeAll(async () => {
  platform = await startPlatform({ gateWaitMs: 0 });
  platform.deps.judging = { judged: async () => false };
  await addRoute(platform);
  await addGate(platform);
  const origin = structuredClone(GATE);
  origin.geometry.coordinates = origin.geometry.coordinates.map((ring) => ring.map(([lon, lat]) => [lon! - 1, lat!]));
  origin.properties.office = '2921';
  await platform.call('PUT', 'places/yiwu-1', { body: origin });
  await startBlindWorker();
});
afterAll(async () => {
  await intake.stop();
  await platform.stop();
});

let seq = 0;

/** A record, by the intake. */
async function say(lockId: string, more: { seal?: object; atMs?: number; lat?: number } = {}): Promise<void> {
  const { seal = {}, atMs = Date.now(), lat = 29.3 } = more;
  const position = { lon: 120.5, lat, speedKmh: 60, headingDeg: 90, accuracyM: 5, source: 'gnss' };
  const record = {
    ...{ v: 1, boot: 1, seq: ++seq, time: new Date(atMs).toISOString(), kind: 'live', mode: 'tracking', position },
    ...{ seal: { rope: 'inserted', motor: 'locked', cover: 'closed', ...seal }, battery: { percent: 80 } },
  };
  await new Promise<void>((resolve, reject) =>
    intake.receive(lockId, Buffer.from(JSON.stringify(record)), (error) => (error ? reject(error) : resolve())),
  );
}

/** Everything of these trips that the rules judge by. */
async function plansOf(lockIds: string[]): Promise<string> {
  const locks = await loadLocks(platform.pool, lockIds);
  const windows = locks.map((lock) => lock.windows);
  const tripIds = windows.flat().map(({ tripId }) => tripId);
  return JSON.stringify([windows, (await loadTrips(platform.pool, tripIds)).map(({ risk: _, ...plan }) => plan)]);
}

const waiting = async () =>
  (await platform.pool.query<{ trip_id: string }>('SELECT trip_id FROM to_judge')).rows.map((row) => row.trip_id);

/** A step of custody; whatever check fails is waived. */
async function step(trip: TestTrip, act: string): Promise<Answer> {
  const waived: { check: string; reason: string }[] = [];
  for (;;) {
    const answer = await platform.call('POST', `trips/${trip.tripId}/${act}`, { body: { waive: waived } });
    if (answer.status !== 409 || !/^step/.test(answer.body.code)) {
      if (answer.status !== 200) throw new Error(`${act}: ${answer.text}`);
      return answer;
    }
    for (const { path } of answer.body.errors) waived.push({ check: path, reason: 'a test' });
  }
}

const steps = async (trip: TestTrip, ...acts: string[]) => {
  for (const act of acts) await step(trip, act);
};

interface Kind {
  what: string;
  /** Brings a trip to where its plan will change. */
  before(): Promise<TestTrip>;
  act(trip: TestTrip): Promise<unknown>;
  /** The plan is what it was: nothing is asked for. */
  same?: true;
}

const fresh = () => addTrip(platform, {});
const until =
  (...acts: string[]) =>
  async () => {
    const trip = await fresh();
    await steps(trip, ...acts);
    await judgeAll();
    return trip;
  };
const underWay = async () => {
  const trip = await addTrip(platform);
  await judgeAll();
  return trip;
};
/** A lock with records off the road before any trip of it is known. */
const stray = async (): Promise<TestTrip> => {
  const lockId = await addLock(platform);
  for (const minute of [40, 39, 38]) await say(lockId, { atMs: Date.now() - minute * 60_000, lat: 29.4 });
  return { tripId: '', lockId, containerNo: containerNo(), plate: '' };
};
const ok = (answer: Answer) => {
  if (answer.status > 201) throw new Error(answer.text);
  return answer;
};
const judgeAll = () => intake.judgeWaiting();

const KINDS: Kind[] = [
  {
    what: 'a trip is taken over whose records came before it',
    before: stray,
    act: async (trip) => {
      const body = declaration(trip.lockId, { takeover: takeover() });
      trip.tripId = ok(await platform.call('POST', 'trips', { body })).body.tripId;
    },
  },
  {
    what: 'a train is taken over whose records came before it',
    before: stray,
    act: async (trip) => {
      const { vehicle: _, units, ...common } = declaration(trip.lockId, { takeover: takeover() });
      const body = {
        ...common,
        mode: 'rail',
        convoyNo: 'X8001',
        units: units.map((unit) => ({ ...unit, wagonNo: '5230001' })),
      };
      ok(await platform.call('POST', 'convoys', { body }));
      const { rows } = await platform.pool.query('SELECT trip_id FROM trip_units WHERE lock_id = $1', [trip.lockId]);
      trip.tripId = rows[0].trip_id;
    },
  },
  { what: 'a trip is sealed', before: until('release', 'hang'), act: (trip) => step(trip, 'seal') },
  {
    what: 'a gate seals a trip and lets it out',
    before: async () => {
      const trip = await until('release', 'hang')();
      await report(platform, trip.lockId, { lon: 120 });
      return trip;
    },
    act: async (trip) => {
      const body = passage(trip, { direction: 'out' });
      ok(await platform.call('POST', 'gates/yiwu-1/passages', { body }));
    },
  },
  { what: 'a trip is verified', before: underWay, act: (trip) => step(trip, 'verify') },
  { what: 'a trip is written off', before: underWay, act: (trip) => step(trip, 'write-off') },
  {
    what: 'a gate writes a trip off',
    before: async () => {
      const trip = await underWay();
      await report(platform, trip.lockId);
      return trip;
    },
    act: async (trip) => {
      const answer = ok(await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip) }));
      expect(answer.body.writtenOff, answer.text).toBe(true);
    },
  },
  {
    what: 'a person writes a trip off at a gate',
    before: async () => {
      const trip = await underWay();
      await say(trip.lockId);
      const asked = passage(trip, { containers: [{ no: trip.containerNo, confident: false }], lockIds: [] });
      const answer = ok(await platform.call('POST', 'gates/daxie-1/passages', { body: asked }));
      expect(answer.body.verdict).not.toBe('release');
      await judgeAll();
      return { ...trip, plate: asked.passageId };
    },
    act: async ({ plate: passageId }) => {
      const body = { decision: 'release', comment: 'a test' };
      ok(await platform.call('POST', `gates/daxie-1/passages/${passageId}/decision`, { body }));
    },
  },
  {
    what: 'a trip is unlocked',
    before: async () => {
      const trip = await underWay();
      await step(trip, 'verify');
      await judgeAll();
      return trip;
    },
    act: (trip) => step(trip, 'unlock'),
  },
  {
    what: 'the locks’ replies unlock a trip',
    before: async () => {
      const trip = await underWay();
      await step(trip, 'write-off');
      await judgeAll();
      return trip;
    },
    act: async ({ tripId }) => {
      await platform.pool.query(`UPDATE commands SET state = 'done', ended_at = now() WHERE trip_id = $1`, [tripId]);
      await followUnlocks(platform.deps);
      expect((await platform.call('GET', `trips/${tripId}`)).body.status).toBe('closed');
    },
  },
  {
    what: 'a trip is closed',
    before: async () => {
      const trip = await underWay();
      await steps(trip, 'verify', 'unlock');
      await judgeAll();
      return trip;
    },
    act: (trip) => step(trip, 'close'),
  },
  {
    what: 'a trip is cancelled',
    before: underWay,
    act: async ({ tripId }) =>
      ok(await platform.call('POST', `trips/${tripId}/cancel`, { body: { reason: 'a test' } })),
  },
  {
    what: 'an alarm is disposed of',
    before: async () => {
      const trip = await underWay();
      await say(trip.lockId, { seal: { rope: 'cut' } });
      return trip;
    },
    act: async ({ tripId }) => {
      const { rows } = await platform.pool.query(
        `SELECT alarm_id FROM alarms WHERE trip_id = $1 AND kind = 'latched'`,
        [tripId],
      );
      const person = await addPerson(platform, 'admin');
      ok(await person.call('POST', `alarms/${rows[0].alarm_id}/dispose`, { text: 'looked at', falseAlarm: false }));
    },
  },
  {
    what: 'a trip is held',
    before: underWay,
    act: async ({ tripId }) => ok(await platform.call('PUT', `trips/${tripId}/hold`, { body: { reason: 'a test' } })),
    same: true,
  },
];

describe('killed between the COMMIT of a change and its judging', () => {
  test.each(KINDS)('$what: the next start ends in the alarms that a replay by the new plan has', async (kind) => {
    const trip = await kind.before();
    const was = await plansOf([trip.lockId]);
    expect(await waiting()).toEqual([]);
    await kind.act(trip);
    const changed = (await plansOf([trip.lockId])) !== was;
    expect(changed).toBe(kind.same !== true);
    expect(await waiting()).toEqual(changed ? [trip.tripId] : []);
    await intake.stop();
    await startBlindWorker();
    expect(await waiting()).toEqual([]);
    expect(await storedAlarms(platform.pool, trip.tripId)).toEqual(await replayedAlarms(platform.pool, trip.tripId));
    await say(trip.lockId, { seal: { motor: 'unlocked' } });
    expect(await storedAlarms(platform.pool, trip.tripId)).toEqual(await replayedAlarms(platform.pool, trip.tripId));
  });

  test('a gate’s alarm asks for the trips of the same lock or box too, whose colour it is', async () => {
    const trip = await underWay();
    const { rows } = await platform.pool.query('SELECT container_no FROM trip_units WHERE trip_id = $1', [trip.tripId]);
    const other = await addTrip(platform, {
      units: [{ containerNo: rows[0].container_no, lockId: await addLock(platform) }],
    });
    await judgeAll();
    await report(platform, trip.lockId, { seal: { rope: 'cut' } });
    await platform.call('POST', 'gates/daxie-1/passages', {
      body: passage(trip, { containers: [{ no: 'MSKU9070323', confident: true }] }),
    });
    const raised = await platform.pool.query('SELECT 1 FROM alarms WHERE trip_id = $1', [trip.tripId]);
    expect(raised.rowCount).toBeGreaterThan(0);
    expect((await waiting()).toSorted()).toEqual([trip.tripId, other.tripId].toSorted());
    await judgeAll();
  });
});

test('what follows a lock’s reply, lost with a crash, is done by the next sweep of the escalation', async () => {
  const trip = await underWay();
  await step(trip, 'write-off');
  await platform.pool.query(`UPDATE commands SET state = 'done', ended_at = now() WHERE trip_id = $1`, [trip.tripId]);
  const { pool, deps } = platform;
  const times = { remindAfterMs: 3_600_000, escalateAfterMs: 7_200_000 };
  const repeat = () => followUnlocks(deps);
  const escalation = await startEscalation({ pool, log: deps.log, hints: deps.hints, times, repeat });
  await escalation.stop();
  expect((await platform.call('GET', `trips/${trip.tripId}`)).body.status).toBe('closed');
});
