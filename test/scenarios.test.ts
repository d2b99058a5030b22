import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { progressTo } from '../simulator/src/progress.ts';
import { runScenario } from '../simulator/src/scenario/run.ts';
import { loadScenario, scenarioNames } from '../simulator/src/scenario/scenario.ts';
import { ADMIN_KEY, type Platform, startPlatform } from './platform.ts';

let platform: Platform;
const quiet = progressTo(() => undefined, false, 'en');
const never = new AbortController().signal;

beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(async () => {
  await platform?.stop();
});

describe('every scenario', () => {
  it.each(scenarioNames())('%s', async (name) => {
    const scenario = loadScenario(name);
    const began = Date.now();
    const trips = scenario.parts.length > 1 ? scenario.parts.length : 2;
    const score = await runScenario(
      { http: platform.app.http, mqtt: platform.app.mqtt, key: ADMIN_KEY, scenario, trips, seed: 7 },
      quiet,
      never,
    );
    console.log(
      name,
      trips,
      'trips',
      Date.now() - began,
      'ms',
      score.records.acknowledged,
      'records',
      JSON.stringify(score.rules.map((r) => [r.rule, r.expected, r.raised, r.unfounded])),
      JSON.stringify(score.failures),
    );
    expect(score.failures).toEqual([]);
  });
});
