import { connect } from 'node:net';
import mqtt, { type ErrorWithReasonCode, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_KEY, type Platform, startPlatform } from './platform.ts';

const LOCK = 'JT70109999';
const OTHER = 'JT70108888';

let platform: Platform;
let secret: string;
let lock: MqttClient;
let seq = 0;

const record = (more: object = {}) => {
  seq += 1;
  return { v: 1, boot: 1, seq, time: new Date().toISOString(), ...more };
};
const publish = (payload: string) => lock.publishAsync(`locks/${LOCK}/report`, payload, { qos: 1 });

interface Problem {
  code: string;
  status: number;
  errors?: { path: string; message: string; expected?: string }[];
}
interface Quarantined {
  lockId: string;
  reason: string;
  detail: string;
}
const quarantine = async () =>
  (await platform.call<{ items: Quarantined[] }>('GET', `/quarantine?lockId=${LOCK}`)).body.items;

/** The next good message is unaffected: it is acknowledged and stored. */
async function expectNextGood(): Promise<void> {
  if (!lock.connected) lock = await platform.connectLock(LOCK, secret);
  const good = record({ position: { lon: 120, lat: 29 } });
  await publish(JSON.stringify(good));
  const stored = await platform.call<{ items: { seq: number }[] }>('GET', `/locks/${LOCK}/reports`);
  expect(stored.body.items.at(-1)?.seq).toBe(good.seq);
  const health = await fetch(`${platform.app.http}/readyz`);
  expect(health.status).toBe(200);
}

async function connackOf(clientId: string, password: string): Promise<number | undefined> {
  const attempt = mqtt.connectAsync(
    platform.app.mqtt,
    { clientId, username: clientId, password, protocolVersion: 4, reconnectPeriod: 0 },
    false,
  );
  const error = await attempt.then(
    async (client) => {
      await client.endAsync(true);
      throw new Error('was let in');
    },
    (refusal: ErrorWithReasonCode) => refusal,
  );
  return error.code as number | undefined;
}

beforeAll(async () => {
  platform = await startPlatform();
  const made = await platform.call<{ secret: string }>('POST', '/locks', { lockId: LOCK, model: 'JT701D' });
  secret = made.body.secret;
  await platform.call('POST', '/locks', { lockId: OTHER, model: 'JT701D' });
  lock = await platform.connectLock(LOCK, secret);
});

afterAll(() => platform?.stop());

describe('bad input from a lock', () => {
  it('a wrong password is answered with CONNACK 5', async () => {
    expect(await connackOf(LOCK, 'wrong')).toBe(5);
    await expectNextGood();
  });

  it('an unknown lock is answered with CONNACK 5', async () => {
    expect(await connackOf('JT70107777', secret)).toBe(5);
    await expectNextGood();
  });

  it("another lock's topic is refused, and nothing of it is stored", async () => {
    await Promise.race([
      lock.publishAsync(`locks/${OTHER}/report`, JSON.stringify(record()), { qos: 1 }).catch(() => undefined),
      new Promise<void>((resolve) => lock.once('close', () => resolve())),
    ]);
    const stored = await platform.call<{ items: unknown[] }>('GET', `/locks/${OTHER}/reports`);
    expect(stored.body.items).toEqual([]);
    await expectNextGood();
  });

  it.each(['#', 'locks/+/command', '$SYS/#', `locks/${OTHER}/command`])(
    'a subscription to %s is refused',
    async (topic) => {
      const answer = await lock.subscribeAsync(topic, { qos: 1 }).catch((error: Error) => error);
      if (!(answer instanceof Error)) expect(answer[0]?.qos).toBe(128);
      await expectNextGood();
    },
  );

  it('a frame of 1 MB before CONNECT closes the connection', async () => {
    const { hostname, port } = new URL(platform.app.mqtt);
    const socket = connect(Number(port), hostname);
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    // PUBLISH with a remaining length of 1 MiB.
    socket.write(Buffer.concat([Buffer.from([0x30, 0x80, 0x80, 0x40]), Buffer.alloc(1024 * 1024)]));
    await closed;
    await expectNextGood();
  });

  it.each([
    ['not JSON', '{"v":1,', 'json'],
    ['a latitude of 91', JSON.stringify({ ...record(), position: { lon: 120, lat: 91 } }), 'position.lat'],
  ])('%s is acknowledged, and kept in quarantine with its reason', async (_name, payload, said) => {
    const before = (await quarantine()).length;
    await publish(payload);
    const kept = await quarantine();
    expect(kept).toHaveLength(before + 1);
    expect(kept.map(({ reason, detail }) => `${reason} ${detail}`.toLowerCase()).join('\n')).toContain(said);
    await expectNextGood();
  });
});

describe('bad input to the API', () => {
  const declaration = {
    declarationNo: '292120260000000001',
    originOffice: '2921',
    destinationOffice: '3104',
    routeId: 'nowhere',
    vehicle: { tractorPlate: '浙G12345' },
    units: [{ containerNo: 'MSKU9070323', lockId: LOCK }],
  };

  it('an unknown route is named', async () => {
    const { status, body } = await platform.call<Problem>('POST', '/trips', declaration);
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(500);
    expect(JSON.stringify(body)).toContain('nowhere');
    expect(body.code).toMatch(/\w/);
  });

  it('a wrong check digit is answered with the place and the digit expected', async () => {
    const wrong = { ...declaration, units: [{ containerNo: 'MSKU9070324', lockId: LOCK }] };
    const { status, body } = await platform.call<Problem>('POST', '/trips', wrong);
    expect(status).toBe(422);
    expect(body.errors?.[0]?.path).toBe('units[0].containerNo');
    expect(JSON.stringify(body.errors)).toContain('check digit 3');
  });

  it('an alarm that does not exist is 404', async () => {
    const path = '/alarms/6f1d3a52-8d5e-4d8e-9d55-0d1c9a3f0000/acknowledge';
    const { status, body } = await platform.call<Problem>('POST', path, {});
    expect(status).toBe(404);
    expect(body.code).toMatch(/\w/);
  });

  it.each([
    ['no key', '', 401],
    ['an unknown key', 'sw_wrong', 401],
    ['the right key', ADMIN_KEY, 200],
  ])('with %s a list answers accordingly', async (_name, key, expected) => {
    expect((await platform.call('GET', '/trips', undefined, key)).status).toBe(expected);
  });

  it('answers problem details to what does not exist', async () => {
    const response = await fetch(`${platform.app.http}/api/v1/nothing`, {
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
    });
    expect(response.status).toBe(404);
    expect(response.headers.get('content-type')).toContain('application/problem+json');
  });
});
