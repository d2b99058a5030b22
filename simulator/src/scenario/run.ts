import { setMaxListeners } from 'node:events';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { isOver } from '@sealwatch/schemas';
import { z } from 'zod';
import type { Control } from '../control.ts';
import { cancelTrip, lockKnown, readTrip } from '../demo/platform.ts';
import type { Language, Progress } from '../progress.ts';
import type { Rest } from '../rest.ts';
import { connectRest, untilReady } from '../rest.ts';
import type { Evidence } from '../score/evidence.ts';
import { alarmsOf, quarantinedOf, recordsOf } from '../score/evidence.ts';
import type { FeedWatch } from '../score/feed.ts';
import { watchFeed } from '../score/feed.ts';
import { htmlReport } from '../score/html.ts';
import type { Score } from '../score/score.ts';
import { answering, score } from '../score/score.ts';
import { MODELS, type WireProtocol, wireIdOf } from '../wire/protocol.ts';
import { WireRadio } from '../wire/radio.ts';
import { carriedBy } from './carried.ts';
import type { Group } from './groups.ts';
import { groupsOf } from './groups.ts';
import type { Line } from './line.ts';
import { loadLine, putLine } from './line.ts';
import type { PlayContext, Played } from './play.ts';
import { play } from './play.ts';
import { openMqttRadio, type Radio } from './radio.ts';
import { appendRecording, readRecording, renamed } from './recording.ts';
import type { RunReporter } from './run-reporter.ts';
import { reportTo } from './run-reporter.ts';
import type { Scenario } from './scenario.ts';

export interface ScenarioOptions {
  http: string;
  /** of the platform; absent where `wire` is given */
  mqtt?: string;
  /** the locks speak a protocol of their own, to this bridge */
  wire?: { protocol: WireProtocol; bridge: string };
  key: string;
  scenario: Scenario;
  trips: number;
  seed: number;
  record?: string;
  replay?: string;
  json?: string;
  html?: string;
  language?: Language;
  /** the run's time, epoch ms, instead of now: the same seed and time give the same bytes */
  atMs?: number;
  /** replays under other names of locks and papers */
  fresh?: boolean;
  /** cancels what is still open after the score */
  tidy?: boolean;
  /** longest wait for the expected alarms, ms */
  settleMs?: number;
  /** puts a route on the platform that is not the one driven, so that a rule fails on purpose */
  changeLine?: (line: Line) => Line;
  /** receives the state of the run */
  control?: Control;
}

const READY_WAIT_MS = 60_000;
const TRIPS_AT_ONCE = 16;
const SETTLE_MS = 20_000;
const IMPORT_AT_ONCE = 5_000;

/** Everything that is needed for a score. */
export interface RunOutcome {
  evidence: Evidence[];
  quarantined: number;
}

/** Plays a scenario against a running platform and reads its alarms, records and verdicts. */
export async function playScenario(
  options: ScenarioOptions,
  progress: Progress,
  stop: AbortSignal,
  reporter = reportTo(undefined, options.scenario, options.seed, options.trips),
): Promise<RunOutcome> {
  // One listener per truck is no leak.
  setMaxListeners(0, stop);
  const rest = connectRest(options.http, options.key, stop);
  progress.info('waiting for the platform', { http: options.http });
  await untilReady(options.http, READY_WAIT_MS, stop);
  const groups = await groupsFor(rest, options);
  const lines = new Map([...new Set(groups.flatMap((group) => group.lines))].map((name) => [name, loadLine(name)]));
  for (const line of lines.values()) await putLine(rest, options.changeLine?.(line) ?? line);
  const secrets = await registerLocks(rest, groups, options.wire?.protocol);
  const feed = await feedOf(options, progress);
  const tally = { records: 0 };
  const onAcknowledged = (count: number) => {
    tally.records += count;
  };
  try {
    const startMs = Date.now();
    const played = await playAll(
      { rest, openRadio: radiosOf(options, secrets, stop), lines, stop, onAcknowledged, onDeclared: reporter.declared },
      groups,
      options,
      progress,
      reporter,
    );
    const perSecond = Math.round((tally.records * 1_000) / (Date.now() - startMs));
    progress.info('played', { trips: played.length, records: tally.records, perSecond });
    reporter.scoring();
    const byTime = options.wire !== undefined;
    const evidence = await gather(rest, played, { feed, settleMs: options.settleMs ?? SETTLE_MS, byTime }, stop);
    const lockIds = new Set(groups.flatMap((group) => group.lockIds));
    const quarantined = await quarantinedOf(rest, lockIds);
    if (options.tidy) await tidy(rest, evidence);
    return { evidence, quarantined };
  } finally {
    feed?.close();
  }
}

/** Plays a scenario, scores the platform's answers, and writes the requested files. */
export async function runScenario(options: ScenarioOptions, progress: Progress, stop: AbortSignal): Promise<Score> {
  const reporter = reportTo(options.control, options.scenario, options.seed, options.trips);
  const { evidence, quarantined } = await playScenario(options, progress, stop, reporter);
  const result = score(evidence, quarantined, options.scenario.thresholds);
  reporter.scored(result);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(result, undefined, 2)}\n`);
  if (options.html) {
    const { scenario, seed, http } = options;
    const report = { name: scenario.name, seed, http, atMs: Date.now(), result, evidence };
    writeFileSync(options.html, htmlReport(report, options.language ?? 'en'));
  }
  return result;
}

/** @throws Error if a recording's locks are registered already, or `atMs` is given for a live scenario */
async function groupsFor(rest: Rest, options: ScenarioOptions): Promise<Group[]> {
  const { scenario, trips, seed, atMs } = options;
  const live = scenario.parts.some(({ plain }) => plain.live);
  if (!options.replay) {
    if (atMs !== undefined && live) throw new Error(`${scenario.name} is played as it happens: --at cannot be used`);
    return groupsOf(scenario, trips, seed, atMs ?? Date.now());
  }
  const groups = readRecording(options.replay);
  if (options.fresh) return groups.map((group, index) => renamed(group, seed, Date.now(), index));
  const first = groups[0]?.lockIds[0];
  if (first !== undefined && (await lockKnown(rest, first))) {
    throw new Error(
      `${options.replay}: the platform knows lock ${first} of this recording already, so its records would be repetitions; ` +
        'replay it on an empty database, or with --fresh, which gives locks and papers other names',
    );
  }
  return groups;
}

/** Without the feed the score lacks feed delays; alarms, records and verdicts are read by REST. */
async function feedOf({ http, key }: ScenarioOptions, progress: Progress): Promise<FeedWatch | undefined> {
  try {
    return await watchFeed(http, key);
  } catch (error) {
    progress.warn('live feed not watched, its delays are not measured', { why: String(error) });
    return undefined;
  }
}

/** Cancels trips that no gate released, which would stay on the wall for ever. */
async function tidy(rest: Rest, evidence: readonly Evidence[]): Promise<void> {
  for (const { played } of evidence) {
    const trip = await readTrip(rest, played.tripId);
    if (trip && !isOver(trip)) await cancelTrip(rest, played.tripId, 'simulated trip, scored');
  }
}

/** How each lock of the run reaches the platform. */
function radiosOf({ mqtt = '', wire }: ScenarioOptions, secrets: ReadonlyMap<string, string>, stop: AbortSignal) {
  return async (lockId: string): Promise<Radio> => {
    if (!wire) return openMqttRadio({ mqtt, lockId, secret: secrets.get(lockId) ?? '', stop });
    const radio = new WireRadio({ ...wire, lockId, stop });
    await radio.open();
    return radio;
  };
}

/** @returns the secrets of those that sign in themselves */
async function registerLocks(
  rest: Rest,
  groups: readonly Group[],
  protocol: WireProtocol | undefined,
): Promise<Map<string, string>> {
  const Secrets = z.object({ items: z.array(z.object({ lockId: z.string(), secret: z.string().optional() })) });
  const lockIds = groups.flatMap((group) => group.lockIds);
  const secrets = new Map<string, string>();
  for (let from = 0; from < lockIds.length; from += IMPORT_AT_ONCE) {
    const locks = lockIds
      .slice(from, from + IMPORT_AT_ONCE)
      .map((lockId) => ({ lockId, simulated: true, ...modelOf(lockId, protocol) }));
    for (const { lockId, secret } of Secrets.parse(await rest.post('/locks/import', { locks })).items) {
      if (secret !== undefined) secrets.set(lockId, secret);
    }
  }
  return secrets;
}

function modelOf(lockId: string, protocol: WireProtocol | undefined): object {
  if (protocol === undefined) return { model: 'simulated' };
  const { model, profile } = MODELS[protocol];
  return { model, profile, wireId: wireIdOf(protocol, lockId) };
}

async function playAll(
  context: PlayContext,
  groups: readonly Group[],
  options: ScenarioOptions,
  progress: Progress,
  reporter: RunReporter,
): Promise<Played[]> {
  const together = options.scenario.parts.some(({ plain }) => plain.allAtOnce || plain.live);
  const atOnce = together ? groups.length : TRIPS_AT_ONCE;
  const waiting = groups.entries();
  let done = 0;
  const played: Played[] = [];
  if (options.record) writeFileSync(options.record, '');
  const worker = async () => {
    for (const [, group] of waiting) {
      if (context.stop.aborted) return;
      const scripts = group.scripts();
      if (options.record) appendRecording(options.record, scripts);
      const { wire } = options;
      played.push(...(await play(context, wire ? scripts.map((one) => carriedBy(wire.protocol, one)) : scripts)));
      done += 1;
      progress.share('playing trips', done, groups.length);
      reporter.played(done, groups.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, groups.length) }, worker));
  return played;
}

/** Polls until all expected alarms are raised or the wait is over. */
async function gather(
  rest: Rest,
  played: readonly Played[],
  { feed, settleMs, byTime }: { feed: FeedWatch | undefined; settleMs: number; byTime: boolean },
  stop: AbortSignal,
): Promise<Evidence[]> {
  const until = Date.now() + settleMs;
  const evidence: Evidence[] = [];
  for (const one of played) {
    let alarms = await alarmsOf(rest, one.tripId);
    while (!one.truth.expected.every((expected) => answering(expected, alarms))) {
      if (Date.now() > until || stop.aborted) break;
      await delay(500);
      alarms = await alarmsOf(rest, one.tripId);
    }
    const shown = await recordsOf(rest, one, byTime);
    evidence.push({ played: one, alarms, shown, ...(feed ? { seen: feed.seen(one.tripId, one.lockIds) } : {}) });
  }
  return evidence;
}
