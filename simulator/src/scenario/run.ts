import { setMaxListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { putRoad } from '../demo/platform.ts';
import { loadRoad } from '../demo/road.ts';
import type { Progress } from '../progress.ts';
import { randomStream } from '../random.ts';
import type { Rest } from '../rest.ts';
import { connectRest, untilReady } from '../rest.ts';
import type { Evidence } from '../score/evidence.ts';
import { alarmsOf, quarantinedOf, recordsOf } from '../score/evidence.ts';
import type { Score } from '../score/score.ts';
import { answering, score } from '../score/score.ts';
import type { TripScript } from './perform.ts';
import { perform } from './perform.ts';
import { appendRecording, readRecording } from './recording.ts';
import type { Scenario } from './scenario.ts';
import { shareTrips } from './scenario.ts';
import type { Played, Stage } from './stage.ts';
import { play } from './stage.ts';

export interface ScenarioOptions {
  http: string;
  mqtt: string;
  key: string;
  scenario: Scenario;
  trips: number;
  seed: number;
  record?: string;
  replay?: string;
  json?: string;
}

const READY_WAIT_MS = 60_000;
const TRIPS_AT_ONCE = 16;
const SETTLE_MS = 20_000;
const IMPORT_AT_ONCE = 5_000;

interface Group {
  lockIds: string[];
  scripts(): TripScript[];
}

/** Locks of one run have names of their own, so that a platform can be tested again and again. */
export function lockName(seed: number, startMs: number, index: number): string {
  const run = randomStream(seed, `run/${startMs}`).whole(0, 36 ** 6 - 1);
  return `SM${run.toString(36).toUpperCase().padStart(6, '0')}${String(index).padStart(6, '0')}`;
}

/** What will be played: the same scenario, seed and start give the same scripts. */
export function groupsOf(scenario: Scenario, trips: number, seed: number, startMs: number): Group[] {
  const road = loadRoad();
  const counts = shareTrips(scenario.parts, trips);
  const groups: Group[] = [];
  for (const [part, count] of counts.entries()) {
    const { name, plain } = scenario.parts[part]!;
    for (let i = 0; i < count; i++) {
      const index = groups.length;
      const lockIds = Array.from({ length: plain.boxes }, (_, box) => lockName(seed, startMs, index * 2 + box));
      // Trucks reach the gate one after another in the last ten minutes, two of them standing there before the start.
      const endMs = startMs - 130_000 - ((index * 37) % 600) * 1_000;
      const casting = { road, scenario: name, plain, seed: seed * 100_000 + index, lockIds, endMs };
      groups.push({ lockIds, scripts: () => perform(casting) });
    }
  }
  return groups;
}

/** Plays a scenario against a running platform and scores what the platform says about it. */
export async function runScenario(options: ScenarioOptions, progress: Progress, stop: AbortSignal): Promise<Score> {
  // One listener per truck is no leak.
  setMaxListeners(0, stop);
  const { scenario, seed, trips } = options;
  const rest = connectRest(options.http, options.key, stop);
  progress.info('waiting for the platform', { http: options.http });
  await untilReady(options.http, READY_WAIT_MS, stop);
  await putRoad(rest, loadRoad());
  const groups = options.replay ? readRecording(options.replay) : groupsOf(scenario, trips, seed, Date.now());
  const secrets = await registerLocks(rest, groups);
  const tally = { records: 0 };
  const stage: Stage = { rest, mqtt: options.mqtt, secrets, stop, onAcknowledged: (count) => (tally.records += count) };
  const startMs = Date.now();
  const atOnce = scenario.parts.some(({ plain }) => plain.allAtOnce) ? groups.length : TRIPS_AT_ONCE;
  const played = await playAll(stage, groups, atOnce, options, progress);
  const seconds = (Date.now() - startMs) / 1_000;
  progress.info('played', {
    trips: played.length,
    records: tally.records,
    perSecond: Math.round(tally.records / seconds),
  });
  const evidence = await gather(rest, played, stop);
  const lockIds = new Set(groups.flatMap((group) => group.lockIds));
  const result = score(evidence, await quarantinedOf(rest, lockIds), scenario.thresholds);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
  return result;
}

async function registerLocks(rest: Rest, groups: readonly Group[]): Promise<Map<string, string>> {
  const Secrets = z.object({ items: z.array(z.object({ lockId: z.string(), secret: z.string() })) });
  const lockIds = groups.flatMap((group) => group.lockIds);
  const secrets = new Map<string, string>();
  for (let from = 0; from < lockIds.length; from += IMPORT_AT_ONCE) {
    const locks = lockIds.slice(from, from + IMPORT_AT_ONCE).map((lockId) => ({ lockId, model: 'simulated' }));
    for (const item of Secrets.parse(await rest.post('/locks/import', { locks })).items) {
      secrets.set(item.lockId, item.secret);
    }
  }
  return secrets;
}

async function playAll(
  stage: Stage,
  groups: readonly Group[],
  atOnce: number,
  options: ScenarioOptions,
  progress: Progress,
): Promise<Played[]> {
  const waiting = groups.entries();
  const played: Played[] = [];
  if (options.record) writeFileSync(options.record, '');
  const worker = async () => {
    for (const [index, group] of waiting) {
      if (stage.stop.aborted) return;
      const scripts = group.scripts();
      if (options.record) appendRecording(options.record, scripts);
      played.push(...(await play(stage, scripts)));
      if ((index + 1) % 20 === 0 || index + 1 === groups.length) {
        progress.info('playing trips', { trips: index + 1, of: groups.length });
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, groups.length) }, worker));
  return played;
}

/** Asks until what is expected has been said, or for so long that it will not be. */
async function gather(rest: Rest, played: readonly Played[], stop: AbortSignal): Promise<Evidence[]> {
  const until = Date.now() + SETTLE_MS;
  const evidence: Evidence[] = [];
  for (const one of played) {
    let alarms = await alarmsOf(rest, one.tripId);
    while (!one.truth.expected.every((expected) => answering(expected, alarms))) {
      if (Date.now() > until || stop.aborted) break;
      await delay(500);
      alarms = await alarmsOf(rest, one.tripId);
    }
    evidence.push({ played: one, alarms, shown: await recordsOf(rest, one) });
  }
  return evidence;
}
