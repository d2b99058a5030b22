import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { type App, startApp } from './app.ts';
import type { Config } from './config.ts';
import { endFenced, endInTime } from './end-in-time.ts';
import { createLog } from './log.ts';
import { spawnSimulator, stopSimulator } from './simulations.ts';
import { spoken } from './words.ts';

const FLEET_STOP_MS = 5_000;
/** Networks that the demo's webhooks may reach besides public addresses: people try it with a receiver on their own machine. */
const OWN_MACHINE = ['127.0.0.0/8', '::1/128'];

/**
 * Runs the platform and, as a child process, the simulator's demo fleet. The fleet gets the public addresses and an
 * admin key of this run. Ends on SIGINT, SIGTERM, or when the fleet's process exits.
 * @returns the exit code: 0 after a signal, 1 if the fleet ended by itself
 */
export async function runDemo(config: Config, simulatorPath: string): Promise<number> {
  const terminal = process.stdout.isTTY === true;
  const say = (line: string) => terminal && process.stdout.write(`${line}\n`);
  const words = spoken(process.env);
  const log = createLog(terminal && config.logLevel === 'info' ? 'warn' : config.logLevel);
  const key = config.bootstrapKey ?? randomBytes(24).toString('hex');

  const stopped = new Promise<'signal'>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve('signal'));
  });
  void stopped.then(() => endInTime(log));
  const app = await startApp(
    { ...config, bootstrapKey: key, simulator: true, webhookNetworks: [...config.webhookNetworks, ...OWN_MACHINE] },
    { log, onProgress: say, simulatorPath, onFenced: (why) => endFenced(log, why) },
  );
  const link = await app.signInLink('demo', 'admin');
  say(`\n  ${words.wall}: ${app.http}/wall\n  ${words.signIn}: ${link}\n`);
  if (!terminal) log.info({ http: app.http, mqtt: app.mqtt, signIn: link }, 'sign-in');

  const fleet = spawnFleet(simulatorPath, app, key, config.dataDir);
  app.simulations?.adopt(fleet, 'demo', 'demo');
  const ended = new Promise<number>((resolve) => {
    fleet.once('exit', (code) => resolve(code ?? 1));
    fleet.once('error', () => fleet.pid === undefined && resolve(1));
  });
  const reason = await Promise.race([stopped, ended]);
  if (reason === 'signal') say(`\n${words.stopping}`);
  else log.error({ code: reason }, 'the demo fleet ended by itself');
  await stopSimulator(fleet, FLEET_STOP_MS);
  await app.stop();
  if (reason === 'signal') say(words.stopped);
  return reason === 'signal' ? 0 : 1;
}

function spawnFleet(simulatorPath: string, app: App, key: string, dataDir: string): ChildProcess {
  const args = ['demo', '--http', app.http, '--mqtt', app.mqtt, '--state', join(dataDir, 'demo')];
  return spawnSimulator(simulatorPath, args, key, 'inherit');
}
