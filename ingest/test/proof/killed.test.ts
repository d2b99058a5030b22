import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, registerLocks } from '../intake/rig.ts';
import { chanceOf, seeds } from './chance.ts';
import { bundlePlatform, type Child, startChild } from './child.ts';
import { acknowledgedOf, ProofLock, waitingOf } from './fleet.ts';
import { endHeldCommits, holdCommits, isCommitWaiting, makeHoldable } from './held.ts';
import { journeyOf } from './journey.ts';
import { missingOf, replayedAlarms, storedAlarms } from './oracle.ts';

const START_MS = Date.UTC(2026, 0, 1);
const LOCKS = 6;
const RECORDS = 150;
const PATIENT = { timeout: 180_000, interval: 20 };

let script: string;
let remove: () => void;
let db: TestDatabase;
let platform: Child | undefined;
let locks: ProofLock[] = [];

beforeAll(async () => {
  ({ script, remove } = await bundlePlatform());
});
afterAll(() => remove());
afterEach(async () => {
  for (const lock of locks) lock.stop();
  await platform?.kill();
  platform = undefined;
  await db.drop();
});

async function start(env: Record<string, string> = {}): Promise<void> {
  platform = undefined;
  platform = await startChild(script, { DATABASE_URL: db.url, ...env });
}

/** A fleet of which two locks ride together and the others each on a trip of their own. */
async function muster(
  seed: number,
  env: Record<string, string> = {},
  beforeTheyDial = async (): Promise<void> => undefined,
): Promise<string[]> {
  db = await freshDatabase();
  await makeHoldable(db);
  const ids = Array.from({ length: LOCKS }, (_, i) => `JT7010000${i}`);
  await registerLocks(db, ...ids);
  const crews = [ids.slice(0, 2), ...ids.slice(2).map((id) => [id])];
  const trips: string[] = [];
  for (const crew of crews) trips.push(await declareTrip(db, crew, START_MS));
  await start(env);
  await beforeTheyDial();
  // While the platform is down a lock finds nobody at the old port, and dials again.
  locks = ids.map(
    (id, i) => new ProofLock(id, () => platform?.port ?? 1, journeyOf(seed * 100 + i, RECORDS, START_MS)),
  );
  return trips;
}

describe('kill -9 of the platform under load', () => {
  test.each(seeds(1, 20))(
    'seed %i: nothing acknowledged is missing, nothing is there twice, alarms are those of the rows',
    async (seed) => {
      const trips = await muster(seed);
      const chance = chanceOf(seed);
      for (let kill = 0; kill < 3; kill++) {
        const until = acknowledgedOf(locks) + 10 + Math.floor(chance() * 120);
        await vi.waitFor(() => expect(acknowledgedOf(locks) >= until || waitingOf(locks) === 0).toBe(true), PATIENT);
        await platform?.kill();
        await start();
      }
      await vi.waitFor(() => expect(waitingOf(locks)).toBe(0), PATIENT);
      expect(await missingOf(db.pool, locks)).toEqual([]);
      for (const tripId of trips) {
        const replayed = await replayedAlarms(db.pool, tripId);
        expect(await storedAlarms(db.pool, tripId)).toEqual(replayed);
        expect(Object.values(replayed).map((alarm) => alarm.rule)).toContain('route.deviation');
      }
    },
  );
});

/** Kills platform and connection while the database holds a commit; what was acknowledged by then and is nowhere. */
async function lostInHeldCommit(env: Record<string, string>): Promise<string[]> {
  let letGo = async (): Promise<void> => undefined;
  const hold = async () => {
    letGo = await holdCommits(db);
  };
  if (env.EARLY_ACK) {
    // Acknowledged early, the whole journey could be over before a later hold takes effect.
    await muster(7, env, hold);
    await vi.waitFor(() => expect(acknowledgedOf(locks)).toBeGreaterThan(5), PATIENT);
  } else {
    await muster(7, env);
    await vi.waitFor(() => expect(acknowledgedOf(locks)).toBeGreaterThan(10), PATIENT);
    await hold();
  }
  await vi.waitFor(async () => expect(await isCommitWaiting(db)).toBe(true), PATIENT);
  for (const lock of locks) lock.stop();
  await platform?.kill();
  platform = undefined;
  await endHeldCommits(db);
  await letGo();
  return missingOf(db.pool, locks);
}

describe('the proof itself', () => {
  test('a commit that never happens loses nothing that was acknowledged', async () => {
    expect(await lostInHeldCommit({})).toEqual([]);
  });

  test('turns red where the acknowledgement is given before the commit', async () => {
    expect(await lostInHeldCommit({ EARLY_ACK: '1' })).not.toEqual([]);
  });
});
