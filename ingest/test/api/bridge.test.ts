import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Intake } from '../../src/intake/intake.ts';
import { hashSecret } from '../../src/people/secret.ts';
import {
  addGate,
  addRoute,
  DESTINATION_OFFICE,
  declaration,
  startPlatform,
  type TestPlatform,
  takeover,
} from './platform.ts';
import { withIntake } from './with-intake.ts';

let platform: TestPlatform;
let intake: Intake;
let bridge: string;
beforeAll(async () => {
  platform = await startPlatform();
  intake = await withIntake(platform);
  await addRoute(platform);
  await addGate(platform);
  bridge = await platform.key('bridge');
});
afterAll(async () => {
  await intake?.stop();
  await platform?.stop();
});

let serial = 0;
const wireId = () => `7500${String(100_000 + ++serial)}`;
const register = (lockId: string, more: object = {}) =>
  platform.call('POST', 'locks', { body: { lockId, simulated: true, profile: 'jointech-701d', ...more } });
const exchange = (news: object = {}, options: object = {}) =>
  platform.call('POST', 'bridge/exchange', { key: bridge, body: { bridge: 'test', ...news }, ...options });
const listed = async (lockId: string) =>
  ((await exchange()).body.locks as { lockId: string; wireId: string; secret: string }[]).find(
    (lock) => lock.lockId === lockId,
  );

async function addBridgedTrip(): Promise<{ tripId: string; lockId: string; plate: string; containerNo: string }> {
  const lockId = wireId();
  expect((await register(lockId)).status).toBe(201);
  const declared = declaration(lockId, { takeover: takeover() });
  const trip = await platform.call('POST', 'trips', { body: declared });
  expect(trip.status).toBe(201);
  const { vehicle, units } = declared;
  return { tripId: trip.body.tripId, lockId, plate: vehicle.tractorPlate, containerNo: units[0]!.containerNo };
}

describe('a lock that a bridge speaks for', () => {
  test('is registered with its profile, has no secret to be shown, and is not numbered', async () => {
    const lockId = wireId();
    const made = await register(lockId, { networks: ['10.20.0.0/16'] });
    expect(made.body).toEqual({ lockId });
    const { body } = await platform.call('GET', `locks/${lockId}`);
    expect(body).toMatchObject({
      profile: 'jointech-701d',
      wireId: lockId,
      numbered: false,
      networks: ['10.20.0.0/16'],
    });
  });

  test.each([
    ['a profile that there is not', { profile: 'jointech-9' }, 422, 'profile'],
    ['a network that is none', { networks: ['10.20.0.0'] }, 422, 'networks[0]'],
    ['a certificate', { signIn: 'certificate' }, 422, 'signIn'],
    ['consecutive numbers', { numbered: true }, 422, 'numbered'],
    ['an id that is none on the wire, and no other', { lockId: 'JT70109999' }, 422, 'wireId'],
    ['networks without a profile', { profile: undefined, networks: ['10.0.0.0/8'] }, 422, 'networks'],
  ])(
    'is not registered with %s: the answer names the field and what was expected',
    async (_what, more, status, path) => {
      const answer = await register(wireId(), more);
      expect(answer.status).toBe(status);
      expect(answer.body.errors[0]).toMatchObject({ path, message: expect.stringContaining('expected') });
    },
  );

  test('shares its id on the wire with no other lock in service', async () => {
    const id = wireId();
    expect((await register('JT70100777', { wireId: id })).status).toBe(201);
    expect((await register(id)).body.code).toBe('lock.wire-id');
    await platform.call('POST', 'locks/JT70100777/retire', { body: {} });
    expect((await register(id)).status).toBe(201);
  });

  test('signs in by a secret that is derived, told to a bridge alone, and replaced on demand', async () => {
    const lockId = wireId();
    await register(lockId);
    const first = await listed(lockId);
    const hashOf = async () =>
      (await platform.pool.query('SELECT secret_hash FROM locks WHERE lock_id = $1', [lockId])).rows[0].secret_hash;
    expect(hashSecret(first!.secret)).toEqual(await hashOf());
    expect((await platform.call('POST', `locks/${lockId}/secret`, { body: {} })).body).toEqual({ lockId });
    const second = await listed(lockId);
    expect(second!.secret).not.toBe(first!.secret);
    expect(hashSecret(second!.secret)).toEqual(await hashOf());
    const { rows } = await platform.pool.query(
      'SELECT coalesce(before::text, $1) || coalesce(after::text, $1) AS said FROM audit',
      [''],
    );
    for (const { said } of rows) for (const { secret } of [first!, second!]) expect(said).not.toContain(secret);
    for (const act of ['secret/rotate', 'sign-in']) {
      const method = act === 'sign-in' ? 'PUT' : 'POST';
      const body = act === 'sign-in' ? { signIn: 'either' } : {};
      expect((await platform.call(method, `locks/${lockId}/${act}`, { body })).body.code).toBe('lock.bridged');
    }
  });

  test('has the secret of the platform’s present key, whatever key the database was made with', async () => {
    const lockId = wireId();
    await register(lockId);
    await platform.pool.query('UPDATE locks SET secret_hash = $2 WHERE lock_id = $1', [lockId, Buffer.alloc(32)]);
    const { secret } = (await listed(lockId))!;
    const { rows } = await platform.pool.query('SELECT secret_hash FROM locks WHERE lock_id = $1', [lockId]);
    expect(rows[0].secret_hash).toEqual(hashSecret(secret));
  });

  test('shows on its trip and at the gate that its protocol tells it by its id alone, which holds nobody up', async () => {
    const { tripId, lockId, plate, containerNo } = await addBridgedTrip();
    const trip = await platform.call('GET', `trips/${tripId}`);
    expect(trip.body.units).toMatchObject([{ lockId, profile: 'jointech-701d' }]);
    const question = {
      passageId: `p-${lockId}`,
      at: new Date().toISOString(),
      plate: { text: plate },
      containers: [{ no: containerNo }],
      lockIds: [lockId],
    };
    const { body } = await platform.call('POST', 'gates/daxie-1/passages', { body: question });
    expect(body.notes).toEqual([{ rule: 'lock.id-alone', text: expect.stringContaining(lockId) }]);
    expect(body.reasons.map(({ rule }: { rule: string }) => rule)).not.toContain('lock.id-alone');
    const page = await platform.call('GET', `trips/${tripId}/evidence`, { headers: { accept: 'text/html' } });
    expect(page.text).toContain('jointech-701d');
  });
});

describe('a bridge', () => {
  test('is told the locks once, and again when one of them has changed', async () => {
    const { version } = (await exchange()).body;
    expect((await exchange({ version })).body).toEqual({ version });
    const lockId = wireId();
    await register(lockId);
    const after = (await exchange({ version })).body;
    expect((after.locks as { lockId: string }[]).map((lock) => lock.lockId)).toContain(lockId);
    await platform.call('POST', `locks/${lockId}/retire`, { body: {} });
    expect(await listed(lockId)).toBeUndefined();
  });

  test('is told secrets over TLS or on this machine, and by a key that is bound to no office', async () => {
    expect((await exchange({}, { from: '10.1.2.3' })).body.code).toBe('bridge.plain');
    const bound = await platform.key('bridge', [DESTINATION_OFFICE]);
    expect((await exchange({}, { key: bound })).body.code).toBe('bridge.bound');
  });

  test('is no person', async () => {
    const made = await platform.call('POST', 'users', {
      body: { name: 'bridge man', role: 'bridge', password: 'a long password' },
    });
    expect(made.status).toBe(422);
  });

  test('raises an alarm of the trip for a second connection under an id that lives', async () => {
    const { tripId, lockId } = await addBridgedTrip();
    const told = { lockId, at: new Date(Date.now() - 60_000).toISOString(), was: '10.20.0.0/24', came: '10.66.0.0/24' };
    await exchange({ secondConnections: [told] });
    await exchange({ secondConnections: [told] });
    const trip = await platform.call('GET', `trips/${tripId}`);
    expect(trip.body).toMatchObject({
      risk: 'amber',
      openAlarms: [{ rule: 'comms.second-connection', severity: 'major' }],
    });
  });

  test('shows strangers with their networks, bounded, and the newest frame of a lock', async () => {
    const at = new Date().toISOString();
    const lockId = wireId();
    await register(lockId);
    const stranger = (i: number) => ({
      wireId: String(9_000_000 + i),
      protocol: 'jt808',
      network: '10.9.0.0/24',
      why: 'unknown',
      at,
      count: 2,
    });
    await exchange({ connected: 3, strangers: Array.from({ length: 90 }, (_, i) => stranger(i)) });
    await exchange({ strangers: [stranger(89)], frames: [{ lockId, at, hex: '7e0002' }] });
    const { body } = await platform.call('GET', 'bridge');
    expect(body.strangers).toHaveLength(50);
    expect((body.strangers as object[])[0]).toMatchObject({ wireId: '9000089', network: '10.9.0.0/24', count: 4 });
    expect(body).toMatchObject({ bridges: [{ bridge: 'test' }], strangersTotal: 182 });
    const { frame } = (await platform.call('GET', `locks/${lockId}/frame`)).body;
    expect(frame).toMatchObject({ lockId, hex: '7e0002' });
  });
});
