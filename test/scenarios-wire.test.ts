import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { progressTo } from '../simulator/src/progress.ts';
import { runScenario } from '../simulator/src/scenario/run.ts';
import { loadScenario, type Scenario, scenarioNames } from '../simulator/src/scenario/scenario.ts';
import { WIRE_PROTOCOLS } from '../simulator/src/wire/protocol.ts';
import { type Platform, startPlatform } from './platform.ts';

/** Every scenario over every protocol; in the short form those that say the most of a wire. */
const DEEP = process.env.SEALWATCH_DEEP === '1';
const SHORT = ['dead-zone-with-detour', 'bad-firmware', 'cloned-lock'];
const HOUR_MS = 3_600_000;

let platform: Platform;
let testerKey: string;
const quiet = progressTo(() => undefined, false, 'en');
const never = new AbortController().signal;

beforeAll(async () => {
  platform = await startPlatform({ SEALWATCH_BRIDGE_PORT: '0' });
  const { body } = await platform.call<{ key: string }>('POST', '/keys', { name: 'test fleet', role: 'tester' });
  testerKey = body.key;
});
afterAll(() => platform?.stop());

function fewTrips(scenario: Scenario): number {
  if (scenario.parts.length > 1) return scenario.parts.length;
  return scenario.parts.some(({ plain }) => plain.train) ? 4 : 1;
}

const names = scenarioNames().filter((name) => DEEP || SHORT.includes(name));
describe.each(WIRE_PROTOCOLS)('over %s', (protocol) => {
  it.concurrent.each(names)(
    '%s: everything that the lock can tell is said, nothing else, and the gate answers rightly',
    async (name) => {
      const { thresholds, ...scenario } = loadScenario(name);
      const { gateP95Ms: _, ...untimed } = thresholds;
      const result = await runScenario(
        {
          http: platform.app.http,
          wire: { protocol, bridge: platform.app.bridge! },
          key: testerKey,
          scenario: { ...scenario, thresholds: untimed },
          trips: fewTrips({ ...scenario, thresholds }),
          seed: 7,
        },
        quiet,
        never,
      );
      expect(result.failures).toEqual([]);
      expect(result.records.acknowledged).toBeGreaterThan(0);
      expect(result.verdicts.wrong).toBe(0);
    },
    HOUR_MS,
  );
});
