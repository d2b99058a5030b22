#!/usr/bin/env node
import { randomInt } from 'node:crypto';
import { Command, InvalidArgumentError, Option } from 'commander';
import { openControl } from './control.ts';
import { runDemo } from './demo/fleet.ts';
import { runLoad } from './load/load.ts';
import { loadTable } from './load/table.ts';
import type { Progress } from './progress.ts';
import { languageOf, progressTo } from './progress.ts';
import { runScenario, type ScenarioOptions } from './scenario/run.ts';
import { loadScenario, scenarioNames } from './scenario/scenario.ts';
import { scoreTable } from './score/table.ts';
import { WIRE_PROTOCOLS, type WireProtocol } from './wire/protocol.ts';

interface SimulateOptions {
  http?: string;
  mqtt?: string;
  protocol: 'mqtt' | WireProtocol;
  bridge?: string;
  key?: string;
  locks?: number;
  seed?: number;
  state: string;
  rate: number;
  seconds: number;
  ramp: number;
  record?: string;
  replay?: string;
  json?: string;
  html?: string;
  at?: number;
  fresh?: boolean;
  tidy?: boolean;
  lang?: string;
  stopWithParent?: boolean;
  control?: boolean;
}

function wholeNumber(least: number, most: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}`);
  };
}

function address(schemes: readonly string[]) {
  return (text: string): string => {
    const url = URL.canParse(text) ? new URL(text) : undefined;
    if (url && schemes.includes(url.protocol)) return text;
    throw new InvalidArgumentError(
      `expected an address beginning with ${schemes.map((one) => `${one}//`).join(' or ')}`,
    );
  };
}

/** Records ahead of the platform's clock would be quarantined, so a run's time must not be in the future. */
function pastTime(text: string): number {
  const timeMs = Date.parse(text);
  if (!Number.isNaN(timeMs) && timeMs <= Date.now()) return timeMs;
  throw new InvalidArgumentError('expected a time that is past, such as 2026-11-21T05:00:00Z');
}

const DEMO_LOCKS = 40;
const DEMO = {
  name: 'demo',
  about: {
    en: 'A fleet that drives at real speed until it is stopped; one truck takes a ramp, others reach the gate.',
    zh: '实时行驶的车队,直到停止;一车驶离匝道,数车到达卡口。',
  },
  trips: DEMO_LOCKS,
};
const FILES = ['record', 'replay', 'json', 'html'] as const;

const EXAMPLES = `
Scenarios: list (describes each of them), demo, load, ${scenarioNames().join(', ')},
or the path of a .yaml file of your own (simulator/scenarios/README.md describes the format).

The key needs the role tester or admin. Give it in SEALWATCH_KEY, because others on the machine can read command lines:
  export SEALWATCH_KEY=$(sealwatch key create --role tester)
  export TO="--http http://127.0.0.1:8080 --mqtt mqtt://127.0.0.1:1883"

Examples:
  simulate list
      what there is, one sentence each; needs no platform
  simulate demo $TO
      forty trucks between Yiwu and Beilun, at real speed, until Ctrl-C; a second start continues
  simulate the-ramp $TO --locks 10 --seed 7 --json score.json --html score.html --tidy
      ten trips of the last hours, back-filled now, then compared with the platform's alarms and verdicts
  simulate the-ramp-live $TO
      five trucks leave the road while you watch the wall: how long until it shows them red
  simulate the-ramp --http http://127.0.0.1:8080 --protocol jt808 --bridge tcp://127.0.0.1:7018
      the same trips by locks that speak JT/T 808, to SEALWATCH_BRIDGE_PORT=7018 of the platform
  simulate rope-cut $TO --record failed.jsonl        and later        simulate rope-cut $TO --replay failed.jsonl --fresh
      keeps what was played, to be played again
  simulate load $TO --locks 20000 --rate 10000 --seconds 60
      reports at a fixed rate, whether the platform keeps up or not; delays from the moment each was due

A scenario ends by itself with a score: truth against alarms, records and the gate's verdicts. Exit code 0: all
thresholds met; 2: played, but not met; 1: an interface refused, and the message names it and the reason.`;

async function simulate(scenario: string, options: SimulateOptions): Promise<void> {
  const readable = process.stdout.isTTY === true;
  const language = languageOf(options.lang ?? process.env.LANG);
  const progress = progressTo((line) => process.stdout.write(line), readable, language);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const watch = options.stopWithParent ? watchParent(stop) : undefined;
  try {
    await run(scenario, options, progress, stop.signal);
    if (scenario !== 'list') progress.info('stopped');
  } catch (error) {
    if (stop.signal.aborted) {
      progress.info('stopped');
      return;
    }
    progress.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  } finally {
    clearInterval(watch);
  }
}

/** A killed platform cannot stop its fleet: the fleet detects that its parent process has changed. */
function watchParent(stop: AbortController): NodeJS.Timeout {
  const parent = process.ppid;
  return setInterval(() => {
    if (process.ppid !== parent) stop.abort();
  }, 1_000);
}

/** Which platform; a scenario without one can only be listed. */
function target(options: SimulateOptions): { http: string; key: string } & Pick<ScenarioOptions, 'mqtt' | 'wire'> {
  const { http, mqtt, protocol, bridge, key = process.env.SEALWATCH_KEY } = options;
  const isWire = protocol !== 'mqtt';
  const missing = [
    http ? '' : "--http <url>, the platform's REST interface, e.g. --http http://127.0.0.1:8080",
    mqtt || isWire ? '' : "--mqtt <url>, the platform's broker for locks, e.g. --mqtt mqtt://127.0.0.1:1883",
    bridge || !isWire ? '' : '--bridge <url>, where locks of this protocol connect, e.g. --bridge tcp://127.0.0.1:7018',
    key ? '' : '--key <key> or SEALWATCH_KEY, an API key: sealwatch key create --role tester prints one',
  ].filter((line) => line !== '');
  if (http && key && isWire && bridge) return { http, key, wire: { protocol, bridge } };
  if (http && key && !isWire && mqtt) return { http, key, mqtt };
  throw new Error(`these are missing:\n  ${missing.join('\n  ')}\n(see: sealwatch simulate --help)`);
}

function list(options: SimulateOptions, progress: Progress): void {
  const language = languageOf(options.lang ?? process.env.LANG);
  const scenarios = scenarioNames().map(loadScenario);
  if (!process.stdout.isTTY) {
    const items = [DEMO, ...scenarios].map(({ name, about, trips }) => ({ name, about, trips }));
    progress.info('scenarios', { items });
    return;
  }
  for (const { name, about } of [DEMO, ...scenarios]) process.stdout.write(`${name.padEnd(24)}${about[language]}\n`);
}

async function run(name: string, options: SimulateOptions, progress: Progress, stop: AbortSignal): Promise<void> {
  if (name === 'list') {
    list(options, progress);
    return;
  }
  const { locks, state, seed = randomInt(1, 10_000) } = options;
  const { http, key, mqtt = '', wire } = target(options);
  if (wire && (name === 'demo' || name === 'load')) {
    throw new Error(`${name} is played over MQTT alone; --protocol is for scenarios: sealwatch simulate list`);
  }
  const control = options.control ? { control: openControl() } : {};
  if (name === 'demo') {
    const fixed = options.seed === undefined ? {} : { seed };
    const tidy = options.tidy === true;
    await runDemo({ http, mqtt, key, locks: locks ?? DEMO_LOCKS, state, tidy, ...fixed, ...control }, progress, stop);
    return;
  }
  if (name === 'load') {
    const { rate, seconds, ramp } = options;
    const result = await runLoad({ http, mqtt, key, locks: locks ?? 1_000, rate, seconds, ramp, seed }, progress, stop);
    if (process.stdout.isTTY) process.stdout.write(`\n${loadTable(result)}\n`);
    else progress.info('load', { ...result });
    if (result.acknowledged < result.sent || result.missingInSample > 0) process.exitCode = 2;
    return;
  }
  const scenario = loadScenario(name);
  progress.info('scenario', { name, trips: locks ?? scenario.trips, seed });
  const files = Object.fromEntries(FILES.flatMap((file) => (options[file] ? [[file, options[file]]] : [])));
  const trips = locks ?? scenario.trips;
  const flags = {
    ...(options.at === undefined ? {} : { atMs: options.at }),
    fresh: options.fresh === true,
    tidy: options.tidy === true,
    language: languageOf(options.lang ?? process.env.LANG),
  };
  const result = await runScenario(
    { http, key, ...(wire ? { wire } : { mqtt }), scenario, trips, seed, ...files, ...flags, ...control },
    progress,
    stop,
  );
  if (stop.aborted) return;
  if (process.stdout.isTTY) process.stdout.write(`\n${scoreTable(result)}\n`);
  else progress.info('score', { score: result });
  if (result.failures.length > 0) process.exitCode = 2;
}

const program = new Command('sealwatch');
program
  .command('simulate')
  .description('A fleet of simulated locks against a running platform, by its public interfaces only.')
  .argument('[scenario]', 'what happens', 'demo')
  .option('--http <url>', "the platform's REST interface", address(['http:', 'https:']))
  .option('--mqtt <url>', "the platform's broker for locks", address(['mqtt:', 'mqtts:']))
  .addOption(
    new Option('--protocol <name>', 'what the locks of a scenario speak: jt808 is a JT709, jointech a JT701D')
      .choices(['mqtt', ...WIRE_PROTOCOLS])
      .default('mqtt'),
  )
  .option('--bridge <url>', 'where locks of another protocol than MQTT connect', address(['tcp:']))
  .option('--key <key>', 'an API key (default: SEALWATCH_KEY)')
  .option('--locks <number>', 'how many locks (demo, load) or trips (scenarios)', wholeNumber(1, 100_000))
  .option('--seed <number>', 'the same seed gives the same fleet', wholeNumber(0, 2 ** 31 - 1))
  .option('--json <file>', 'also writes the score there')
  .option('--html <file>', 'also writes the score there as a page with plots')
  .option('--at <time>', "the run's time instead of now: with the same seed, --record gives the same bytes", pastTime)
  .option('--tidy', 'cancels the trips that are still open after the score, so that they leave the wall')
  .option('--record <file>', 'writes everything that is played, one truck a line')
  .option('--replay <file>', 'plays a recording again, on a platform that does not know its locks')
  .option('--fresh', 'with --replay: under new names of locks and papers, on any platform')
  .option('--rate <number>', 'load: reports per second over all locks', wholeNumber(1, 1_000_000), 1_000)
  .option('--seconds <number>', 'load: for how long', wholeNumber(1, 86_400), 30)
  .option('--ramp <number>', 'load: new connections per second', wholeNumber(1, 100_000), 500)
  .option('--state <folder>', "demo: where the fleet's locks, secrets and trips are kept", './data/simulator')
  .option('--stop-with-parent', 'stops when the process that started it has ended')
  .addOption(new Option('--control', 'by a channel of the process that started it').hideHelp())
  .option('--lang <language>', 'zh or en (default: by LANG)')
  .addHelpText('after', EXAMPLES)
  .action(simulate);

await program.parseAsync();
