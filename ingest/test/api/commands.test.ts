import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addGate, addLock, addRoute, addTrip, passage, report, startPlatform, type TestPlatform } from './platform.ts';

let platform: TestPlatform;
const password = 'a long enough password';
const cookies = new Map<string, string>();

beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
  for (const [name, role] of [
    ['Li Wei', 'supervisor'],
    ['Zhang Min', 'supervisor'],
    ['Wang Fang', 'operator'],
  ]) {
    await platform.call('POST', 'users', { body: { name, role, password } });
    const signIn = await platform.call('POST', 'session', { key: null, body: { name, password } });
    cookies.set(String(name), String(signIn.headers['set-cookie']).split(';')[0]!);
  }
});
afterAll(() => platform?.stop());

const as = (name: string, url: string, body: object = {}) =>
  platform.call('POST', url, { key: null, headers: { cookie: cookies.get(name)! }, body });
const auditOf = async (lockId: string) =>
  (await platform.call('GET', `audit?subject=lock:${lockId}`)).body.items.map((entry) => entry.action).reverse();

describe('an unlock by hand', () => {
  test('needs two named supervisors, who both stand with it', async () => {
    const lockId = await addLock(platform);
    const url = `locks/${lockId}/commands`;
    expect((await platform.call('POST', url, { body: { type: 'unlock' } })).body.code).toBe('two-people.required');
    expect((await as('Wang Fang', url, { type: 'unlock' })).body.code).toBe('auth.role');
    const asked = await as('Li Wei', url, { type: 'unlock', secondPerson: 'Zhang Min' });
    expect([asked.status, asked.body.lockId, asked.body.state]).toEqual([202, lockId, 'pending']);
    const confirm = `approvals/${String(asked.body.approvalId)}/confirm`;
    expect((await as('Li Wei', confirm)).body.code).toBe('approval.same-person');
    expect((await as('Wang Fang', confirm)).body.code).toBe('auth.role');
    expect((await platform.call('GET', url)).body.items).toEqual([]);
    expect((await as('Zhang Min', confirm)).status).toBe(200);
    const [given] = (await platform.call('GET', url)).body.items;
    expect(given).toMatchObject({ type: 'unlock', createdBy: 'Li Wei', secondPerson: 'Zhang Min' });
    const again = await as('Li Wei', url, { type: 'unlock' });
    expect([again.status, again.body.code]).toEqual([409, 'command.waiting']);
  });

  test('is authorised by the verification of the trip, once for each lock', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    await platform.call('POST', `trips/${trip.tripId}/verify`);
    const unlocks = async () =>
      (await platform.call('GET', `locks/${trip.lockId}/commands`)).body.items.filter((o) => o.type === 'unlock');
    await platform.call('POST', `trips/${trip.tripId}/unlock`);
    await platform.call('POST', `trips/${trip.tripId}/unlock`);
    expect(await unlocks()).toHaveLength(1);
    await platform.call('POST', `trips/${trip.tripId}/write-off`);
    expect(await unlocks()).toHaveLength(1);
    await platform.pool.query("UPDATE commands SET state = 'refused', ended_at = now() WHERE lock_id = $1", [
      trip.lockId,
    ]);
    await platform.call('POST', `trips/${trip.tripId}/unlock`);
    expect((await unlocks()).map((order) => order.state)).toEqual(['queued', 'refused']);
  });
});

describe('a command', () => {
  test('is taken back while it waits and not after, and given again only where it was not done', async () => {
    const lockId = await addLock(platform);
    const url = `locks/${lockId}/commands`;
    const first = await as('Wang Fang', url, { type: 'interval', intervalS: 60 });
    const one = `${url}/${String(first.body.commandId)}`;
    expect((await as('Wang Fang', `${one}/retry`)).body.code).toBe('command.state');
    expect((await as('Wang Fang', `${one}/cancel`)).body).toMatchObject({
      state: 'cancelled',
      reason: expect.any(String),
    });
    expect((await as('Wang Fang', `${one}/cancel`)).body.code).toBe('command.state');
    const again = await as('Wang Fang', `${one}/retry`);
    expect([again.status, again.body.type, again.body.intervalS, again.body.state]).toEqual([
      201,
      'interval',
      60,
      'queued',
    ]);
    await platform.pool.query("UPDATE commands SET state = 'sent', sent_at = now() WHERE command_id = $1", [
      again.body.commandId,
    ]);
    expect((await as('Wang Fang', `${url}/${String(again.body.commandId)}/cancel`)).status).toBe(409);
    expect(
      (await as('Wang Fang', `locks/${await addLock(platform)}/commands/${String(first.body.commandId)}/cancel`))
        .status,
    ).toBe(404);
    expect(await auditOf(lockId)).toEqual(['lock.register', 'lock.command', 'command.cancelled', 'lock.command']);
  });

  test('is listed with the others of its lock, page by page, the newest first; so is the story of a trip, from its beginning', async () => {
    const trip = await addTrip(platform);
    for (let i = 1; i <= 3; i++) {
      await platform.call('POST', `locks/${trip.lockId}/commands`, { body: { type: 'interval', intervalS: 60 * i } });
    }
    type Page = { items: Record<string, unknown>[]; next?: string };
    const page = async (url: string, cursor = '') =>
      (await platform.call('GET', `${url}?limit=2${cursor}`)).body as unknown as Page;
    const listed = async (url: string) => {
      const first = await page(url);
      const second = await page(url, `&cursor=${first.next}`);
      expect([first.items.length, second.next]).toEqual([2, undefined]);
      return [...first.items, ...second.items];
    };
    expect((await listed(`locks/${trip.lockId}/commands`)).map(({ intervalS }) => intervalS)).toEqual([180, 120, 60]);
    const all = (await platform.call('GET', `trips/${trip.tripId}/events`)).body.items as unknown[];
    const first = await page(`trips/${trip.tripId}/events`);
    expect(first.items).toEqual(all.slice(0, 2));
    expect((await page(`trips/${trip.tripId}/events`, `&cursor=${first.next}`)).items).toEqual(all.slice(2, 4));
  });

  test('that nobody can use is refused by its field', async () => {
    const lockId = await addLock(platform);
    const order = (body: object) => platform.call('POST', `locks/${lockId}/commands`, { body });
    expect((await order({ type: 'interval' })).body.errors[0]?.path).toBe('intervalS');
    expect((await order({ type: 'locate', expiresAt: '2026-01-01T00:00:00Z' })).body.errors[0]?.path).toBe('expiresAt');
  });

  test('shows each of its steps in the story of its trip', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const { body } = await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip) });
    await platform.pool.query('UPDATE commands SET sent_at = now() WHERE command_id = $1', [body.unlock.commandId]);
    await platform.reply(body.unlock.commandId);
    const types = (await platform.call('GET', `trips/${trip.tripId}/events`)).body.items.map((event) => event.type);
    expect(types).toEqual(expect.arrayContaining(['command.unlock', 'command.unlock.sent', 'command.unlock.done']));
  });
});

describe('a lock on the black list', () => {
  test('is not hung, and is again once it is taken off', async () => {
    const trip = await addTrip(platform, {});
    await report(platform, trip.lockId, { lon: 120 });
    const block = (reason: string | null) => platform.call('PUT', `locks/${trip.lockId}/block`, { body: { reason } });
    expect((await block('拆封嫌疑')).body.blocked).toEqual({ reason: '拆封嫌疑', by: 'key:bootstrap' });
    await platform.call('POST', `trips/${trip.tripId}/release`);
    const hang = () => platform.call('POST', `trips/${trip.tripId}/hang`);
    expect((await hang()).body.errors.map((error) => error.path)).toEqual(['blacklist']);
    expect((await block(null)).body.blocked).toBeUndefined();
    expect((await hang()).status).toBe(200);
  });
});

test('alarms of a red trip are waived by two named people only', async () => {
  const trip = await addTrip(platform);
  await report(platform, trip.lockId);
  await platform.pool.query(
    `INSERT INTO alarms (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, started_at, raised_at)
     VALUES (gen_random_uuid(), $1, $2, 'route.deviation', 'latched', 'critical', 'open', true, now(), now())`,
    [trip.tripId, trip.lockId],
  );
  const waived = { waive: [{ check: 'alarms', reason: '查验无异常' }] };
  const url = `trips/${trip.tripId}/verify`;
  expect((await platform.call('POST', url, { body: waived })).body.code).toBe('two-people.required');
  const asked = await as('Li Wei', url, waived);
  expect(asked.status).toBe(202);
  expect((await as('Zhang Min', `approvals/${String(asked.body.approvalId)}/confirm`)).status).toBe(200);
  const done = await platform.call('GET', `trips/${trip.tripId}`);
  expect(done.body).toMatchObject({ status: 'verified' });
  expect(JSON.stringify(done.body)).toContain('Li Wei, Zhang Min');
});
