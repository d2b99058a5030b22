import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import mqtt, { type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createPool } from '../ingest/src/postgres/database.ts';
import { Authority, type Issued } from '../ingest/test/broker/authority.ts';
import { selfSigned } from '../ingest/test/broker/self-signed.ts';
import { testLog } from '../ingest/test/database.ts';
import { keptLog } from '../ingest/test/kept-log.ts';
import { type Link, openLink } from '../simulator/src/link.ts';
import { accepted, credential, type Keyring, offered, refused } from '../simulator/src/lock/keyring.ts';
import { addPeople, type Platform, signIn as signInPerson, startPlatform } from './platform.ts';
import { sealwatch } from './process.ts';

let platform: Platform;
let folder: string;
let root: Authority;
let db: ReturnType<typeof createPool>;
const server = selfSigned();
const kept = keptLog();
const links: Link[] = [];
const clients: MqttClient[] = [];
let session = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealwatch-access-'));
  root = await Authority.make('Locks Root');
  const files = { cert: server.cert, key: server.key, ca: root.pem };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, `${name}.pem`), text);
  const tls = {
    SEALWATCH_TLS_CERT: join(folder, 'cert.pem'),
    SEALWATCH_TLS_KEY: join(folder, 'key.pem'),
    SEALWATCH_TLS_CLIENT_CA: join(folder, 'ca.pem'),
    SEALWATCH_MQTTS_PORT: '0',
  };
  platform = await startPlatform(tls, kept.log);
  db = createPool({ connectionString: platform.databaseUrl }, testLog, { max: 2 });
  const password = 'correct horse battery';
  await addPeople(platform.app.http, [{ name: 'Li Wei', role: 'supervisor', password }]);
  session = await signInPerson(platform.app.http, 'Li Wei', password);
}, 60_000);
afterAll(async () => {
  await Promise.all(links.map((link) => link.close()));
  for (const client of clients) client.end(true);
  await db?.end();
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

let serial = 0;
async function register(more: object = {}): Promise<{ lockId: string; secret: string }> {
  const lockId = `JT7080${String(++serial).padStart(4, '0')}`;
  const { status, body } = await platform.call<{ secret: string }>('POST', '/locks', {
    lockId,
    model: 'test',
    ...more,
  });
  expect(status).toBe(201);
  return { lockId, secret: body.secret };
}

/** A call of the signed-in supervisor. */
async function asPerson<T = Record<string, unknown>>(method: string, path: string, body?: object) {
  const response = await fetch(`${platform.app.http}/api/v1${path}`, {
    method,
    headers: { cookie: session, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: (await response.json()) as T };
}

/** @returns the connection, or the code of its refusal */
async function signIn(lockId: string, by: { secret?: string; issued?: Issued }): Promise<MqttClient | number> {
  const { secret, issued } = by;
  const address = issued ? String(platform.app.mqtts) : platform.app.mqtt;
  const client = mqtt.connect(address, {
    ...{ clientId: lockId, username: lockId, protocolVersion: 4, reconnectPeriod: 0 },
    ...(secret === undefined ? {} : { password: secret }),
    ...(issued === undefined ? {} : { ca: server.cert, cert: issued.cert, key: issued.key }),
  });
  clients.push(client);
  return new Promise((resolve) => {
    client.once('connect', () => resolve(client));
    client.on('error', (error) => resolve('code' in error && typeof error.code === 'number' ? error.code : -1));
  });
}

const opens = async (lockId: string, by: { secret?: string; issued?: Issued }) => {
  const outcome = await signIn(lockId, by);
  if (typeof outcome !== 'number') await outcome.endAsync();
  return typeof outcome !== 'number';
};

const closed = (client: MqttClient | number) => typeof client !== 'number' && !client.connected;

async function commandsOf(lockId: string) {
  const { body } = await platform.call<{ items: { type: string; state: string }[] }>(
    'GET',
    `/locks/${lockId}/commands`,
  );
  return body.items.map(({ type, state }) => `${type} ${state}`);
}

/** A lock of the simulator, on its link; it keeps its secrets as a file would. */
function simulated(lockId: string, secret: string) {
  const lock = {
    keys: { secret } as Keyring,
    heard: [] as string[],
    link: undefined as Link | undefined,
    connections: 0,
  };
  const link = openLink(
    platform.app.mqtt,
    lockId,
    lock.keys,
    {
      connected: () => void lock.connections++,
      disconnected: () => undefined,
      keys: (keys) => {
        lock.keys = keys;
      },
      command: (command) => {
        lock.heard.push(command.secret ?? command.type);
        link.offer(command.secret ?? '');
        const reply = { v: 1, commandId: command.commandId, result: 'done', time: new Date().toISOString() };
        link.publish('reply', JSON.stringify(reply));
        link.signInAgain();
      },
      refused: () => lock.heard.push('refused'),
    },
    () => 0,
  );
  lock.link = link;
  links.push(link);
  return lock;
}

describe('a new secret by command', () => {
  test('reaches the lock, is confirmed by its CONNECT alone, and is the only one from then on', async () => {
    const { lockId, secret } = await register();
    const lock = simulated(lockId, secret);
    await vi.waitFor(() => expect(lock.connections).toBe(1));
    const beside = platform.call('POST', `/locks/${lockId}/secret/rotate`, {});
    expect((await beside).status).toBe(201);
    await vi.waitFor(() => expect(lock.connections).toBe(2), { timeout: 20_000 });
    expect(lock.keys).toEqual({ secret: lock.heard[0] });
    expect(lock.keys.secret).not.toBe(secret);
    expect(await commandsOf(lockId)).toEqual(['secret done']);
    await lock.link?.close();
    expect(await opens(lockId, { secret })).toBe(false);
    expect(await opens(lockId, { secret: lock.keys.secret })).toBe(true);
  });

  test('is not done by the reply of the lock; the old one opens until a CONNECT with the new one', async () => {
    const { lockId, secret } = await register();
    const client = await platform.connectLock(lockId, secret);
    const commands: { commandId: string; type: string; secret: string }[] = [];
    client.on('message', (_topic, payload) => commands.push(JSON.parse(payload.toString())));
    await client.subscribeAsync(`locks/${lockId}/command`, { qos: 1 });
    await platform.call('POST', `/locks/${lockId}/secret/rotate`, {});
    await vi.waitFor(() => expect(commands).toHaveLength(1));
    const { commandId, secret: given } = commands[0]!;
    const reply = { v: 1, commandId, result: 'done', time: new Date().toISOString() };
    await client.publishAsync(`locks/${lockId}/reply`, JSON.stringify(reply), { qos: 1 });
    expect(await commandsOf(lockId)).toEqual(['secret sent']);
    expect((await platform.call('POST', `/locks/${lockId}/secret/rotate`, {})).status).toBe(409);
    // Read in one go: the second of these takes the connection over from the first.
    const old = await signIn(lockId, { secret });
    expect(typeof old).toBe('object');
    const renewed = await signIn(lockId, { secret: given });
    expect(typeof renewed).toBe('object');
    expect(await commandsOf(lockId)).toEqual(['secret done']);
    await vi.waitFor(() => expect(closed(old)).toBe(true));
    expect(await opens(lockId, { secret })).toBe(false);
  });

  test('ends the old one after the overlap as well, once the lock has said that it keeps the new one, and not before', async () => {
    const { lockId, secret } = await register();
    const client = await platform.connectLock(lockId, secret);
    let command = { commandId: '', secret: '' };
    client.on('message', (_topic, payload) => {
      command = JSON.parse(payload.toString());
    });
    await client.subscribeAsync(`locks/${lockId}/command`, { qos: 1 });
    await platform.call('POST', `/locks/${lockId}/secret/rotate`, { overlapS: 60 });
    await vi.waitFor(() => expect(command.secret).not.toBe(''));
    const back = `UPDATE locks SET secret_until = secret_until - interval '2 minutes' WHERE lock_id = $1 RETURNING secret_until`;
    expect((await db.query(back, [lockId])).rows).toEqual([{ secret_until: null }]);
    expect(await opens(lockId, { secret })).toBe(true);
    const again = await platform.connectLock(lockId, secret);
    const reply = { v: 1, commandId: command.commandId, result: 'done', time: new Date().toISOString() };
    await again.publishAsync(`locks/${lockId}/reply`, JSON.stringify(reply), { qos: 1 });
    expect(await opens(lockId, { secret })).toBe(true);
    await db.query(back, [lockId]);
    await vi.waitFor(async () => expect(await opens(lockId, { secret })).toBe(false));
    expect(await opens(lockId, { secret: command.secret })).toBe(true);
  });

  test('is in no answer, no row, no event and no log line, sealed or not', async () => {
    const { lockId, secret } = await register();
    const lock = simulated(lockId, secret);
    await vi.waitFor(() => expect(lock.connections).toBe(1));
    await platform.call('POST', `/locks/${lockId}/secret/rotate`, {});
    await vi.waitFor(() => expect(lock.connections).toBe(2), { timeout: 20_000 });
    const given = lock.heard[0]!;
    const tables = await db.query<{ name: string }>(
      `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'`,
    );
    let rows = '';
    for (const { name } of tables.rows)
      rows += (await db.query(`SELECT t::text AS row FROM "${name}" t`)).rows.map(String).join();
    for (const { name } of tables.rows) {
      const { rows: held } = await db.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`);
      rows += held.map(({ row }) => row).join('\n');
    }
    const answers = [];
    for (const path of [`/locks/${lockId}`, `/locks/${lockId}/commands`, `/audit?subject=lock:${lockId}`, '/locks']) {
      answers.push(JSON.stringify((await platform.call('GET', path)).body));
    }
    expect(rows).toContain(lockId);
    expect(answers.join()).toContain('secret-confirmed');
    for (const text of [rows, kept.text(), answers.join('')]) {
      for (const one of [given, secret]) {
        expect(text.includes(one)).toBe(false);
        expect(text.includes(Buffer.from(one).toString('hex'))).toBe(false);
      }
    }
    const { rows: waiting } = await db.query('SELECT next_secret_sealed FROM locks WHERE lock_id = $1', [lockId]);
    expect(waiting).toEqual([{ next_secret_sealed: null }]);
  });

  test('is refused for a lock without a secret, and for a command of another kind', async () => {
    const { lockId } = await register({ signIn: 'certificate' });
    const answer = await platform.call('POST', `/locks/${lockId}/secret/rotate`, {});
    expect([answer.status, answer.body.code]).toEqual([409, 'lock.no-secret']);
    const order = await platform.call('POST', `/locks/${lockId}/commands`, { type: 'secret', secret: 'x'.repeat(32) });
    expect(order.status).toBe(422);
  });
});

/** What may happen between two looks at a lock. */
type Happening =
  | 'rotate'
  | 'deliver'
  | 'deliver, then power off'
  | 'reply'
  | 'sign in'
  | 'sign in, CONNACK lost'
  | 'expire'
  | 'cancel';
const HAPPENINGS: Happening[] = [
  'rotate',
  'deliver',
  'deliver, then power off',
  'reply',
  'sign in',
  'sign in, CONNACK lost',
  'expire',
  'cancel',
];

test('wherever a rotation is interrupted, and however often, one of the secrets that the lock keeps opens', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...HAPPENINGS), { minLength: 3, maxLength: 12 }), async (happenings) => {
      const { lockId, secret } = await register();
      let keys: Keyring = { secret };
      const url = `/locks/${lockId}/secret/rotate`;
      /** Signs in as the firmware does; what is left behind is what it learns of the outcome. */
      const dial = async (connackLost = false): Promise<MqttClient | undefined> => {
        for (let attempt = 0; attempt < 3; attempt++) {
          const used = credential(keys);
          const outcome = await signIn(lockId, { secret: used });
          if (typeof outcome !== 'number') {
            if (!connackLost) keys = accepted(keys, used);
            return outcome;
          }
          expect(outcome).toBe(5);
          const left = refused(keys, used);
          expect(left, `no secret opens after ${happenings.join(', ')}`).toBeDefined();
          keys = left!;
        }
        throw new Error('the lock tries without end');
      };
      const deliver = async (stores: boolean, replies: boolean) => {
        const client = await dial();
        const { body } = await platform.call<{ items: { state: string; commandId: string }[] }>(
          'GET',
          `/locks/${lockId}/commands`,
        );
        const waits = body.items.some(({ state }) => state === 'queued' || state === 'sent');
        const got = new Promise<string>((resolve) =>
          client?.once('message', (_topic, payload) => resolve(String(payload))),
        );
        await client?.subscribeAsync(`locks/${lockId}/command`, { qos: 1 });
        if (waits) {
          const command = JSON.parse(await got);
          if (stores) keys = offered(keys, command.secret);
          const reply = { v: 1, commandId: command.commandId, result: 'done', time: new Date().toISOString() };
          if (replies) await client?.publishAsync(`locks/${lockId}/reply`, JSON.stringify(reply), { qos: 1 });
        }
        await client?.endAsync(true);
      };
      for (const happening of happenings) {
        if (happening === 'rotate') await platform.call('POST', url, {});
        else if (happening === 'deliver') await deliver(true, false);
        else if (happening === 'deliver, then power off') await deliver(false, false);
        else if (happening === 'reply') await deliver(true, true);
        else if (happening === 'expire') {
          const over = `UPDATE commands SET state = 'expired', ended_at = now() WHERE lock_id = $1 AND state IN ('queued', 'sent')`;
          await db.query(over, [lockId]);
        } else if (happening === 'cancel') {
          const { rows } = await db.query(`SELECT command_id FROM commands WHERE lock_id = $1 AND state = 'queued'`, [
            lockId,
          ]);
          for (const { command_id: id } of rows)
            await platform.call('POST', `/locks/${lockId}/commands/${id}/cancel`, {});
        } else await (await dial(happening === 'sign in, CONNACK lost'))?.endAsync(true);
      }
      await (await dial())?.endAsync(true);
    }),
    { numRuns: process.env.SEALWATCH_DEEP ? 200 : 12 },
  );
}, 120_000);

describe('who loses the access', () => {
  test('a lock with another secret by REST: its connection is closed before the answer; a key may not', async () => {
    const { lockId, secret } = await register();
    const client = await signIn(lockId, { secret });
    const byKey = await platform.call('POST', `/locks/${lockId}/secret`, {});
    expect([byKey.status, byKey.body.code]).toEqual([403, 'person.required']);
    expect(closed(client)).toBe(false);
    const { status, body } = await asPerson<{ secret: string }>('POST', `/locks/${lockId}/secret`);
    expect(status).toBe(201);
    await vi.waitFor(() => expect(closed(client)).toBe(true));
    expect([await opens(lockId, { secret }), await opens(lockId, { secret: body.secret })]).toEqual([false, true]);
  });

  test('a certificate revoked on the command line, beside the platform that runs: its connection is closed at once', async () => {
    const { lockId } = await register({ signIn: 'certificate' });
    const [issued, other] = [await root.issue({ cn: [lockId] }), await root.issue({ cn: [lockId] })];
    const client = await signIn(lockId, { issued });
    expect(closed(client)).toBe(false);
    const access = async () =>
      (await platform.call<{ access: Record<string, unknown> }>('GET', `/locks/${lockId}`)).body.access;
    await vi.waitFor(async () =>
      expect(await access()).toMatchObject({ certificate: { serial: issued.serial, notAfter: expect.any(String) } }),
    );
    const cli = (...args: string[]) => sealwatch(['lock', ...args], { DATABASE_URL: platform.databaseUrl }).ended;
    expect(await cli('revoke', lockId, '--serial', `00:${issued.serial}`.toUpperCase(), '--reason', 'lost')).toBe(0);
    await vi.waitFor(() => expect(closed(client)).toBe(true), { timeout: 10_000 });
    expect(await access()).toMatchObject({ revoked: [{ kind: 'serial', value: issued.serial, reason: 'lost' }] });
    expect([await opens(lockId, { issued }), await opens(lockId, { issued: other })]).toEqual([false, true]);
    expect(await cli('revoke', lockId)).toBe(1);
    expect(await cli('revoke', 'nobody', '--serial', '0a')).toBe(1);
  });

  test('a secret renewed on the command line: the connection with the old one is closed at once', async () => {
    const { lockId, secret } = await register();
    const client = await signIn(lockId, { secret });
    expect(await sealwatch(['lock', 'secret', lockId], { DATABASE_URL: platform.databaseUrl }).ended).toBe(0);
    await vi.waitFor(() => expect(closed(client)).toBe(true), { timeout: 10_000 });
    expect(await opens(lockId, { secret })).toBe(false);
  });

  test('a lock that is set to certificates alone: its connection by secret is closed, and pins bind it further', async () => {
    const { lockId, secret } = await register({ signIn: 'either' });
    const [issued, other] = [await root.issue({ cn: [lockId] }), await root.issue({ cn: [lockId] })];
    const client = await signIn(lockId, { secret });
    const pin = issued.spkiSha256.toUpperCase().replace(/(..)(?=.)/g, '$1:');
    const set = await asPerson('PUT', `/locks/${lockId}/sign-in`, { signIn: 'certificate', pins: [pin] });
    expect(set.body).toMatchObject({ signIn: 'certificate', pins: [issued.spkiSha256] });
    await vi.waitFor(() => expect(closed(client)).toBe(true));
    expect(await Promise.all([opens(lockId, { secret }), opens(lockId, { issued: other })])).toEqual([false, false]);
    expect(await opens(lockId, { issued })).toBe(true);
  });

  test('a retired lock: by certificate as by secret', async () => {
    const { lockId } = await register({ signIn: 'certificate' });
    const issued = await root.issue({ cn: [lockId] });
    const client = await signIn(lockId, { issued });
    expect((await platform.call('POST', `/locks/${lockId}/retire`)).status).toBe(200);
    await vi.waitFor(() => expect(closed(client)).toBe(true));
    expect(await opens(lockId, { issued })).toBe(false);
  });
});
