import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addGate,
  addLock,
  addRoute,
  addTrip,
  BOOTSTRAP,
  declaration,
  passage,
  ROUTE,
  startPlatform,
  type TestPlatform,
  takeover,
} from './platform.ts';

let platform: TestPlatform;
let lockId: string;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
  lockId = await addLock(platform);
});
afterAll(() => platform?.stop());

const post = (url: string, body: unknown, key?: string) =>
  platform.call('POST', url, { body, ...(key ? { key } : {}) });

describe('every error is a problem document with a stable code', () => {
  test.each([
    [404, 'not-found', 'GET', '/api/v1/nothing', {}],
    [404, 'not-found', 'GET', '/nothing', {}],
    [405, 'method.not-allowed', 'DELETE', '/api/v1/trips', {}],
    [
      400,
      'body.malformed',
      'POST',
      '/api/v1/locks',
      { raw: '{"lockId":', headers: { 'content-type': 'application/json' } },
    ],
    [
      415,
      'media-type.unsupported',
      'POST',
      '/api/v1/locks',
      { raw: 'lockId=1', headers: { 'content-type': 'text/plain' } },
    ],
    [
      413,
      'body.too-large',
      'POST',
      '/api/v1/trips',
      { raw: `"${'x'.repeat(1_100_000)}"`, headers: { 'content-type': 'application/json' } },
    ],
    [422, 'request.invalid', 'GET', '/api/v1/trips?limit=501', {}],
    [422, 'request.invalid', 'GET', '/api/v1/trips?cursor=rubbish', {}],
    [422, 'request.invalid', 'GET', '/api/v1/trips?status=lost', {}],
    [422, 'request.invalid', 'GET', '/api/v1/stats?zone=Asia/Atlantis', {}],
    [422, 'request.invalid', 'GET', '/api/v1/stats?zone=%2B08:00', {}],
    [401, 'auth.missing', 'GET', '/api/v1/trips', { key: null }],
    [401, 'auth.key-unknown', 'GET', '/api/v1/trips', { key: 'sw_wrong' }],
    [401, 'auth.session-ended', 'GET', '/api/v1/trips', { key: null, headers: { cookie: 'sealwatch_session=old' } }],
    [404, 'trip.not-found', 'GET', '/api/v1/trips/0b0e8a4c-0000-4000-8000-000000000000', {}],
    [404, 'trip.not-found', 'GET', '/api/v1/trips/not-an-id', {}],
    [404, 'alarm.not-found', 'POST', '/api/v1/alarms/0b0e8a4c-0000-4000-8000-000000000000/acknowledge', {}],
    [404, 'alarm.not-found', 'GET', '/api/v1/alarms/x', {}],
    [404, 'lock.not-found', 'GET', '/api/v1/locks/JT00000000', {}],
    [404, 'route.not-found', 'GET', '/api/v1/routes/nowhere', {}],
    [404, 'place.not-found', 'GET', '/api/v1/places/nowhere', {}],
  ] as const)('%i %s: %s %s', async (status, code, method, url, options) => {
    const answer = await platform.call(method, url, options);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(answer.body).toMatchObject({
      type: `urn:sealwatch:problem:${code}`,
      status,
      title: expect.any(String),
      detail: expect.any(String),
    });
  });

  test('429 when a caller asks too often, and the answer says when to come again', async () => {
    const strict = await startPlatform({ callsPerMinute: 3 });
    const answers = [];
    for (let i = 0; i < 5; i++) answers.push(await strict.call('GET', 'trips'));
    await strict.stop();
    expect(answers.map((a) => a.status)).toEqual([200, 200, 200, 429, 429]);
    expect(answers[4]?.body.code).toBe('rate.limited');
    expect(answers[4]?.headers['retry-after']).toBeDefined();
  });

  test.each(['application/json', 'application/x-www-form-urlencoded'])(
    'none for a call that sends nothing, and says it were %s',
    async (type) => {
      const { tripId } = await addTrip(platform, {});
      const headers = { 'content-type': type, 'content-length': '0' };
      const released = await platform.call('POST', `trips/${tripId}/release`, { raw: '', headers });
      expect([released.status, released.body.trip], released.text).toMatchObject([200, { status: 'released' }]);
      const cancelled = await platform.call('POST', `trips/${tripId}/cancel`, { raw: '', headers });
      expect([cancelled.status, cancelled.body.trip], cancelled.text).toMatchObject([200, { status: 'cancelled' }]);
    },
  );

  test('405 names the methods that are taken', async () => {
    expect((await platform.call('DELETE', 'trips')).headers.allow).toContain('POST');
  });
});

describe('a declaration with a wrong value', () => {
  const wrong = async (more: object) => (await post('trips', declaration(lockId, more))).body;

  test('a wrong check digit names the field, the value and the digit', async () => {
    const answer = await post('trips', declaration(lockId, { units: [{ containerNo: 'CSQU3054384', lockId }] }));
    expect(answer.status).toBe(422);
    expect(answer.body.errors).toEqual([
      {
        path: 'units[0].containerNo',
        message: expect.stringContaining('check digit 3'),
        value: 'CSQU3054384',
        expected: 'check digit 3 (ISO 6346)',
      },
    ]);
  });

  test('an unknown route is named', async () => {
    const body = await wrong({ routeId: 'no-such-route' });
    expect(body).toMatchObject({ status: 422, code: 'route.unknown' });
    expect(body.errors[0]).toMatchObject({
      path: 'routeId',
      value: 'no-such-route',
      message: 'there is no route "no-such-route"',
    });
  });

  test('an unknown lock is named', async () => {
    const body = (await post('trips', declaration('JT00000000'))).body;
    expect(body).toMatchObject({
      status: 422,
      code: 'lock.unknown',
      errors: [{ path: 'units[0].lockId', value: 'JT00000000' }],
    });
  });

  test('a lock on an open trip is in conflict, and the trip is named', async () => {
    const trip = await addTrip(platform);
    const answer = await post('trips', declaration(trip.lockId));
    expect([answer.status, answer.body.code]).toEqual([409, 'lock.on-trip']);
    expect(answer.body.errors[0]?.message).toContain(trip.tripId);
  });

  test('only one of many declarations at the same time gets the lock', async () => {
    const free = await addLock(platform);
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('trips', declaration(free))));
    expect(answers.map((a) => a.status).sort()).toEqual([201, ...Array(9).fill(409)]);
  });

  test.each([
    ['vehicle.tractorPlate', { vehicle: { tractorPlate: 'ABC' } }],
    ['declarationNo', { declarationNo: '123' }],
    ['originOffice', { originOffice: 'Yiwu' }],
    ['units', { units: [] }],
    ['timeLimitMin', { timeLimitMin: -1 }],
    ['takeover.departedAt', { takeover: { sealedAt: takeover().sealedAt, departedAt: '2099-01-01T00:00:00Z' } }],
    ['takeover.sealedAt', { takeover: { sealedAt: takeover().departedAt, departedAt: takeover().sealedAt } }],
  ])('%s', async (path, more) => {
    const body = await wrong(more);
    expect(body.status).toBe(422);
    expect(body.errors[0]?.path).toBe(path);
  });

  test('and the next good declaration is not affected', async () => {
    expect((await post('trips', declaration(await addLock(platform)))).status).toBe(201);
  });
});

describe('other bad input', () => {
  test('a lock that is registered already is in conflict, alone and in a list, and nothing of the list is kept', async () => {
    expect((await post('locks', { lockId })).body.code).toBe('lock.exists');
    const many = await post('locks/import', { locks: [{ lockId: 'JTNEW00001' }, { lockId }] });
    expect([many.status, many.body.errors[0]?.path]).toEqual([409, 'locks[1].lockId']);
    expect((await platform.call('GET', 'locks/JTNEW00001')).status).toBe(404);
  });

  test('a route that cannot be used is refused with the place of the fault, and kept out', async () => {
    const feature = {
      ...ROUTE,
      geometry: {
        type: 'LineString',
        coordinates: [
          [120, 29],
          [120.1, 91],
        ],
      },
    };
    const answer = await platform.call('PUT', 'routes/bad', { body: feature });
    expect([answer.status, answer.body.code]).toEqual([422, 'route.invalid']);
    expect(answer.body.errors[0]?.path).toContain('coordinates');
    expect((await platform.call('GET', 'routes/bad')).status).toBe(404);
    expect((await post('routes/check', feature)).body).toMatchObject({ ok: false });
  });

  test('an XML bomb, a DTD and broken XML are refused', async () => {
    const check = (raw: string) =>
      platform.call('POST', 'routes/check', { raw, headers: { 'content-type': 'application/gpx+xml' } });
    for (const raw of ['<!DOCTYPE gpx [<!ENTITY a "b">]><gpx>&a;</gpx>', '<gpx><trk></gpx>', '<gpx/>']) {
      expect((await check(raw)).body).toMatchObject({ status: 422, code: 'route.gpx' });
    }
    const good =
      '<gpx version="1.1"><trk><name>A</name><trkseg><trkpt lon="120" lat="29.3"/><trkpt lon="120.5" lat="29.3"/></trkseg></trk></gpx>';
    expect((await check(good)).body).toMatchObject({ ok: true });
  });

  test('a passage of 1 MB, or with a lock id of the wrong type, is refused', async () => {
    const trip = await addTrip(platform);
    expect((await post('gates/daxie-1/passages', passage(trip, { lockIds: [7] }))).body.errors[0]?.path).toBe(
      'lockIds[0]',
    );
    expect((await post('gates/daxie-1/passages', passage(trip, { lane: 'x'.repeat(1_100_000) }))).status).toBe(413);
  });

  test('an error of the inside says nothing of the inside', async () => {
    const broken = await startPlatform();
    await broken.pool.query('ALTER TABLE trips RENAME TO gone');
    const answer = await broken.call('GET', 'trips');
    await broken.stop();
    expect([answer.status, answer.body.code]).toEqual([500, 'internal']);
    expect(answer.text).not.toContain('relation');
  });
});

describe('a caller that is refused before its body has come', () => {
  test.each([
    [429, { callsPerMinute: 1 }, `Bearer ${BOOTSTRAP}`],
    [401, {}, 'Bearer x'],
  ])('with %i is not listened to any longer', async (status, config, authorization) => {
    const own = await startPlatform(config);
    try {
      const address = new URL(await own.api.listen({ host: '127.0.0.1', port: 0 }));
      await own.call('GET', '/api/v1/trips', { headers: { authorization } });
      const socket = connect(Number(address.port), address.hostname);
      let heard = '';
      socket.on('data', (data) => {
        heard += data;
      });
      const head = ['POST /api/v1/trips HTTP/1.1', 'host: x', `authorization: ${authorization}`];
      socket.write([...head, 'content-type: application/json', 'content-length: 1000', '', '{'].join('\r\n'));
      await once(socket, 'close');
      expect(heard).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      expect(heard.toLowerCase()).toContain('connection: close');
    } finally {
      await own.stop();
    }
  });
});
