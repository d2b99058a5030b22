import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { runDemo } from '../src/demo/fleet.ts';
import { measureCeiling } from '../src/load/ceiling.ts';
import { runLoad } from '../src/load/load.ts';
import { loadTable } from '../src/load/table.ts';
import type { Progress } from '../src/progress.ts';
import { progressTo } from '../src/progress.ts';
import { runScenario } from '../src/scenario/run.ts';
import { loadScenario } from '../src/scenario/scenario.ts';
import { loadFleet, saveFleet } from '../src/state-file.ts';
import type { FakePlatform } from './fake-platform.ts';
import { startFakePlatform } from './fake-platform.ts';

let fake: FakePlatform;
let folder: string;
let lines: string[];
let progress: Progress;

beforeEach(async () => {
  fake = await startFakePlatform();
  folder = mkdtempSync(join(tmpdir(), 'sealwatch-sim-'));
  lines = [];
  progress = progressTo((line) => lines.push(line), false, 'en');
});

afterEach(async () => {
  await fake.close();
  rmSync(folder, { recursive: true, force: true });
});

const said = () => lines.map((line) => JSON.parse(line) as { msg: string });
const demo = (stop: AbortSignal) =>
  runDemo({ http: fake.http, mqtt: fake.mqtt, key: fake.key, locks: 8, seed: 5, state: folder }, progress, stop);

async function demoUntilLive(): Promise<void> {
  const stop = new AbortController();
  const running = demo(stop.signal);
  await vi.waitFor(() => expect(said().map(({ msg }) => msg)).toContain('live: every lock reports at its interval'));
  await vi.waitFor(() => expect([...fake.records.values()].every((mine) => mine.size > 2)).toBe(true), 180_000);
  stop.abort();
  await running;
}

const times = (lockId: string) =>
  [...(fake.records.get(lockId)?.values() ?? [])].map((report) => Date.parse(report.time));

describe('the demo fleet', () => {
  it('declares every truck with its past, back-fills it at 30 s and reports live, in records that are all valid', async () => {
    await demoUntilLive();
    expect(fake.invalid).toEqual([]);
    expect(fake.conflicts).toEqual([]);
    expect(fake.trips.size).toBe(8);
    expect(fake.largestBatch).toBeGreaterThan(100);
    expect(fake.largestBatch).toBeLessThanOrEqual(200);
    const reds = [...fake.trips.values()].filter((trip) => trip.risk === 'red');
    expect(reds).toHaveLength(1);
    for (const trip of fake.trips.values()) {
      const made = times(trip.lockId).sort((a, b) => a - b);
      const gaps = made.slice(1).map((time, i) => time - made[i]!);
      expect(made[0]).toBeGreaterThanOrEqual(trip.departedMs);
      expect(Math.max(...gaps)).toBeLessThan(45_000);
    }
  });

  it('keeps its secrets in a file only its owner may read, and continues with the same locks and trips', async () => {
    await demoUntilLive();
    const before = loadFleet(folder)!;
    expect(statSync(join(folder, 'demo-fleet.json')).mode & 0o777).toBe(0o600);
    lines = [];
    await demoUntilLive();
    const after = loadFleet(folder)!;
    expect(after.trucks.map((truck) => truck.lockId)).toEqual(before.trucks.map((truck) => truck.lockId));
    expect(after.trucks.map((truck) => truck.trip?.tripId)).toEqual(before.trucks.map((truck) => truck.trip?.tripId));
    expect(after.trucks[0]!.boot).toBe(before.trucks[0]!.boot + 1);
    expect(fake.trips.size).toBe(8);
    expect(fake.conflicts).toEqual([]);
    expect(lines.join('')).not.toContain(before.trucks[0]!.secret);
  });

  it('begins anew where the platform’s database is another one', async () => {
    await demoUntilLive();
    fake.forget();
    lines = [];
    await demoUntilLive();
    expect(fake.trips.size).toBe(8);
    expect(said().map(({ msg }) => msg)).toContain('locks registered');
  });

  it('gives up trips whose time has run out while nobody watched, and begins others after the lock’s last record', async () => {
    await demoUntilLive();
    const old = [...fake.trips.keys()];
    const fleet = loadFleet(folder)!;
    const agoMs = 6 * 3_600_000;
    const reported = new Map<string, number>();
    for (const truck of fleet.trucks) {
      truck.reportedMs! -= agoMs;
      reported.set(truck.lockId, truck.reportedMs!);
      for (const order of truck.trip!.orders) order.startMs -= agoMs;
    }
    saveFleet(folder, fleet);
    lines = [];
    await demoUntilLive();
    expect(old.map((tripId) => fake.trips.get(tripId)?.status)).toEqual(old.map(() => 'cancelled'));
    const begun = [...fake.trips.values()].filter((trip) => !old.includes(trip.tripId));
    expect(begun).toHaveLength(8);
    for (const trip of begun) expect(trip.departedMs).toBeGreaterThan(reported.get(trip.lockId)!);
    expect(fake.conflicts).toEqual([]);
  });

  it('says which interface refused and why', async () => {
    const wrongKey = { http: fake.http, mqtt: fake.mqtt, key: 'wrong', locks: 2, state: folder };
    const stop = new AbortController().signal;
    await expect(runDemo(wrongKey, progress, stop)).rejects.toThrow(/REST PUT .*HTTP 401 unauthenticated; this key/);
  });
});

describe('a scenario played against a platform', () => {
  const options = (name: string, extra: object = {}) => ({
    http: fake.http,
    mqtt: fake.mqtt,
    key: fake.key,
    scenario: loadScenario(name),
    trips: 2,
    seed: 3,
    ...extra,
  });
  const never = new AbortController().signal;

  it('meets its thresholds where the platform tells the truth', async () => {
    const json = join(folder, 'score.json');
    const result = await runScenario(options('the-ramp', { json }), progress, never);
    expect(result.failures).toEqual([]);
    expect(result.verdicts).toEqual({ right: 2, wrong: 0, unasked: 0 });
    expect(JSON.parse(readFileSync(json, 'utf8'))).toEqual(result);
  });

  it('fails where acknowledged records are not shown', async () => {
    fake.hidden.add('1/7');
    const result = await runScenario(options('calm-day'), progress, never);
    expect(result.records.missing).toBe(2);
    expect(result.failures.join()).toMatch(/2 acknowledged records are not shown/);
  });

  it('counts repeated records once and finds what cannot be read in quarantine', async () => {
    const result = await runScenario(options('bad-firmware'), progress, never);
    expect(fake.duplicates).toBeGreaterThan(0);
    expect(fake.conflicts).toEqual([]);
    expect(result.records).toMatchObject({ missing: 0, storedTwice: 0 });
  });

  it('can be recorded and played again, byte for byte', async () => {
    const record = join(folder, 'run.jsonl');
    await runScenario(options('calm-day', { record }), progress, never);
    const first = JSON.stringify([...fake.records.values()].map((mine) => mine.get('1/5')));
    fake.records.clear();
    fake.forget();
    await runScenario(options('calm-day', { replay: record }), progress, never);
    expect(JSON.stringify([...fake.records.values()].map((mine) => mine.get('1/5')))).toBe(first);
  });
});

describe('a load', () => {
  const never = new AbortController().signal;
  /** A sender that works a quarter of the time, 500 ms in all: no matter of the machine and its load. */
  const gauges = {
    ceiling: async () => ({ reportsPerS: 64_000, locksPerS: 3_200 }),
    clock: { begin: () => () => ({ active: 500, utilization: 0.25 }) },
  };
  let small: Parameters<typeof runLoad>[0];
  beforeEach(() => {
    const { http, mqtt, key } = fake;
    small = { http, mqtt, key, locks: 20, rate: 400, seconds: 1, ramp: 200, seed: 1 };
  });

  it('acknowledges everything offered and measures from when each was due, and what the sender can do by itself', async () => {
    const result = await runLoad(small, progress, never, gauges);
    expect(result).toMatchObject({ locks: 20, sent: 400, acknowledged: 400, unsendable: 0, missingInSample: 0 });
    expect(result.latencyMs.max).toBeGreaterThanOrEqual(result.latencyMs.p50);
    expect(result).toMatchObject({ senderBusyPercent: 25, senderReportsPerSPerCore: 800 });
    expect(result.ceiling).toEqual({ reportsPerS: 64_000, locksPerS: 3_200 });
    expect(loadTable(result)).toMatch(/ 64,000 reports\/s and 3,200 new locks\/s per core\nPASS$/);
    expect(fake.invalid).toEqual([]);
  });

  it('measures what the sender can do by itself as what was acknowledged in the time it was at work', async () => {
    const clock = { begin: () => () => ({ active: 2_000, utilization: 1 }) };
    const work = { locks: 10, reports: 500, forMs: Number.POSITIVE_INFINITY, clock };
    expect(await measureCeiling(never, work)).toEqual({ reportsPerS: 250, locksPerS: 5 });
  });

  it('charges a platform that stalls for every report that was due meanwhile', async () => {
    fake.stallMs = 600;
    const { latencyMs, sent, acknowledged } = await runLoad({ ...small, rate: 200 }, progress, never, gauges);
    expect(acknowledged).toBe(sent);
    // Who sends one report and waits for its answer sees one slow report; an open loop sees all that were due.
    expect(latencyMs.p95).toBeGreaterThan(200);
  });

  it('stops at once when told to, with what has been measured so far', async () => {
    const stop = new AbortController();
    const running = runLoad({ ...small, seconds: 600 }, progress, stop.signal, gauges);
    await vi.waitFor(() => expect(lines.join('')).toContain('offering'), 180_000);
    stop.abort();
    const result = await running;
    expect(result.sent).toBeGreaterThan(0);
    expect(result.acknowledged).toBe(result.sent);
  });

  it('says which interface refused a lock, and why', async () => {
    fake.refusesLocks = true;
    await expect(runLoad(small, progress, never, gauges)).rejects.toThrow(
      /MQTT mqtt:.*lock SM.*CONNACK 5: the lock is unknown/,
    );
  });
});
