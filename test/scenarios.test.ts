import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { progressTo } from '../simulator/src/progress.ts';
import type { ScenarioOptions } from '../simulator/src/scenario/run.ts';
import { playScenario, runScenario } from '../simulator/src/scenario/run.ts';
import { loadScenario, type Scenario, scenarioNames } from '../simulator/src/scenario/scenario.ts';
import { score } from '../simulator/src/score/score.ts';
import { ADMIN_KEY, type Platform, startPlatform } from './platform.ts';

/** Long forms: every scenario at its own size, a calm day of a thousand trips. */
const DEEP = process.env.SEALWATCH_DEEP === '1';
const DEEP_CALM_TRIPS = 1_000;
const HOUR_MS = 3_600_000;

let platform: Platform;
let folder: string;
/** Of the role that the contract gives to test fleets: no scenario may need more. */
let testerKey: string;
const quiet = progressTo(() => undefined, false, 'en');
const never = new AbortController().signal;

const on = (scenario: Scenario, trips: number, more: Partial<ScenarioOptions> = {}): ScenarioOptions => ({
  http: platform.app.http,
  mqtt: platform.app.mqtt,
  key: testerKey,
  scenario,
  trips,
  seed: 7,
  ...more,
});

/** All scenarios are played at the same time, so that each one's trip is among others; a train needs a few wagons, a mix one of each. */
function fewTrips(scenario: Scenario): number {
  if (DEEP) return scenario.name === 'calm-day' ? DEEP_CALM_TRIPS : scenario.trips;
  if (scenario.parts.length > 1) return scenario.parts.length;
  return scenario.parts.some(({ plain }) => plain.train) ? 4 : 1;
}

beforeAll(async () => {
  platform = await startPlatform();
  folder = await mkdtemp(join(tmpdir(), 'sealwatch-scenarios-'));
  const { body } = await platform.call<{ key: string }>('POST', '/keys', { name: 'test fleet', role: 'tester' });
  testerKey = body.key;
});

afterAll(async () => {
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What a gate may take is asked of a platform that has its machine to itself; here all scenarios share it. */
function untimed(scenario: Scenario): Scenario {
  const { gateP95Ms: _, ...thresholds } = scenario.thresholds;
  return { ...scenario, thresholds };
}

const isLive = (name: string) => loadScenario(name).parts.some(({ plain }) => plain.live);
const played = scenarioNames().filter((name) => !isLive(name));

describe('each scenario, played against the platform with a key of role tester', () => {
  it.concurrent.each(played)(
    '%s: everything that happened is said, nothing else, and the gate answers rightly',
    async (name) => {
      const scenario = untimed(loadScenario(name));
      const result = await runScenario(on(scenario, fewTrips(scenario)), quiet, never);
      expect(result.failures).toEqual([]);
      expect(result.trips).toBeGreaterThanOrEqual(fewTrips(scenario));
    },
    HOUR_MS,
  );

  it.concurrent('a truck that leaves the road while one watches: red on the feed, then told as an alarm', async () => {
    const scenario = loadScenario('the-ramp-live');
    // Begins on the ramp already: what comes before is driving.
    const live = { leadS: -18, seconds: 30 };
    const parts = scenario.parts.map((part) => ({ ...part, plain: { ...part.plain, live } }));
    const result = await runScenario(on(DEEP ? scenario : { ...scenario, parts }, DEEP ? 5 : 2), quiet, never);
    expect(result.failures).toEqual([]);
    const rule = result.rules.find((one) => one.rule === 'route.deviation');
    expect(rule?.redMs?.p50).toBeGreaterThan(0);
    expect(rule?.feedMs?.p50).toBeGreaterThan(0);
  });
});

describe('the score', () => {
  it('fails by itself where the rule is broken on the platform', async () => {
    const scenario = loadScenario('the-ramp');
    const deaf = on(scenario, 1, {
      // Nothing that trucks do here is outside a corridor that is 10 km wide.
      changeLine: (line) => {
        const { legs: _, ...properties } = line.route.properties;
        const route = { ...line.route, properties: { ...properties, halfWidthM: 5_000 } };
        return { ...line, routeId: line.routeId, route };
      },
      settleMs: 2_000,
    });
    const result = await runScenario(deaf, quiet, never);
    expect(result.recall).toBe(0);
    expect(result.failures.join()).toMatch(/recall 0.000.*1 verdicts at the gate are wrong/);
  });

  it('fails where an alarm is taken away, and where one had no cause', async () => {
    const scenario = loadScenario('the-ramp');
    const { evidence, quarantined } = await playScenario(on(scenario, 1), quiet, never);
    const judged = (change: (one: (typeof evidence)[number]) => (typeof evidence)[number]) =>
      score(evidence.map(change), quarantined, scenario.thresholds).failures;
    expect(judged((one) => one)).toEqual([]);
    expect(judged((one) => ({ ...one, alarms: [] })).join()).toMatch(/recall/);
    const calm = { expected: [], verdict: 'release' as const };
    const accused = judged((one) => ({ ...one, played: { ...one.played, truth: { ...one.played.truth, ...calm } } }));
    expect(accused.join()).toMatch(/without a cause.*verdicts at the gate are wrong/);
  });
});

describe('a run', () => {
  it('with the same seed can be made again on the same platform', async () => {
    const scenario = loadScenario('the-ramp');
    for (let time = 1; time <= 2; time++) {
      expect((await runScenario(on(scenario, 1, { seed: 99 }), quiet, never)).failures).toEqual([]);
    }
  });

  it('of a given time is recorded byte for byte alike, and is replayed under other names only', async () => {
    const scenario = loadScenario('rope-cut');
    const atMs = Date.now() - HOUR_MS;
    const record = join(folder, 'rope-cut.jsonl');
    expect((await runScenario(on(scenario, 2, { atMs, record }), quiet, never)).failures).toEqual([]);
    const replayed = on(scenario, 2, { replay: record });
    await expect(runScenario(replayed, quiet, never)).rejects.toThrow(/knows lock SM.*--fresh/);
    expect((await runScenario({ ...replayed, fresh: true }, quiet, never)).failures).toEqual([]);
    const again = await startPlatform();
    try {
      const other = { http: again.app.http, mqtt: again.app.mqtt, key: ADMIN_KEY };
      const second = join(folder, 'again.jsonl');
      await runScenario(on(scenario, 2, { atMs, record: second, ...other }), quiet, never);
      expect(await readFile(second, 'utf8')).toBe(await readFile(record, 'utf8'));
    } finally {
      await again.stop();
    }
  });

  it('leaves nothing open behind it where it is asked to tidy up, and writes a page that loads nothing', async () => {
    const html = join(folder, 'score.html');
    const before = await openTrips();
    await runScenario(on(loadScenario('the-ramp'), 1, { tidy: true, html, language: 'zh' }), quiet, never);
    expect(await openTrips()).toBe(before);
    const page = await readFile(html, 'utf8');
    expect(page).toContain('<svg');
    expect(page).toContain('通过');
    expect(page).not.toMatch(/<(script|link|img)|src=|url\(/);
  });
});

async function openTrips(): Promise<number> {
  const open = 'declared,released,hung,sealed,in-transit,arrived,verified,unlocked';
  const { body } = await platform.call<{ items: unknown[] }>('GET', `/trips?status=${open}&limit=500`);
  return body.items.length;
}
