import { hostname } from 'node:os';
import { PersonRole, Role } from '@sealwatch/schemas';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type Config, ConfigError, FIRST_PERSON, readConfig } from './config.ts';
import { endFailed, endFenced, endInTime } from './end-in-time.ts';
import { createLog, type Logger } from './log.ts';
import type { NodeRole } from './node.ts';
import type { BridgeGiven } from './operate-bridge-apart.ts';
import type { RegisteredByHand } from './operate-locks.ts';

export interface RunOptions {
  /** Path of the simulator's program; undefined if it is not installed. `demo` and `/simulator` need it. */
  simulatorPath?: string | undefined;
}

// A command loads only what it uses: the platform's modules take a second to load, which `key create` need not wait for.
const operations = () => import('./operate.ts');
const access = () => import('./operate-access.ts');
const locks = () => import('./operate-locks.ts');
const bridge = () => import('./operate-bridge.ts');

const ENVIRONMENT = `
Environment: SEALWATCH_HOST (127.0.0.1), SEALWATCH_HTTP_PORT (8080), SEALWATCH_MQTT_PORT (1883), SEALWATCH_MQTTS_PORT (8883)
with SEALWATCH_TLS_CERT and SEALWATCH_TLS_KEY, SEALWATCH_TLS_CLIENT_CA and SEALWATCH_TLS_CLIENT_CRL (CAs of locks'
certificates, and what these have revoked; PEM files, divided by commas), SEALWATCH_MQTTS_CLIENTS (optional where there are
CAs; required, none) and SEALWATCH_MQTT_WS_CLIENTS (none), SEALWATCH_MQTT_WS_PORT (none; MQTT over WebSocket), SEALWATCH_BRIDGE_PORT (none; locks that speak JT/T 808
or Jointech's protocol), SEALWATCH_DATA_DIR
(./data), DATABASE_URL (else an embedded PostgreSQL in the data folder), SEALWATCH_BOOTSTRAP_KEY (an admin key of 32 characters or more), SEALWATCH_WEBHOOK_KEY
(webhooks.key of the data folder; 32 bytes in base64, the same for every platform of a database), SEALWATCH_WEBHOOK_NETWORKS (private
networks that webhooks may reach), SEALWATCH_TRUST_PROXY (none; how many proxies stand before it, or their networks),
SEALWATCH_SECOND_FACTOR (optional; required: supervisors and admins sign in with an authenticator),
SEALWATCH_OIDC_ISSUER, _CLIENT_ID, _CLIENT_SECRET, _GROUPS and SEALWATCH_PUBLIC_URL (none; sign-in by an OpenID provider), with
SEALWATCH_OIDC_NAME, _SCOPE (openid profile), _GROUPS_CLAIM (groups) and _SECOND_FACTOR (none; amr or acr words, e.g. mfa),
SEALWATCH_REMIND_AFTER_S (120) and SEALWATCH_ESCALATE_AFTER_S (300) for critical alarms
that nobody acknowledges, SEALWATCH_SIMULATOR (1: testers may start simulated fleets at /simulator; not in production),
SEALWATCH_RETENTION_DAYS (reports are kept for ever), SEALWATCH_LOG_LEVEL (info). Port 0 chooses one.
AMQP_URL (none): the RabbitMQ of a cluster, e.g. amqp://user:password@10.0.0.1:5672/sealwatch, several nodes divided by commas;
needs DATABASE_URL and SEALWATCH_WEBHOOK_KEY. serve is then a member with all roles; gateway, worker and api have one each.
SIGHUP reads the files of TLS again; without it they are read within 5 s of a change.
`;

/**
 * Runs the platform until SIGINT or SIGTERM; commits the reports it has received and exits with 0. While another platform is
 * active on the same database it stands by; exits with 75 once another one has taken over.
 */
async function serve(config: Config, simulatorPath: string | undefined): Promise<void> {
  if (config.amqp !== undefined) {
    await serveNode(config, ['gateway', 'worker', 'api']);
    return;
  }
  const { startApp } = await import('./app.ts');
  await untilSignal(config, (common) => startApp(config, { ...common, simulatorPath }));
}

/** Runs a member of a cluster; the same until its end. */
async function serveNode(config: Config, roles: readonly NodeRole[]): Promise<void> {
  const { amqp } = config;
  if (amqp === undefined)
    throw new ConfigError(
      `AMQP_URL: ${roles.join(', ')} alone is a member of a cluster, which needs RabbitMQ, e.g. amqp://user:password@10.0.0.1:5672/sealwatch; without it: sealwatch serve`,
    );
  const [{ startNode }, { AmqpBus }] = await Promise.all([import('./node.ts'), import('./bus/amqp-bus.ts')]);
  await untilSignal(config, (common) => {
    const connectBus = async (memberId: number) =>
      new AmqpBus({ settings: amqp, memberId, name: `${hostname()} ${process.pid}`, log: common.log });
    return startNode(config, roles, { ...common, connectBus });
  });
}

interface Common {
  log: Logger;
  onProgress: (line: string) => void;
  signal: AbortSignal;
  onFenced: (why: string) => void;
}

/** What `serve` and the members of a cluster have in common. */
interface Runs {
  reloadTls?(): Promise<boolean>;
  isNew(): Promise<boolean>;
  signInLink(name: string, role: 'admin'): Promise<string>;
  stop(): Promise<void>;
}

async function untilSignal(config: Config, start: (common: Common) => Promise<Runs>): Promise<void> {
  const log = createLog(config.logLevel);
  const stopping = new AbortController();
  const signal = new Promise<string>((resolve) => {
    for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => resolve(name));
  });
  void signal.then((name) => {
    endInTime(log);
    stopping.abort(name);
  });
  const running = await start({
    log,
    onProgress: (line) => log.info(line),
    signal: stopping.signal,
    onFenced: (why) => endFenced(log, why),
  }).catch((error) => {
    // What it rejects with is the name of the signal: it has stood by until then.
    if (stopping.signal.aborted && error === stopping.signal.reason) return undefined;
    throw error;
  });
  if (running !== undefined) {
    process.on('SIGHUP', () => void running.reloadTls?.());
    if (await running.isNew())
      log.info(
        { signIn: await running.signInLink(FIRST_PERSON, 'admin') },
        'no account exists yet; sign in once with this link',
      );
    log.info({ signal: await signal }, 'stopping');
    await running.stop();
  }
  log.info('stopped');
}

function program(options: RunOptions): Command {
  const command = new Command('sealwatch')
    .description('Real-time platform for smart container locks')
    .addHelpText('after', ENVIRONMENT)
    .showHelpAfterError('(see: sealwatch --help)')
    .exitOverride();

  addRuns(command, options);
  addAccess(command);
  addLocks(command);
  addData(command);
  return command;
}

const wholeNumber = (min: number, max: number) => (given: string) => {
  const value = Number(given);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}`);
};

/** Commands that run the platform or a fleet. */
function addRuns(command: Command, options: RunOptions): void {
  command
    .command('serve')
    .description('run the platform')
    .action(() => serve(readConfig(process.env), options.simulatorPath));
  const member = (role: NodeRole, does: string) =>
    command
      .command(role)
      .description(`run a member of a cluster that ${does} (AMQP_URL; docs/cluster.md)`)
      .action(() => serveNode(readConfig(process.env), [role]));
  member('gateway', 'locks connect to');
  member('worker', 'judges and stores their reports, of its part of the fleet');
  member('api', 'serves REST, gates, screens and webhooks');
  command
    .command('demo')
    .description('run the platform with a fleet of forty trucks between Yiwu and Beilun')
    .action(async () => {
      if (!options.simulatorPath) throw new Error('the demo needs the simulator, which is not installed');
      const { runDemo } = await import('./demo.ts');
      process.exitCode = await runDemo(readConfig(process.env), options.simulatorPath);
    });
  const apart = command
    .command('bridge')
    .description('speak for locks with protocols of their own (JT/T 808, Jointech), apart from the platform')
    .option('--mqtt <url>', 'MQTT of the platform, e.g. mqtts://seal.example.org:8883')
    .option('--api <url>', 'the platform itself, e.g. https://seal.example.org; over TLS or on this machine')
    .option('--key-file <file>', 'an API key: sealwatch key create --role bridge')
    .option('--port <port>', 'where the locks connect', wholeNumber(0, 65_535), 7_018)
    .option('--host <address>', 'the address of this machine that they connect to', '0.0.0.0')
    .option('--http-port <port>', '/healthz, /readyz and /metrics; default: none', wholeNumber(0, 65_535))
    .option('--name <name>', 'by which the platform shows it; default: the name of this machine')
    .option('--ledger <file>', 'what has to survive a kill', './data/bridge.ledger')
    .action(async (given: BridgeGiven) => (await import('./operate-bridge-apart.ts')).runBridge(given))
    .addHelpText('after', '\nSIGTERM: what was read is stored and acknowledged first. See docs/connecting-locks.md.');
  apart
    .command('decode')
    .argument('<hex|file>', 'frames in hexadecimal digits, a line in brackets, or a file of such lines or of raw bytes')
    .description('print what frames hold and the reports that come of them; exit code 1 if one is not as it should be')
    .option('--profile <name>', 'a profile of bridge/profiles, or the path of a file; default: by the first byte')
    .option('--json', 'print the result as JSON')
    .action(async (given: string, options: { profile?: string; json?: boolean }) =>
      (await bridge()).decodeFrames(given, options),
    );

  command
    .command('simulate')
    .description('run a lock fleet against any Sealwatch (see: sealwatch simulate --help)')
    .argument('[scenario]')
    .allowUnknownOption();
}

/** Commands for keys, people and offices. */
function addAccess(command: Command): void {
  const role = (choices: readonly string[]) =>
    new Option('--role <role>', 'what it may do').choices(choices).makeOptionMandatory();
  const key = command.command('key').description('API keys');
  key
    .command('create')
    .description('make an API key; it is printed once')
    .addOption(role(Role.options))
    .option('--name <name>', 'what it is for', '')
    .option('--office <code...>', 'offices that the key is restricted to')
    .option('--expires-in-days <days>', 'days after which it ends by itself; default: never', wholeNumber(1, 3_650))
    .action(async (given: { role: Role; name: string; office?: string[]; expiresInDays?: number }) =>
      (await access()).createKey(readConfig(process.env), given),
    );
  key
    .command('list')
    .description('list the API keys: id, name in the audit, role, state, last use')
    .action(async () => (await access()).listAllKeys(readConfig(process.env)));
  key
    .command('rotate')
    .argument('<key-id>')
    .description('make a key that takes the place of another one; it is printed once, and the old one ends by itself')
    .option('--overlap-hours <hours>', 'hours for which the old key is still taken', wholeNumber(0, 744), 24)
    .action(async (keyId: string, given: { overlapHours: number }) =>
      (await access()).rotateOneKey(readConfig(process.env), keyId, given.overlapHours),
    );
  const user = command.command('user').description('people');
  user
    .command('reset-second-factor')
    .argument('<name>')
    .description('take away the second factor of somebody who has lost it, where no administrator can')
    .action(async (name: string) => (await access()).resetFactorOf(readConfig(process.env), name));
  user
    .command('add')
    .argument('<name>')
    .description('add a person; the password is read from standard input, or a one-time sign-in link is printed')
    .addOption(role(PersonRole.options))
    .option('--office <code...>', 'offices that the person is restricted to')
    .action(async (name: string, given: { role: Role; office?: string[] }) =>
      (await access()).createPerson(readConfig(process.env), { name, ...given }),
    );
  command
    .command('office')
    .description('customs offices')
    .command('import')
    .argument('<file>', 'CSV in UTF-8 with the columns code, name_zh and name_en')
    .description('replace the table of offices by a CSV file; from then on trips may name only offices of the table')
    .action(async (file: string) => (await operations()).importOffices(readConfig(process.env), file));
}

/** Commands for the access of locks. */
function addLocks(command: Command): void {
  const lock = command.command('lock').description('locks, and what they sign in with');
  lock
    .command('register')
    .argument('<lockId>')
    .description('register a lock; its secret is printed once, where it signs in itself')
    .option('--model <text>', 'what it is', '')
    .option(
      '--profile <name>',
      'how it speaks, where the bridge signs in for it, e.g. jointech-701d (docs/connecting-locks.md)',
    )
    .option('--wire-id <id>', 'the id that it bears on the wire; default: its lock id')
    .option('--network <cidr...>', 'networks that it may connect to the bridge from; default: any')
    .action(async (lockId: string, given: RegisteredByHand) =>
      (await locks()).registerLock(readConfig(process.env), lockId, given),
    );
  lock
    .command('secret')
    .argument('<lockId>')
    .description(
      'give a lock another secret, which is printed once; its connection is closed and the old one ends at once',
    )
    .action(async (lockId: string) => (await locks()).renewSecret(readConfig(process.env), lockId));
  lock
    .command('revoke')
    .argument('<lockId>')
    .description('revoke a certificate of a lock; a connection that brought it is closed at once')
    .option('--serial <hex>', 'its serial number')
    .option('--sha256 <hex>', 'the SHA-256 of it, or of its public key')
    .option('--reason <text>', 'why', '')
    .action(async (lockId: string, given: { serial?: string; sha256?: string; reason: string }) =>
      (await locks()).revokeOf(readConfig(process.env), lockId, given),
    );
}

/** Commands for what is stored. */
function addData(command: Command): void {
  command
    .command('migrate')
    .description('apply the pending schema migrations')
    .action(async () => (await operations()).migrateNow(readConfig(process.env)));
  command
    .command('doctor')
    .description('check database, wall and runtime, and print what to do about each problem')
    .action(async () => (await operations()).checkUp(readConfig(process.env)));
  command
    .command('audit')
    .description('the audit log')
    .command('verify')
    .description('verify the hash chain of the audit; exit code 1 if an entry was changed, removed or inserted')
    .option('--json', 'print the result as JSON')
    .option(
      '--anchor <file>',
      'anchors kept elsewhere, or log lines with them; default: audit.anchors of the data folder',
    )
    .action(async (given: { json?: boolean; anchor?: string }) =>
      (await operations()).verifyAudit(readConfig(process.env), given),
    );
  command
    .command('backup')
    .argument('<file>')
    .description('write all data to a file; back up webhooks.key of the data folder as well')
    .action(async (file: string) => (await operations()).backUpTo(readConfig(process.env), file));
  command
    .command('restore')
    .argument('<file>')
    .description('read all data from a backup')
    .option('--force', 'also if the database holds data, which is then replaced')
    .action(async (file: string, given: { force?: boolean }) =>
      (await operations()).restoreFrom(readConfig(process.env), file, given.force === true),
    );
}

/**
 * Runs one command of the command line.
 * @param args arguments without the paths of node and of this program
 */
export async function run(args: string[], options: RunOptions = {}): Promise<void> {
  try {
    await program(options).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode;
      return;
    }
    explain(error);
    endFailed();
  }
}

/** Prints an error. One with a hint or a ConfigError is for the user to correct; any other is a defect and prints its stack. */
function explain(error: unknown): void {
  const { message, hint, name, stack } = error as Error & { hint?: string };
  const mendable = hint !== undefined || name === 'ConfigError';
  if (process.stdout.isTTY !== true) {
    process.stdout.write(`${JSON.stringify({ level: 'fatal', msg: message, ...(hint ? { hint } : {}) })}\n`);
  }
  process.stderr.write(`sealwatch: ${mendable ? message : (stack ?? String(error))}\n${hint ? `${hint}\n` : ''}`);
}
