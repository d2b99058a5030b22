import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';
import mqtt from 'mqtt';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { type Broker, type BrokerOptions, startBroker } from '../../src/broker/broker.ts';
import { nameOf } from '../../src/broker/lock-name.ts';
import { checkTls } from '../../src/broker/tls-doctor.ts';
import type { LockAccess } from '../../src/ports.ts';
import { bySecret } from './access.ts';
import { Authority, type Issued, type Wanted } from './authority.ts';
import { LOCK, SECRET } from './forbidden.ts';
import { selfSigned } from './self-signed.ts';
import { publishPacket, Wiretap } from './wiretap.ts';

const OTHER = 'JT70100002';
const HOUR_MS = 3_600_000;
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-mtls-'));
const file = (name: string) => join(folder, name);
const server = selfSigned();

let root: Authority;
let second: Authority;
let good: Issued;
let broker: Broker;
let registry: Registry;
let received: string[];
let taps: Wiretap[];
/** By lock id; a lock that is missing is unknown. */
let access: Map<string, LockAccess>;

const certificateOnly = (more: Partial<LockAccess> = {}): LockAccess => ({
  ...bySecret(SECRET),
  signIn: 'certificate',
  ...more,
});

beforeAll(async () => {
  root = await Authority.make('Locks Root');
  second = await Authority.make('Second Root');
  good = await root.issue({ cn: [LOCK] });
  writeFileSync(file('cert.pem'), server.cert);
  writeFileSync(file('key.pem'), server.key);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  received = [];
  taps = [];
  access = new Map([
    [LOCK, certificateOnly()],
    [OTHER, certificateOnly()],
  ]);
});
afterEach(async () => {
  for (const tap of taps) tap.end();
  await broker.close();
});

interface Start extends Partial<BrokerOptions> {
  clients?: 'optional' | 'required';
  ca?: string;
  crl?: string;
  lookEveryMs?: number;
}

async function start({
  clients = 'optional',
  ca = root.pem,
  crl,
  lookEveryMs = 600_000,
  ...more
}: Start = {}): Promise<void> {
  writeFileSync(file('ca.pem'), ca);
  if (crl !== undefined) writeFileSync(file('crl.pem'), crl);
  registry = new Registry();
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    webSocketPort: 0,
    tls: {
      port: 0,
      certPath: file('cert.pem'),
      keyPath: file('key.pem'),
      clientCaPaths: [file('ca.pem')],
      clientCrlPaths: crl === undefined ? [] : [file('crl.pem')],
      clients,
      webSocketClients: clients,
      lookEveryMs,
    },
    lockAccess: async (ids) => new Map(ids.flatMap((id) => (access.has(id) ? [[id, access.get(id)!]] : []))),
    report: (_lockId, payload, done) => {
      received.push(payload.toString());
      done();
    },
    reply: (_lockId, _payload, done) => done(),
    registry,
    log: pino({ level: 'silent' }),
    ...more,
  });
}

/** A TLS connection with a certificate, or without. */
function tap(brought?: Pick<Issued, 'cert' | 'key'>, more: ConnectionOptions = {}): Wiretap {
  const options = { port: broker.tlsPort ?? 0, host: '127.0.0.1', ca: server.cert, ...brought, ...more };
  const made = new Wiretap(0, connectTls(options));
  taps.push(made);
  return made;
}

interface Asking {
  lockId?: string;
  username?: string | null;
  password?: string;
}

/** @returns the code of the CONNACK; 'closed' where there was none */
async function dial(lock: Wiretap, { lockId = LOCK, username = lockId, password }: Asking = {}): Promise<unknown> {
  lock.send({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    clientId: lockId,
    ...(username === null ? {} : { username }),
    ...(password === undefined ? {} : { password: Buffer.from(password) }),
  });
  await vi.waitFor(() => expect(lock.closed || lock.of('connack').length > 0).toBe(true), { timeout: 10_000 });
  const [packet] = lock.of('connack');
  return packet?.cmd === 'connack' ? packet.returnCode : 'closed';
}

const brings = (brought: Pick<Issued, 'cert' | 'key'> | undefined, asking?: Asking) => dial(tap(brought), asking);

async function reasons(stage = 'connect'): Promise<unknown[]> {
  const metric = await registry.getSingleMetric('sealwatch_broker_refused_total')?.get();
  return metric?.values.filter(({ labels }) => labels.stage === stage).map(({ labels }) => labels.reason) ?? [];
}

test('a lock is let in by a certificate that names it, with a user name or without, and by MQTT.js', async () => {
  await start();
  const lock = tap(good);
  expect(await dial(lock)).toBe(0);
  lock.send(publishPacket(LOCK, 1, '{"by":"certificate"}'));
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([1]));
  expect(await brings(good, { username: null })).toBe(0);
  expect(await brings(good, { username: OTHER })).toBe(5);
  const client = await mqtt.connectAsync(`mqtts://127.0.0.1:${broker.tlsPort}`, {
    ...{ clientId: LOCK, username: LOCK, ca: server.cert, cert: good.cert, key: good.key, reconnectPeriod: 0 },
  });
  await client.publishAsync(`locks/${LOCK}/report`, '{"from":"MQTT.js"}', { qos: 1 });
  await client.endAsync();
  expect(received).toEqual(['{"by":"certificate"}', '{"from":"MQTT.js"}']);
});

test('a lock that signs in by certificate alone is not let in by its secret: over TLS, plain or WebSocket', async () => {
  await start();
  expect(await brings(undefined, { password: SECRET })).toBe(5);
  const plain = new Wiretap(broker.port);
  taps.push(plain);
  expect(await dial(plain, { password: SECRET })).toBe(5);
  expect(await reasons()).toEqual(['no-certificate']);
});

const uri = (id: string) => ({ type: 'url' as const, value: `urn:sealwatch:lock:${id}` });
const dns = (value: string) => ({ type: 'dns' as const, value });

/** Certificates that a CA of the bundle has signed, and whether they open for LOCK. */
const NAMED: [string, Wanted, boolean][] = [
  ['its id as CN', { cn: [LOCK] }, true],
  ['its id as a URI of the SAN, and a remark as CN', { cn: ['lock no. 1'], alt: [uri(LOCK)] }, true],
  ['its id as a DNS name of the SAN, and no CN', { alt: [dns(LOCK)] }, true],
  ['the same id in CN and SAN', { cn: [LOCK], alt: [uri(LOCK), dns(LOCK)] }, true],
  ['its id as CN, and addresses in the SAN', { cn: [LOCK], alt: [dns('lock1.example.com')] }, true],
  ['no CN', {}, false],
  ['an empty CN', { cn: [''] }, false],
  ['its id in small letters', { cn: [LOCK.toLowerCase()] }, false],
  ['a DNS name in small letters', { alt: [dns(LOCK.toLowerCase())] }, false],
  ['a space behind its id', { cn: [`${LOCK} `] }, false],
  ['U+0000 behind its id', { cn: [`${LOCK}\0`] }, false],
  ['U+0000 and another name behind its id', { cn: [`${LOCK}\0.example.com`] }, false],
  ['a line break and its id', { cn: [`x\nCN=${LOCK}`] }, false],
  ['its id between commas', { cn: [`x, CN=${LOCK}`] }, false],
  ['letters that look alike', { cn: [LOCK.replace('J', 'Ј')] }, false],
  ['full-width letters', { cn: ['ＪＴ70100001'] }, false],
  ['its id twice as CN', { cn: [LOCK, LOCK] }, false],
  ['its id and another as CN', { cn: [LOCK, OTHER] }, false],
  ['another and its id as CN', { cn: [OTHER, LOCK] }, false],
  ['another as CN, its id in the SAN', { cn: [OTHER], alt: [uri(LOCK)] }, false],
  ['its id as CN, another in the SAN', { cn: [LOCK], alt: [uri(OTHER)] }, false],
  ['two locks in the SAN', { alt: [uri(LOCK), uri(OTHER)] }, false],
  ['an odd URI in the SAN beside its id as CN', { cn: [LOCK], alt: [uri(`${LOCK}/x`)] }, false],
  ['another lock', { cn: [OTHER] }, false],
  ['its id in the O', { cn: [], alt: [dns('x.example.com')] }, false],
  ['the use by servers alone', { cn: [LOCK], usage: 'server' }, false],
  ['an end in the past', { cn: [LOCK], fromMs: Date.now() - 9 * HOUR_MS, untilMs: Date.now() - HOUR_MS }, false],
  ['a begin in the future', { cn: [LOCK], fromMs: Date.now() + HOUR_MS, untilMs: Date.now() + 9 * HOUR_MS }, false],
];

describe('which certificate names a lock', () => {
  beforeEach(() => start());

  test.each(NAMED)('%s', async (_name, wanted, opens) => {
    expect(await brings(await root.issue(wanted))).toBe(opens ? 0 : 5);
  });

  test('of an unknown CA, and one that it signed for itself under the name of a known one: none', async () => {
    const forged = await Authority.make('Locks Root');
    expect(await brings(await second.issue({ cn: [LOCK] }))).toBe(5);
    expect(await brings(await forged.issue({ cn: [LOCK] }))).toBe(5);
  });
});

test('bytes that are no certificate name nobody', () => {
  for (const bytes of [Buffer.alloc(0), Buffer.from('30800000', 'hex'), Buffer.from('no DER')]) {
    expect(nameOf(bytes)).toBeUndefined();
  }
});

test('a certificate of another lock opens nothing, with the right secret neither', async () => {
  access.set(LOCK, { ...bySecret(SECRET), signIn: 'either' });
  await start();
  expect(await brings(await root.issue({ cn: [OTHER] }), { password: SECRET })).toBe(5);
  expect(await reasons()).toEqual(['certificate-of-another-lock']);
});

test('a lock registered for either is let in by one of the two; one registered for its secret not by a certificate', async () => {
  access.set(LOCK, { ...bySecret(SECRET), signIn: 'either' });
  await start();
  const expired = await root.issue({ cn: [LOCK], untilMs: Date.now() - HOUR_MS });
  expect(await brings(good)).toBe(0);
  expect(await brings(good, { password: 'wrong' })).toBe(0);
  expect(await brings(expired, { password: SECRET })).toBe(0);
  expect(await brings(undefined, { password: SECRET })).toBe(0);
  expect(await brings(expired)).toBe(5);
  expect(await brings(undefined, { password: 'wrong' })).toBe(5);
  access.set(LOCK, bySecret(SECRET));
  await broker.refreshLock(LOCK);
  expect(await brings(good)).toBe(5);
  expect(await brings(good, { password: SECRET })).toBe(0);
});

test('a listener that requires certificates closes a connection without one, and a secret does not replace it', async () => {
  access.set(LOCK, bySecret(SECRET));
  await start({ clients: 'required' });
  expect(await brings(undefined, { password: SECRET })).toBe('closed');
  expect(await brings(await second.issue({ cn: [LOCK] }), { password: SECRET })).toBe('closed');
  expect(await brings(good)).toBe(5);
  expect(await brings(good, { password: SECRET })).toBe(0);
  const revoked = { kind: 'serial', value: good.serial } as const;
  access.set(LOCK, { ...bySecret(SECRET), revoked: [revoked] });
  await broker.refreshLock(LOCK);
  expect(await brings(good, { password: SECRET })).toBe(5);
  expect(await reasons('tls')).toEqual(['no-certificate', 'certificate-not-verified']);
});

test('over WebSocket a certificate opens as well, and is required where the listener says so', async () => {
  await start({ clients: 'required' });
  const url = `wss://127.0.0.1:${broker.webSocketPort}`;
  const by = { clientId: LOCK, username: LOCK, reconnectPeriod: 0, ca: server.cert, rejectUnauthorized: false };
  const client = await mqtt.connectAsync(url, { ...by, cert: good.cert, key: good.key });
  await client.publishAsync(`locks/${LOCK}/report`, '{}', { qos: 1 });
  await client.endAsync();
  expect(received).toEqual(['{}']);
  const bare = new WebSocket(url, 'mqtt', { rejectUnauthorized: false });
  const outcome = await new Promise((resolve) => {
    bare.on('error', () => resolve('refused'));
    bare.on('close', () => resolve('closed'));
  });
  expect(['refused', 'closed']).toContain(outcome);
});

test('a pinned lock takes the pinned certificate alone, or a renewed one of the same key', async () => {
  await start();
  const other = await root.issue({ cn: [LOCK] });
  for (const pin of [good.sha256, good.spkiSha256]) {
    access.set(LOCK, certificateOnly({ pins: [pin] }));
    await broker.refreshLock(LOCK);
    expect([await brings(good), await brings(other)]).toEqual([0, 5]);
  }
  expect(await reasons()).toEqual(['certificate-not-pinned']);
});

test.each(['serial', 'sha256', 'spkiSha256'] as const)(
  'a certificate revoked by its %s loses its connection before the answer, and opens nothing any more',
  async (by) => {
    await start();
    const lock = tap(good);
    expect(await dial(lock)).toBe(0);
    access.set(LOCK, certificateOnly({ revoked: [{ kind: by === 'serial' ? 'serial' : 'sha256', value: good[by] }] }));
    await broker.refreshLock(LOCK);
    await vi.waitFor(() => expect(lock.closed).toBe(true));
    expect(await brings(good)).toBe(5);
    expect(await brings(await root.issue({ cn: [LOCK] }))).toBe(0);
  },
);

test('who changes the access of a lock closes no connection that is good all the same', async () => {
  await start();
  const lock = tap(good);
  await dial(lock);
  access.set(LOCK, certificateOnly({ revoked: [{ kind: 'serial', value: '0a' }] }));
  await broker.refreshLock(LOCK);
  lock.send(publishPacket(LOCK, 1, '{}'));
  await vi.waitFor(() => expect(lock.acknowledged()).toEqual([1]));
});

describe('the files of TLS', () => {
  test('hold several CAs; one that is added opens and one that is taken out closes, without a restart', async () => {
    await start({ ca: `${root.pem}\n${second.pem}` });
    const bySecond = await second.issue({ cn: [OTHER] });
    const [first, other] = [tap(good), tap(bySecond)];
    expect([await dial(first), await dial(other, { lockId: OTHER })]).toEqual([0, 0]);
    writeFileSync(file('ca.pem'), root.pem);
    expect(await broker.reloadTls()).toBe(true);
    await vi.waitFor(() => expect(other.closed).toBe(true));
    expect(await brings(bySecond, { lockId: OTHER })).toBe(5);
    first.send(publishPacket(LOCK, 1, '{}'));
    await vi.waitFor(() => expect(first.acknowledged()).toEqual([1]));
    writeFileSync(file('ca.pem'), `${root.pem}\n${second.pem}`);
    await broker.reloadTls();
    expect(await brings(bySecond, { lockId: OTHER })).toBe(0);
  });

  test('are read again by themselves after a change, the certificate of the server too', async () => {
    await start({ lookEveryMs: 50 });
    const renewed = selfSigned();
    writeFileSync(file('cert.pem'), renewed.cert);
    writeFileSync(file('key.pem'), renewed.key);
    try {
      const serves = () =>
        new Promise<boolean>((resolve) => {
          const socket = connectTls({ port: broker.tlsPort ?? 0, host: '127.0.0.1', ca: renewed.cert }, () =>
            resolve(true),
          );
          socket.on('error', () => resolve(false));
          socket.on('close', () => resolve(false));
          socket.on('secureConnect', () => socket.destroy());
        });
      await vi.waitFor(async () => expect(await serves()).toBe(true), { timeout: 30_000 });
    } finally {
      writeFileSync(file('cert.pem'), server.cert);
      writeFileSync(file('key.pem'), server.key);
    }
  });

  test('that cannot be used change nothing', async () => {
    await start();
    const lock = tap(good);
    await dial(lock);
    for (const broken of ['', 'no PEM', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', good.cert]) {
      writeFileSync(file('ca.pem'), broken);
      expect(await broker.reloadTls()).toBe(false);
    }
    expect(await brings(good)).toBe(0);
  });

  test('stop the start with the setting and the file', async () => {
    await start();
    writeFileSync(file('ca.pem'), good.cert);
    const tls = { port: 0, certPath: file('cert.pem'), keyPath: file('key.pem'), clientCaPaths: [file('ca.pem')] };
    const options = { host: '127.0.0.1', port: 0, log: pino({ level: 'silent' }), registry: new Registry() };
    const never = { lockAccess: async () => new Map(), report: () => undefined, reply: () => undefined };
    await expect(startBroker({ ...options, ...never, tls })).rejects.toThrow(
      /SEALWATCH_TLS_CLIENT_CA .*ca\.pem.*no CA/,
    );
  });
});

test('the doctor says how long the files of TLS are good, and which cannot be used', async () => {
  await start({ crl: await root.revoke(good) });
  const files = { certPath: file('cert.pem'), keyPath: file('key.pem'), clientCaPaths: [file('ca.pem')] };
  const at = (ms: number) => checkTls({ ...files, clientCrlPaths: [file('crl.pem')] }, Date.now() + ms);
  const states = (findings: { part: string; state: string }[]) => findings.map(({ part, state }) => `${part} ${state}`);
  expect(states(await at(0))).toEqual(['tls.certificate warning', 'tls.client-ca warning', 'tls.client-crl ok']);
  expect(states(await at(48 * HOUR_MS))).toEqual([
    'tls.certificate problem',
    'tls.client-ca warning',
    'tls.client-crl warning',
  ]);
  writeFileSync(file('ca.pem'), 'nothing');
  expect(await at(0)).toMatchObject([{ state: 'problem', text: expect.stringContaining('SEALWATCH_TLS_CLIENT_CA') }]);
});

describe('revocation lists', () => {
  test('close what they revoke when they are read again, and keep it out; the lists of other CAs do not matter', async () => {
    await start({ ca: `${root.pem}\n${second.pem}`, crl: await root.revoke() });
    const bySecond = await second.issue({ cn: [OTHER] });
    const [lock, other] = [tap(good), tap(bySecond)];
    expect([await dial(lock), await dial(other, { lockId: OTHER })]).toEqual([0, 0]);
    writeFileSync(file('crl.pem'), `${await second.revoke()}\n${await root.revoke(good)}`);
    expect(await broker.reloadTls()).toBe(true);
    await vi.waitFor(() => expect(lock.closed).toBe(true));
    expect(await brings(good)).toBe(5);
    expect(await reasons()).toEqual(['certificate-revoked']);
    other.send(publishPacket(OTHER, 1, '{}'));
    await vi.waitFor(() => expect(other.acknowledged()).toEqual([1]));
  });

  test('are not taken where no CA of the bundle has signed them', async () => {
    await start({ crl: await root.revoke() });
    writeFileSync(file('crl.pem'), await second.revoke());
    expect(await broker.reloadTls()).toBe(false);
    const forged = await Authority.make('Locks Root');
    writeFileSync(file('crl.pem'), await forged.revoke());
    expect(await broker.reloadTls()).toBe(false);
  });

  test('are not escaped by CAs of the same name that a client sends along', async () => {
    const issuing = await Authority.make('Issuing', root);
    const leaf = await issuing.issue({ cn: [LOCK] });
    const decoy = await Authority.make('Issuing');
    await start({ ca: `${root.pem}\n${issuing.pem}`, crl: await issuing.revoke(leaf) });
    for (const chain of [leaf.cert, `${leaf.cert}\n${decoy.pem}`, `${leaf.cert}\n${decoy.pem}\n${issuing.pem}`]) {
      expect(await brings({ cert: chain, key: leaf.key })).not.toBe(0);
    }
  });

  test('reach CAs below a root: all that a revoked one has signed is out', async () => {
    const issuing = await Authority.make('Issuing', root);
    const leaf = await issuing.issue({ cn: [LOCK] });
    const brought = { cert: `${leaf.cert}\n${issuing.pem}`, key: leaf.key };
    await start({ crl: await root.revoke() });
    expect(await brings(brought)).toBe(0);
    writeFileSync(file('crl.pem'), await root.revoke(issuing));
    await broker.reloadTls();
    expect(await brings(brought)).toBe(5);
  });
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)(
  '%s: no session is resumed past the look at its certificate',
  async (version) => {
    await start();
    const sessions: Buffer[] = [];
    const lock = tap(good, { minVersion: version, maxVersion: version });
    lock.socket.on('session', (session: Buffer) => sessions.push(session));
    expect(await dial(lock)).toBe(0);
    for (const session of [...sessions, (lock.socket as TLSSocket).getSession()]) {
      const again = tap(good, { minVersion: version, maxVersion: version, ...(session ? { session } : {}) });
      await dial(again);
      expect((again.socket as TLSSocket).isSessionReused()).toBe(false);
    }
  },
);

test('a connection whose certificate expires is closed, and nothing of it is taken any more', async () => {
  await start();
  const brief = await root.issue({ cn: [LOCK], untilMs: Date.now() + 4_000 });
  const lock = tap(brief);
  expect(await dial(lock)).toBe(0);
  await broker.refreshAll();
  expect(lock.closed).toBe(false);
  await vi.waitFor(
    async () => {
      await broker.refreshAll();
      expect(lock.closed).toBe(true);
    },
    { timeout: 30_000, interval: 200 },
  );
});
