import { readFileSync } from 'node:fs';
import { Role } from '@sealwatch/schemas';
import { fastify } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { guard } from '../../src/api/plumbing/guard.ts';
import { signInLink } from '../../src/people/sign-in.ts';
import {
  addGate,
  addLock,
  addRoute,
  addTrip,
  declaration,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  takeover,
} from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
});
afterAll(() => platform?.stop());

const cookieOf = (headers: Record<string, unknown>) => String(headers['set-cookie']);

describe('default deny', () => {
  test('a route that names no roles stops the start', () => {
    const app = fastify().withTypeProvider<ZodTypeProvider>();
    guard(app, platform.pool, {});
    expect(() => app.get('/open', () => 'x')).toThrow('names no roles');
  });

  test('every route of the table refuses everybody it does not name, and nobody without a key', async () => {
    const document = (await platform.call('GET', '/openapi.json', { key: null })).body as unknown as {
      openapi: string;
      paths: Record<string, Record<string, unknown>>;
    };
    expect(document.openapi).toBe('3.1.0');
    const keys = new Map<Role, string>();
    for (const role of Role.options) keys.set(role, await platform.key(role));
    let walked = 0;
    for (const [path, methods] of Object.entries(document.paths)) {
      if (!path.startsWith('/api/')) continue;
      for (const method of Object.keys(methods)) {
        const upper = method.toUpperCase() as 'GET';
        const url = path.replaceAll(/\{[^}]+\}/g, 'nobody-0');
        const without = await platform.call(upper, url, { key: null });
        if (['post /api/v1/session', 'get /api/v1/session/options'].includes(`${method} ${path}`)) continue;
        expect([path, method, without.status]).toEqual([path, method, 401]);
        const allowed = ALLOWED[`${upper} ${path.slice('/api/v1'.length)}`];
        expect(allowed, `${upper} ${path} is missing in the table of this test`).toBeDefined();
        for (const [role, key] of keys) {
          const answer = await platform.call(upper, url, { key });
          const refused = answer.body.code === 'auth.role';
          expect(`${upper} ${path} ${role} ${refused ? 'refused' : 'let in'}`).toBe(
            `${upper} ${path} ${role} ${allowed?.includes(LETTER[role]) ? 'let in' : 'refused'}`,
          );
          walked++;
        }
      }
    }
    expect(walked).toBeGreaterThan(200);
  });
});

const LETTER: Record<Role, string> = {
  viewer: 'v',
  operator: 'o',
  supervisor: 's',
  gate: 'g',
  tester: 't',
  admin: 'a',
  bridge: 'b',
};

/** Who may call what, by first letters: viewer operator supervisor gate tester admin bridge. */
const ALLOWED: Record<string, string> = {
  'POST /bridge/exchange': 'b',
  'GET /bridge': 'vosta',
  'POST /bridge/decode': 'vosta',
  'GET /locks/{lockId}/frame': 'vosta',
  'POST /locks': 'sta',
  'POST /locks/import': 'sta',
  'GET /locks': 'vosta',
  'GET /locks/{lockId}': 'vosta',
  'GET /locks/{lockId}/reports': 'vosta',
  'GET /locks/{lockId}/commands': 'vosta',
  'POST /locks/{lockId}/commands': 'osta',
  'POST /locks/{lockId}/retire': 'sta',
  'PUT /locks/{lockId}/sign-in': 'sta',
  'POST /locks/{lockId}/secret': 'sta',
  'POST /locks/{lockId}/secret/rotate': 'sta',
  'POST /locks/{lockId}/revocations': 'sta',
  'PUT /routes/{routeId}': 'sta',
  'POST /routes/check': 'osta',
  'POST /routes/what-if': 'osta',
  'GET /routes': 'vosgta',
  'GET /routes/{routeId}': 'vosgta',
  'GET /routes/{routeId}/corridor': 'vosgta',
  'PUT /places/{placeId}': 'sta',
  'GET /places': 'vosgta',
  'GET /basemap': 'vosgta',
  'GET /places/{placeId}': 'vosgta',
  'GET /params': 'vosta',
  'PUT /params/{layer}': 'sta',
  'POST /trips': 'osta',
  'GET /trips': 'vosta',
  'GET /trips/{tripId}': 'vosta',
  'GET /trips/{tripId}/events': 'vosta',
  'GET /trips/{tripId}/evidence': 'vosta',
  'GET /trips/{tripId}/track': 'vosta',
  'POST /trips/{tripId}/release': 'osta',
  'POST /trips/{tripId}/hang': 'osta',
  'POST /trips/{tripId}/seal': 'osta',
  'POST /trips/{tripId}/verify': 'osta',
  'POST /trips/{tripId}/write-off': 'osta',
  'POST /convoys': 'osta',
  'GET /convoys': 'vosta',
  'GET /convoys/{convoyId}': 'vosta',
  'POST /convoys/{convoyId}/release': 'osta',
  'POST /convoys/{convoyId}/hang': 'osta',
  'POST /convoys/{convoyId}/seal': 'osta',
  'POST /convoys/{convoyId}/verify': 'osta',
  'POST /convoys/{convoyId}/write-off': 'osta',
  'POST /convoys/{convoyId}/unlock': 'osta',
  'POST /convoys/{convoyId}/close': 'osta',
  'PUT /locks/{lockId}/block': 'sta',
  'POST /locks/{lockId}/commands/{commandId}/cancel': 'osta',
  'POST /locks/{lockId}/commands/{commandId}/retry': 'osta',
  'POST /trips/{tripId}/unlock': 'osta',
  'POST /trips/{tripId}/close': 'osta',
  'POST /trips/{tripId}/cancel': 'sta',
  'PUT /trips/{tripId}/hold': 'osa',
  'GET /alarms': 'vosta',
  'GET /alarms/{alarmId}': 'vosta',
  'POST /alarms/{alarmId}/acknowledge': 'osa',
  'POST /alarms/{alarmId}/assign': 'osa',
  'POST /alarms/{alarmId}/dispose': 'osa',
  'POST /alarms/{alarmId}/close': 'sa',
  'POST /alarms/acknowledge': 'osa',
  'GET /approvals': 'vosta',
  'POST /approvals/{approvalId}/confirm': 'osa',
  'POST /approvals/{approvalId}/refuse': 'osa',
  'PUT /trips/{tripId}/freeze': 'osa',
  'GET /offices': 'vosgta',
  'GET /offices/{office}/contacts': 'vosta',
  'PUT /offices/{office}/contacts': 'sa',
  'POST /gates/{gateId}/passages': 'osgta',
  'GET /gates/{gateId}/passages': 'vosgta',
  'POST /gates/{gateId}/passages/{passageId}/decision': 'osa',
  'POST /jgs/14': 'osgta',
  'GET /gates': 'vosgta',
  'POST /users': 'a',
  'GET /users': 'a',
  'PATCH /users/{name}': 'a',
  'DELETE /users/{name}': 'a',
  'POST /users/{name}/enable': 'a',
  'POST /users/{name}/link': 'a',
  'POST /users/{name}/unlock': 'a',
  'GET /users/{name}/sessions': 'a',
  'DELETE /users/{name}/sessions': 'a',
  'DELETE /users/{name}/sessions/{sessionId}': 'a',
  'POST /users/{name}/second-factor/reset': 'a',
  'POST /session/code': 'vosgta',
  'POST /account/second-factor': 'vosgta',
  'POST /account/second-factor/confirm': 'vosgta',
  'POST /account/second-factor/recovery-codes': 'vosgta',
  'POST /account/second-factor/remove': 'vosgta',
  'GET /account': 'vosgta',
  'PUT /account/password': 'vosgta',
  'GET /account/sessions': 'vosgta',
  'DELETE /account/sessions/{sessionId}': 'vosgta',
  'POST /account/sessions/end-others': 'vosgta',
  'POST /keys': 'a',
  'GET /keys': 'a',
  'DELETE /keys/{keyId}': 'a',
  'POST /keys/{keyId}/rotate': 'a',
  'GET /session': 'vosgta',
  'DELETE /session': 'vosgta',
  'POST /subscriptions': 'sta',
  'GET /subscriptions': 'sta',
  'GET /subscriptions/{subscriptionId}': 'sta',
  'PATCH /subscriptions/{subscriptionId}': 'sta',
  'DELETE /subscriptions/{subscriptionId}': 'sta',
  'POST /subscriptions/{subscriptionId}/rotate': 'sta',
  'POST /subscriptions/{subscriptionId}/enable': 'sta',
  'GET /subscriptions/{subscriptionId}/deliveries': 'sta',
  'POST /subscriptions/{subscriptionId}/deliveries/{deliveryId}/redeliver': 'sta',
  'GET /simulator': 'ta',
  'POST /simulator/runs': 'ta',
  'POST /simulator/runs/{runId}/stop': 'ta',
  'POST /simulator/runs/{runId}/inject': 'ta',
  'GET /quarantine': 'osta',
  'POST /quarantine/discard': 'sa',
  'POST /quarantine/replay': 'sta',
  'POST /quarantine/{quarantineId}/replay': 'sta',
  'GET /snapshot': 'vosta',
  'GET /stats': 'vosta',
  'GET /audit': 'sa',
  'GET /audit/check': 'sa',
};

describe('signing in', () => {
  test('a link signs one browser in, once, with a cookie no script can read, and leads to the wall', async () => {
    const url = await signInLink(platform.pool, { name: 'Wang Fang', role: 'operator' });
    const [first, second] = [
      await platform.call('GET', url, { key: null }),
      await platform.call('GET', url, { key: null }),
    ];
    expect([first.status, first.headers.location]).toEqual([302, '/wall']);
    expect(cookieOf(first.headers)).toMatch(/^sealwatch_session=[\w-]{43};.*HttpOnly.*SameSite=Strict/);
    expect([second.status, second.body.code]).toEqual([410, 'sign-in.used']);
    const headers = { cookie: cookieOf(first.headers).split(';')[0]! };
    const who = await platform.call('GET', 'session', { key: null, headers });
    expect(who.body).toEqual({ name: 'Wang Fang', role: 'operator', offices: [], bound: false, kind: 'person' });
    expect((await platform.call('DELETE', 'session', { key: null, headers })).status).toBe(204);
    expect((await platform.call('GET', 'session', { key: null, headers })).status).toBe(401);
  });

  test('a name and password sign in; a wrong one and an unknown name get the same answer; the store holds argon2id', async () => {
    const password = 'correct horse battery';
    await platform.call('POST', 'users', { body: { name: 'Chen', role: 'viewer', password } });
    const signIn = (name: string, given: string) =>
      platform.call('POST', 'session', { key: null, body: { name, password: given } });
    expect((await signIn('Chen', password)).status).toBe(201);
    const [wrong, unknown] = [await signIn('Chen', 'wrong password!'), await signIn('Nobody', password)];
    expect([wrong.status, wrong.body]).toEqual([401, unknown.body]);
    const { rows } = await platform.pool.query("SELECT password_hash FROM people WHERE name = 'Chen'");
    expect(rows[0].password_hash).toMatch(/^\$argon2id\$/);
    await platform.call('DELETE', 'users/Chen');
    expect((await signIn('Chen', password)).status).toBe(401);
  });

  test('a short password is refused without being repeated', async () => {
    const answer = await platform.call('POST', 'users', {
      body: { name: 'Short', role: 'viewer', password: '888888' },
    });
    expect([answer.status, answer.body.errors[0]?.path]).toEqual([422, 'password']);
    expect(answer.text).not.toContain('888888');
  });

  test('a page of another site cannot act with the cookie', async () => {
    const link = await platform.call('GET', await signInLink(platform.pool, { name: 'Wu', role: 'admin' }), {
      key: null,
    });
    const cookie = cookieOf(link.headers).split(';')[0]!;
    const body = { lockId: 'JTCSRF0001' };
    const from = (extra: Record<string, string>) =>
      platform.call('POST', 'locks', { key: null, body, headers: { cookie, ...extra } });
    expect((await from({ origin: 'https://evil.example' })).body.code).toBe('auth.foreign-page');
    expect((await from({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    expect(
      (await from({ host: 'wall.example:8080', origin: 'http://wall.example:8080', 'sec-fetch-site': 'same-origin' }))
        .status,
    ).toBe(201);
  });
});

describe('keys', () => {
  test('are long, prefixed, shown once, stored hashed, and end when they are revoked', async () => {
    const made = (await platform.call('POST', 'keys', { body: { name: 'gate 1', role: 'gate' } })).body;
    expect(made.key).toMatch(/^sw_[\w-]{43}$/);
    expect((await platform.call('GET', 'gates', { key: made.key })).status).toBe(200);
    expect((await platform.call('GET', 'keys')).text).not.toContain(made.key);
    const { rows } = await platform.pool.query('SELECT encode(key_hash, $1) AS h FROM api_keys', ['escape']);
    expect(JSON.stringify(rows)).not.toContain(made.key);
    await platform.call('DELETE', `keys/${String(made.keyId)}`);
    expect((await platform.call('GET', 'gates', { key: made.key })).status).toBe(401);
  });
});

describe('offices', () => {
  test('people of neither office see nothing of a trip; the other office looks but does not act', async () => {
    const trip = await addTrip(platform, {});
    const [origin, destination, stranger] = [
      await platform.key('operator', ['2921']),
      await platform.key('operator', ['3104']),
      await platform.key('operator', ['9999']),
    ];
    const see = async (key: string) => (await platform.call('GET', `trips/${trip.tripId}`, { key })).status;
    expect([await see(origin), await see(destination), await see(stranger)]).toEqual([200, 200, 404]);
    expect((await platform.call('GET', 'trips', { key: stranger })).body.items).toEqual([]);
    expect((await platform.call('GET', `locks/${trip.lockId}`, { key: stranger })).status).toBe(404);
    const release = (key: string) => platform.call('POST', `trips/${trip.tripId}/release`, { key });
    expect((await release(stranger)).status).toBe(404);
    expect((await release(destination)).body.code).toBe('office.not-acting');
    expect((await release(origin)).status).toBe(200);
    const foreign = await platform.call('POST', 'trips', { key: stranger, body: declaration(await addLock(platform)) });
    expect(foreign.body.code).toBe('office.not-yours');
  });

  test('alarms are bound like their trips', async () => {
    const trip = await addTrip(platform);
    const alarmId = await raise(platform, trip);
    const stranger = await platform.key('operator', ['9999']);
    const origin = await platform.key('operator', ['2921']);
    const destination = await platform.key('operator', ['3104']);
    const acknowledge = (key: string) => platform.call('POST', `alarms/${alarmId}/acknowledge`, { key });
    expect((await acknowledge(stranger)).status).toBe(404);
    expect((await acknowledge(origin)).body.code).toBe('office.not-acting');
    expect((await acknowledge(destination)).body).toMatchObject({
      state: 'acknowledged',
      acknowledgedBy: expect.stringContaining('operator'),
    });
    expect((await platform.call('GET', 'alarms', { key: stranger })).body.items).toEqual([]);
  });
});

describe('Idempotency-Key', () => {
  const withKey = (key: string, body: unknown) =>
    platform.call('POST', 'locks', { body, headers: { 'idempotency-key': key } });

  test('the same key and body get the same answer, secret included, which the store cannot read', async () => {
    const body = { lockId: 'JTIDEM0001' };
    const [first, again] = [await withKey('k-1', body), await withKey('k-1', body)];
    expect([first.status, again.status]).toEqual([201, 201]);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotent-replayed']).toBe('true');
    const { rows } = await platform.pool.query('SELECT * FROM idempotency');
    expect(JSON.stringify(rows)).not.toContain(first.body.secret);
    const other = await withKey('k-1', { lockId: 'JTIDEM0002' });
    expect([other.status, other.body.code]).toEqual([409, 'idempotency.other-request']);
  });

  test('a refused call may be mended and sent again; many at once make one trip', async () => {
    expect((await withKey('k-2', { lockId: 'bad' })).status).toBe(422);
    expect((await withKey('k-2', { lockId: 'JTIDEM0003' })).status).toBe(201);
    const body = declaration(await addLock(platform), { takeover: takeover() });
    const answers = await Promise.all(
      Array.from({ length: 8 }, () => platform.call('POST', 'trips', { body, headers: { 'idempotency-key': 'k-3' } })),
    );
    expect(answers.filter((a) => a.status === 201 && a.headers['idempotent-replayed'] === undefined)).toHaveLength(1);
    expect(answers.every((a) => a.status === 201 || a.body.code === 'idempotency.in-progress')).toBe(true);
    expect((await platform.call('GET', `trips?q=${body.declarationNo}`)).body.items).toHaveLength(1);
  });
});

describe('the closed loop by hand', () => {
  test('release, hang, seal, take over by the rules, verify, unlock, close, each with its checks', async () => {
    const trip = await addTrip(platform, {});
    const step = (name: string, body: object = {}) => platform.call('POST', `trips/${trip.tripId}/${name}`, { body });
    expect((await step('seal')).body).toMatchObject({ status: 409, code: 'trip.status' });
    expect((await step('release')).body.trip).toMatchObject({ status: 'released' });
    const failed = { check: 'healthy', passed: false };
    expect((await step('hang')).body).toMatchObject({
      status: 409,
      code: 'step.hang.failed',
      checks: expect.arrayContaining([expect.objectContaining(failed)]),
    });
    await report(platform, trip.lockId, { lon: 120, mode: 'awake' });
    expect((await step('hang')).body.trip).toMatchObject({ status: 'hung' });
    const unconfirmed = await step('seal');
    expect(unconfirmed.body.errors.map((e) => e.path)).toEqual(['interval']);
    const { rows } = await platform.pool.query(
      "SELECT command_id FROM commands WHERE lock_id = $1 AND type = 'interval'",
      [trip.lockId],
    );
    await platform.reply(rows[0].command_id);
    const sealed = await step('seal', { read: { plate: trip.plate, lockIds: [trip.lockId] } });
    expect(sealed.body.trip).toMatchObject({
      status: 'sealed',
      steps: [{ state: 'done' }, { state: 'done' }, {}, {}, {}],
    });
    // departure and arrival follow the fixes: the intake's part
    await platform.pool.query(
      "UPDATE trips SET status = 'arrived', departed_at = now(), arrived_at = now() WHERE trip_id = $1",
      [trip.tripId],
    );
    await report(platform, trip.lockId, { lon: 120.5 });
    expect((await step('verify')).body.errors.map((e) => e.path)).toEqual(['place']);
    await report(platform, trip.lockId);
    expect((await step('verify')).body.trip).toMatchObject({ status: 'verified' });
    const waiting = await step('unlock');
    expect(waiting.body.errors.map((e) => e.path)).toEqual(['unlocked']);
    const unlocks = await platform.pool.query(
      "SELECT command_id FROM commands WHERE lock_id = $1 AND type = 'unlock'",
      [trip.lockId],
    );
    expect(unlocks.rows).toHaveLength(1);
    await platform.pool.query("UPDATE commands SET state = 'done' WHERE command_id = $1", [unlocks.rows[0].command_id]);
    expect((await step('unlock')).body.trip).toMatchObject({ status: 'unlocked' });
    expect((await step('close')).body.trip).toMatchObject({ status: 'closed' });
    expect((await platform.call('GET', `locks/${trip.lockId}`)).body).toMatchObject({ state: 'stock' });
    const events = (await platform.call('GET', `trips/${trip.tripId}/events`)).body.items.map((e) => e.type);
    expect(events).toEqual(
      expect.arrayContaining([
        'trip.declare',
        'trip.release',
        'trip.hang',
        'trip.seal',
        'trip.verify',
        'trip.unlock',
        'trip.close',
      ]),
    );
    expect((await platform.call('GET', 'audit/check')).body).toMatchObject({ holds: true, unlinked: [] });
  });

  test('the audit finds a changed and a removed row', async () => {
    await platform.pool.query(
      "UPDATE audit SET actor = 'nobody' WHERE audit_id = (SELECT min(audit_id) + 2 FROM audit)",
    );
    expect((await platform.call('GET', 'audit/check')).body).toMatchObject({
      holds: false,
      reason: 'this entry was changed',
    });
    await platform.pool.query('DELETE FROM audit WHERE audit_id = (SELECT min(audit_id) FROM audit)');
    expect((await platform.call('GET', 'audit/check')).body).toMatchObject({
      holds: false,
      reason: expect.stringContaining('removed'),
    });
  });
});

describe('the wall of another time', () => {
  test('shows a trip as it stood, and the figures count it', async () => {
    const trip = await addTrip(platform);
    const now = (await platform.call('GET', 'snapshot')).body as unknown as { trips: { tripId: string }[] };
    expect(now.trips.map((t) => t.tripId)).toContain(trip.tripId);
    const stats = await platform.call('GET', 'stats');
    expect(stats.body.items[0]).toMatchObject({ office: '3104', declared: expect.any(Number) });
    expect(
      (await platform.call('GET', 'stats?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z')).body.errors[0]?.path,
    ).toBe('from');
    expect((await platform.call('GET', 'snapshot?at=yesterday')).status).toBe(422);
    const track = await platform.call('GET', `trips/${trip.tripId}/track`);
    expect(track.body).toMatchObject({ tripId: trip.tripId, points: [] });
    expect((await platform.call('GET', `locks/${trip.lockId}/reports?from=2026-01-01T00:00:00Z`)).body.items).toEqual(
      [],
    );
    expect((await platform.call('GET', 'quarantine')).body.items).toEqual([]);
  });
});

describe('the contract', () => {
  test('names every call of the description', async () => {
    const contract = readFileSync(new URL('../../../docs/contract.md', import.meta.url), 'utf8');
    const { paths } = (await platform.call('GET', '/openapi.json', { key: null })).body as { paths?: object };
    const calls = Object.keys(paths ?? {}).filter((path) => path.startsWith('/api/v1/'));
    const unnamed = calls.filter(
      (path) => !contract.includes(path.replaceAll(/\/\{[^}]+\}/g, '').match(/\/[^/]+$/)![0]),
    );
    expect(calls.length).toBeGreaterThan(50);
    expect(unnamed).toEqual([]);
  });
});

describe('life signs', () => {
  test('ready says why not; figures and description are there', async () => {
    expect((await platform.call('GET', '/healthz', { key: null })).status).toBe(200);
    expect((await platform.call('GET', '/readyz', { key: null })).body).toEqual({ ready: true, reasons: [] });
    platform.reasons.push('database.unavailable');
    expect((await platform.call('GET', '/readyz', { key: null })).status).toBe(503);
    platform.reasons.pop();
    expect((await platform.call('GET', '/metrics', { key: null })).text).toContain('sealwatch_http_request_seconds');
    const wall = await platform.call('GET', '/wall', { key: null });
    expect([wall.status, wall.text.includes('npm run build')]).toEqual([503, true]);
  });

  test('lists go on where the page before ended, without a gap or a repeat', async () => {
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const { items, next } = (await platform.call('GET', `trips?limit=2${cursor}`)).body;
      seen.push(...items.map((trip) => trip.tripId));
      if (next === undefined) break;
      cursor = `&cursor=${next}`;
    }
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen.length).toBe((await platform.pool.query('SELECT 1 FROM trips')).rowCount);
  });
});
