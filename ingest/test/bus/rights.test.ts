import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { Connection } from 'rabbitmq-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Rabbitmq, startRabbitmq } from '../../../scripts/rabbitmq.mjs';
import { AmqpBus } from '../../src/bus/amqp-bus.ts';
import { readAmqpUrls } from '../../src/bus/amqp-url.ts';
import { selfSigned } from '../broker/self-signed.ts';
import { WITHOUT_RABBITMQ } from './rabbitmq.ts';

const SCRIPT = join(import.meta.dirname, '../../../deploy/rabbitmq/definitions.sh');
const PASSWORDS = { GATEWAY_BUS_PASSWORD: 'g-1', WORKER_BUS_PASSWORD: 'w-2', API_BUS_PASSWORD: 'a-3' };
const USERS = { gateway: 'g-1', worker: 'w-2', api: 'a-3' } as const;
type User = keyof typeof USERS;

const written = (env: Record<string, string>) =>
  execFileSync('sh', [SCRIPT], { env: { PATH: process.env.PATH ?? '', ...env }, encoding: 'utf8', stdio: 'pipe' });

describe('deploy/rabbitmq/definitions.sh', () => {
  it('has no default password, and refuses one that would break the file, without repeating it', () => {
    for (const name of Object.keys(PASSWORDS)) {
      expect(() => written({ ...PASSWORDS, [name]: '' })).toThrow(`set ${name}`);
      const bad = (() => {
        try {
          return written({ ...PASSWORDS, [name]: 'secret"x' });
        } catch (error) {
          return String((error as { stderr: string }).stderr);
        }
      })();
      expect(bad).toContain(`${name}: expected letters, digits, - and _ alone`);
      expect(bad).not.toContain('secret');
    }
  });
});

describe.skipIf(WITHOUT_RABBITMQ !== undefined)('a RabbitMQ over TLS with a user for each role', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-definitions-'));
  const log = pino({ level: process.env.SEALWATCH_TEST_LOG ?? 'silent' });
  let server: Rabbitmq;
  let members = 0;
  const urlOf = (user: string, password: string) =>
    `amqps://${user}:${password}@127.0.0.1:${server.nodes[0]!.port}/sealwatch`;
  const { cert, key } = selfSigned();
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };

  beforeAll(async () => {
    const definitions = file('definitions.json', written(PASSWORDS));
    server = await startRabbitmq({ definitions, tls: { cert: file('cert.pem', cert), key: file('key.pem', key) } });
    file('other.pem', selfSigned().cert);
  });
  afterAll(async () => {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const busOf = (user: User, search = `?cacertfile=${join(folder, 'cert.pem')}`) => {
    const settings = readAmqpUrls(`${urlOf(user, USERS[user])}${search}`);
    if (typeof settings === 'string') throw new Error(settings);
    return new AmqpBus({ settings, memberId: ++members, name: user, log });
  };

  it('lets each role do what it is for', async () => {
    const [gateway, worker, api] = [busOf('gateway'), busOf('worker'), busOf('api')];
    const heard: string[] = [];
    const note = (by: string) => (from: number, body: Buffer) => heard.push(`${by} < ${from}: ${body}`);
    try {
      await worker.onMessage('reports', note('worker'));
      for (const [name, bus] of Object.entries({ gateway, api })) await bus.onMessage('answers', note(name));
      await api.onTopic('live', note('api'));
      for (const [name, bus] of Object.entries({ gateway, worker, api })) await bus.onTopic('hints', note(name));
      expect(await gateway.send('reports', worker.memberId, Buffer.from('report'))).toBe('sent');
      expect(await api.send('reports', worker.memberId, Buffer.from('replayed'))).toBe('sent');
      expect(await worker.send('answers', gateway.memberId, Buffer.from('stored'))).toBe('sent');
      worker.publish('live', Buffer.from('committed'));
      for (const bus of [gateway, worker, api]) bus.publish('hints', Buffer.from('hint'));
      const [g, w, a] = [gateway.memberId, worker.memberId, api.memberId];
      const expected = [
        `api < ${g}: hint`,
        `api < ${w}: committed`,
        `api < ${w}: hint`,
        `gateway < ${a}: hint`,
        `gateway < ${w}: hint`,
        `gateway < ${w}: stored`,
        `worker < ${a}: hint`,
        `worker < ${a}: replayed`,
        `worker < ${g}: hint`,
        `worker < ${g}: report`,
      ];
      await expect.poll(() => heard.toSorted()).toEqual(expected.toSorted());
    } finally {
      await Promise.all([gateway.close(), worker.close(), api.close()]);
    }
  });

  /** What RabbitMQ answers to somebody who has stolen the password of a role. */
  async function refusalOf(user: User, act: (channel: Awaited<ReturnType<Connection['acquire']>>) => Promise<unknown>) {
    const connection = new Connection({ url: urlOf(user, USERS[user]), tls: { ca: cert } });
    connection.on('error', () => undefined);
    const channel = await connection.acquire();
    try {
      await channel.confirmSelect();
      return await act(channel).then(
        () => 'allowed',
        (error) => (error as { code?: string }).code,
      );
    } finally {
      await channel.close();
      await connection.close();
    }
  }
  const publishes = (user: User, exchange: string) =>
    refusalOf(user, (channel) => channel.basicPublish({ exchange: `sealwatch.${exchange}`, routingKey: '1' }, 'x'));
  const listens = (user: User, exchange: string) =>
    refusalOf(user, async (channel) => {
      const own = { gateway: 'answers', worker: 'reports', api: 'answers' }[user];
      const { queue } = await channel.queueDeclare({ queue: `sealwatch.${own}.9.9`, exclusive: true });
      await channel.queueBind({ queue, exchange: `sealwatch.${exchange}`, routingKey: '1' });
    });

  it.each([
    ['gateway', 'publish', ['reports', 'hints']],
    ['worker', 'publish', ['answers', 'live', 'hints']],
    ['api', 'publish', ['reports', 'hints']],
    ['gateway', 'listen to', ['answers', 'hints']],
    ['worker', 'listen to', ['reports', 'hints']],
    ['api', 'listen to', ['answers', 'live', 'hints']],
  ] as const)('lets a %s %s %s alone', async (user, what, allowed) => {
    for (const exchange of ['reports', 'answers', 'live', 'hints']) {
      const answer = await (what === 'publish' ? publishes : listens)(user, exchange);
      expect([exchange, answer]).toEqual([
        exchange,
        (allowed as readonly string[]).includes(exchange) ? 'allowed' : 'ACCESS_REFUSED',
      ]);
    }
  });

  it.each(['gateway', 'worker', 'api'] as const)('lets a %s neither remove nor make an exchange', async (user) => {
    const exchange = 'sealwatch.live';
    expect(await refusalOf(user, (channel) => channel.exchangeDelete({ exchange }))).toBe('ACCESS_REFUSED');
    const made = { exchange: 'sealwatch.mine', type: 'fanout' };
    expect(await refusalOf(user, (channel) => channel.exchangeDeclare(made))).toBe('ACCESS_REFUSED');
  });

  it('knows no guest', async () => {
    const url = urlOf('guest', 'guest').replace('/sealwatch', '');
    const connection = new Connection({ url, tls: { ca: cert }, retryLow: 60_000 });
    const refused = await new Promise<{ code?: string }>((resolve) => connection.on('error', resolve));
    await connection.close();
    expect(refused.code).toBe('ACCESS_REFUSED');
  });

  it.each([
    ['of a CA that did not sign its certificate', () => `?cacertfile=${join(folder, 'other.pem')}`],
    ['of the public CAs alone', () => ''],
  ])('is not trusted by who trusts the certificates %s, and the bus says so', async (_what, search) => {
    const bus = busOf('api', search());
    try {
      await expect.poll(() => bus.ready().join()).toMatch(/^bus: .*self-signed certificate/);
      expect(await bus.send('reports', 1, Buffer.from('x'))).toBe('unknown');
    } finally {
      await bus.close();
    }
  });
});
