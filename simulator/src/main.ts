#!/usr/bin/env node
import { Command, InvalidArgumentError } from 'commander';
import { runDemo } from './demo/fleet.ts';
import type { Progress } from './progress.ts';
import { languageOf, progressTo } from './progress.ts';

interface SimulateOptions {
  http: string;
  mqtt: string;
  key: string;
  locks: number;
  seed?: number;
  state: string;
  lang?: string;
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

const EXAMPLES = `
Examples:
  simulate demo --http http://127.0.0.1:8080 --mqtt mqtt://127.0.0.1:1883 --key "$KEY"
      forty trucks between Yiwu and Beilun, at real speed, until Ctrl-C; a second start continues

The key needs the role tester or admin. It may also stand in SEALWATCH_KEY.`;

async function simulate(scenario: string, options: SimulateOptions): Promise<void> {
  const readable = process.stdout.isTTY === true;
  const language = languageOf(options.lang ?? process.env.LANG);
  const progress = progressTo((line) => process.stdout.write(line), readable, language);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  try {
    await run(scenario, options, progress, stop.signal);
    progress.info('stopped');
  } catch (error) {
    if (stop.signal.aborted) {
      progress.info('stopped');
      return;
    }
    progress.error(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}

async function run(scenario: string, options: SimulateOptions, progress: Progress, stop: AbortSignal): Promise<void> {
  if (scenario !== 'demo') throw new Error(`no scenario named ${scenario}; there is: demo`);
  const { http, mqtt, key, locks, seed, state } = options;
  await runDemo({ http, mqtt, key, locks, state, ...(seed === undefined ? {} : { seed }) }, progress, stop);
}

const program = new Command('sealwatch');
program
  .command('simulate')
  .description('A fleet of simulated locks against a running platform, by its public interfaces only.')
  .argument('[scenario]', 'what happens', 'demo')
  .requiredOption('--http <url>', "the platform's REST interface", address(['http:', 'https:']))
  .requiredOption('--mqtt <url>', "the platform's broker for locks", address(['mqtt:', 'mqtts:']))
  .requiredOption('--key <key>', 'an API key', process.env.SEALWATCH_KEY)
  .option('--locks <number>', 'how many locks', wholeNumber(1, 999), 40)
  .option('--seed <number>', 'the same seed gives the same fleet', wholeNumber(0, 2 ** 31 - 1))
  .option('--state <folder>', "where the fleet's locks, secrets and trips are kept", './data/simulator')
  .option('--lang <language>', 'zh or en (default: by LANG)')
  .addHelpText('after', EXAMPLES)
  .action(simulate);

await program.parseAsync();
