import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Intake } from '../../src/intake/intake.ts';
import {
  addLock,
  addRoute,
  addTrip,
  declaration,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
} from '../api/platform.ts';
import { withIntake } from '../api/with-intake.ts';

let platform: TestPlatform;
let intake: Intake;
beforeAll(async () => {
  platform = await startPlatform({ confirmWithinMs: 60_000, gateWaitMs: 0 });
  intake = await withIntake(platform);
  await addRoute(platform);
});
afterAll(async () => {
  await intake?.stop();
  await platform?.stop();
});

const step = (trip: TestTrip, name: string, body: object = {}) =>
  platform.call('POST', `trips/${trip.tripId}/${name}`, { body });

/** A trip whose seal is verified, with its lock at the destination. */
async function verifiedTrip(): Promise<TestTrip> {
  const trip = await addTrip(platform);
  await report(platform, trip.lockId);
  expect((await step(trip, 'verify')).status).toBe(200);
  return trip;
}

const unlocksOf = async (trip: TestTrip) =>
  (
    await platform.pool.query<{ command_id: string; state: string }>(
      "SELECT command_id, state FROM commands WHERE trip_id = $1 AND type = 'unlock'",
      [trip.tripId],
    )
  ).rows;

/** The unlock of a trip, as soon as it is queued for its lock. */
const asked = (trip: TestTrip) =>
  vi.waitFor(async () => {
    const queued = (await unlocksOf(trip)).find(({ state }) => state === 'queued');
    if (!queued) throw new Error('no unlock is queued yet');
    return queued.command_id;
  });

/** The lock replies `done` to its unlock as soon as there is one. */
const replyWhenAsked = async (trip: TestTrip) => platform.reply(await asked(trip));

const status = async (trip: TestTrip) => (await platform.call('GET', `trips/${trip.tripId}`)).body.status;
const reached = (trip: TestTrip, wanted: string) => expect.poll(() => status(trip)).toBe(wanted);

// X.1 of the field cases: an unlock that the lock had done was answered 409.
describe('POST /trips/{id}/unlock', () => {
  test('is 200 with the checks if the lock replies while the call waits, and the same when asked again', async () => {
    const trip = await verifiedTrip();
    const [answer] = await Promise.all([step(trip, 'unlock'), replyWhenAsked(trip)]);
    expect([answer.status, answer.body.step]).toEqual([200, 'unlock']);
    expect(answer.body.checks).toContainEqual({ check: 'unlocked', passed: true });
    await reached(trip, 'unlocked');
    const again = await step(trip, 'unlock');
    expect([again.status, again.body.checks]).toEqual([200, answer.body.checks]);
  });

  test('is 200 if the lock had confirmed before the call, and if the trip was closed by that', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    expect((await step(trip, 'write-off')).status).toBe(200);
    await replyWhenAsked(trip);
    await reached(trip, 'closed');
    const answer = await step(trip, 'unlock');
    expect([answer.status, (answer.body.trip as { status: string }).status]).toEqual([200, 'closed']);
    expect(answer.body.checks).toContainEqual({ check: 'unlocked', passed: true });
    expect((await step(trip, 'close')).status).toBe(200);
  });

  test('asked twice at the same time is 200 twice, with one command to the lock', async () => {
    const trip = await verifiedTrip();
    const [first, second] = await Promise.all([step(trip, 'unlock'), step(trip, 'unlock'), replyWhenAsked(trip)]);
    expect([first.status, second.status]).toEqual([200, 200]);
    expect(await unlocksOf(trip)).toHaveLength(1);
  });

  test('confirms a lock whose clock is slow by a record that was received after the unlock', async () => {
    const trip = await verifiedTrip();
    const answer = step(trip, 'unlock');
    const seal = { rope: 'pulled', motor: 'unlocked', cover: 'closed' };
    await asked(trip);
    await report(platform, trip.lockId, { seal });
    await platform.pool.query("UPDATE locks SET last_time = last_time - interval '4 minutes' WHERE lock_id = $1", [
      trip.lockId,
    ]);
    expect((await answer).status).toBe(200);
  });
});

describe('a step asked again after it was taken', () => {
  test('is 200 with the checks of the first time, by the office that takes the step; not for a cancelled trip', async () => {
    const trip = await addTrip(platform, {});
    const origin = await platform.key('operator', ['2921']);
    const asOrigin = (name: string) => platform.call('POST', `trips/${trip.tripId}/${name}`, { key: origin, body: {} });
    expect((await asOrigin('hang')).body.code).toBe('trip.status');
    for (let i = 0; i < 2; i++) expect((await asOrigin('release')).status).toBe(200);
    await report(platform, trip.lockId, { lon: 120 });
    const hung = await asOrigin('hang');
    const sealed = await asOrigin('seal');
    expect([hung.status, sealed.status]).toEqual([200, 200]);
    await platform.pool.query("UPDATE trips SET status = 'in-transit', departed_at = now() WHERE trip_id = $1", [
      trip.tripId,
    ]);
    const again = await asOrigin('seal');
    expect([again.status, again.body.checks]).toEqual([200, sealed.body.checks]);
    expect((await asOrigin('verify')).status).toBe(403);
    await step(trip, 'cancel');
    expect((await step(trip, 'seal')).body.code).toBe('trip.status');
  });
});

// 3.6, after home-assistant/core#1270 (the fix was the mast's) and fulup-bzh/GeoGate#65 (0,0 sent for "none").
describe('the designated place of a step', () => {
  const send = (lockId: string, body: object) =>
    new Promise<void>((resolve, reject) =>
      platform.deps.door.receive(lockId, Buffer.from(JSON.stringify(body)), (error) =>
        error ? reject(error) : resolve(),
      ),
    );
  const record = (seq: number, position: object, secondsAgo: number) => ({
    v: 1,
    boot: 1,
    seq,
    time: new Date(Date.now() - secondsAgo * 1_000).toISOString(),
    mode: 'sealed',
    position,
    seal: { rope: 'inserted', motor: 'locked', cover: 'closed' },
    battery: { percent: 80 },
  });
  const inside = { lon: 120, lat: 29.3, satellites: 9, source: 'gnss' };

  test.each([
    ['a cell position 2 km off', { lon: 120.02, lat: 29.3, source: 'cell' }],
    ['0/0', { lon: 0, lat: 0 }],
    ['a fix of no satellite', { lon: 113.83058, lat: 22.607593, satellites: 0 }],
  ])('is compared with the newest credible fix, not with %s', async (_what, position) => {
    const trip = await addTrip(platform, {});
    await send(trip.lockId, record(1, inside, 30));
    await send(trip.lockId, record(2, position, 10));
    await step(trip, 'release');
    await step(trip, 'hang');
    const sealed = await step(trip, 'seal');
    expect([sealed.status, sealed.body.code]).toEqual([200, undefined]);
  });

  test('refuses a lock whose newest credible fix lies elsewhere', async () => {
    const trip = await addTrip(platform, {});
    await send(trip.lockId, record(1, { ...inside, lon: 120.02 }, 30));
    await send(trip.lockId, record(2, { lon: 120, lat: 29.3, source: 'cell' }, 10));
    await step(trip, 'release');
    await step(trip, 'hang');
    expect((await step(trip, 'seal')).body.errors.map(({ path }) => path)).toEqual(['place']);
  });
});

// 2.11, after the captures without a fix in traccar's Jt600ProtocolDecoderTest and traccar/traccar#1604.
describe('a JGS/T 14 position', () => {
  const positions = async (...elements: string[]) => {
    const body = elements.map((one) => `<POSITION>${one}</POSITION>`).join('');
    const answer = await platform.call('POST', 'jgs/14', {
      raw: `<POSITION_INFO><MESSAGE_TYPE>1</MESSAGE_TYPE>${body}</POSITION_INFO>`,
      headers: { 'content-type': 'text/xml' },
    });
    return [...answer.text.matchAll(/<RESULT>(\d)<\/RESULT>(?:\s*<TEXT>([^<]*)<\/TEXT>)?/g)].map(([, r, t]) => [r, t]);
  };
  const now = () => new Date().toISOString();
  const base = (lockId: string, serial: number) =>
    `<ESEAL_ID>${lockId}</ESEAL_ID><BOOT_NO>1</BOOT_NO><SERIAL_NO>${serial}</SERIAL_NO>`;
  const risk = async (trip: TestTrip) => (await platform.call('GET', `trips/${trip.tripId}`)).body.risk;

  test.each([
    ['without coordinates', ''],
    ['with empty elements', '<LONGITUDE></LONGITUDE><LATITUDE/>'],
    ['with unreadable ones', '<LONGITUDE>N/A</LONGITUDE><LATITUDE>91</LATITUDE><SPEED>-1</SPEED><BATTERY>x</BATTERY>'],
  ])('%s is stored without a position, and its seal is judged', async (_what, elements) => {
    const trip = await addTrip(platform);
    await intake.judgeWaiting();
    const time = `<POS_TIME>${now()}</POS_TIME>`;
    const [item] = await positions(`${base(trip.lockId, 7)}${time}${elements}<ESEAL_STATUS>U</ESEAL_STATUS>`);
    expect(item?.[0]).toBe('1');
    const { items } = (await platform.call('GET', `locks/${trip.lockId}/reports`)).body;
    expect(items).toHaveLength(1);
    expect([items[0]?.position, items[0]?.seal]).toMatchObject([undefined, { motor: 'unlocked' }]);
    expect(await risk(trip)).toBe('red');
  });

  test('without a time that can be read has its receipt time, and is the same record when it is sent again', async () => {
    const lockId = await addLock(platform);
    for (const time of ['', '<POS_TIME/>', '<POS_TIME>yesterday</POS_TIME>']) {
      const [item] = await positions(`${base(lockId, 1)}${time}<ESEAL_STATUS>L</ESEAL_STATUS>`);
      expect(item?.[0]).toBe('1');
    }
    expect((await platform.call('GET', `locks/${lockId}/reports`)).body.items).toHaveLength(1);
  });

  test('that the intake refuses is answered 2 with the reason, and is in quarantine', async () => {
    const lockId = await addLock(platform);
    const time = now();
    const soon = new Date(Date.now() + 8 * 3_600_000).toISOString();
    const results = await positions(
      `${base(lockId, 1)}<POS_TIME>${time}</POS_TIME><ESEAL_STATUS>L</ESEAL_STATUS>`,
      `<ESEAL_ID>${lockId}</ESEAL_ID><POS_TIME>${now()}</POS_TIME><ESEAL_STATUS>L</ESEAL_STATUS>`,
    );
    expect(results.map((item) => item[0])).toEqual(['1', '2']);
    const [conflict] = await positions(`${base(lockId, 1)}<POS_TIME>${time}</POS_TIME><ESEAL_STATUS>U</ESEAL_STATUS>`);
    expect(conflict).toEqual(['2', expect.stringContaining('identity-conflict')]);
    const [ahead] = await positions(`${base(lockId, 2)}<POS_TIME>${soon}</POS_TIME>`);
    expect(ahead?.[0]).toBe('1');
    expect((await platform.call('GET', `locks/${lockId}/reports`)).body.items).toHaveLength(2);
    expect((await platform.call('GET', `quarantine?lockId=${lockId}`)).body.items.length).toBeGreaterThanOrEqual(2);
  });

  test('of a seal that says that one part is broken is judged by it', async () => {
    const trip = await addTrip(platform);
    await intake.judgeWaiting();
    const parts = '<ROPE_STATUS>CUT</ROPE_STATUS><MOTOR_STATUS>7</MOTOR_STATUS>';
    const [item] = await positions(`${base(trip.lockId, 1)}<POS_TIME>${now()}</POS_TIME>${parts}`);
    expect(item).toEqual(['1', expect.stringContaining('MOTOR_STATUS')]);
    expect(await risk(trip)).toBe('red');
  });
});

// 1.9, after tc39/agendas#782 and feiyu563/PrometheusAlert#286 (14 h off).
describe('GET /stats?zone=', () => {
  const stats = (zone: string) => platform.call('GET', `stats?zone=${encodeURIComponent(zone)}`);

  test.each([
    'CST',
    'EST5EDT',
    'CST6CDT',
    'IST',
    'BST',
    'MST',
    'EST',
    'CET',
    'JST',
    'gmt+8',
    'GMT+8',
    '+08:00',
    'UTC+8',
  ])('%s means different times to different people: 422 with what to write instead', async (zone) => {
    const { status: code, body } = await stats(zone);
    expect([code, body.errors?.[0]?.path, body.errors?.[0]?.value]).toEqual([422, 'zone', zone]);
    expect(body.errors[0]?.expected).toContain('Asia/Shanghai');
  });

  test.each(['Asia/Shanghai', 'UTC', 'GMT', 'Etc/UTC', 'PRC', 'Japan', 'America/Argentina/Buenos_Aires'])(
    '%s is taken',
    async (zone) => expect((await stats(zone)).status).toBe(200),
  );
});

// 1.8, after moment/moment#3809, ethlo/itu#4 and dateutil/dateutil#1018.
describe('an RFC 3339 time', () => {
  const places: [
    string,
    (time: string) => Promise<{ status: number; body: { errors: { path: string }[] } }>,
    string,
  ][] = [
    [
      '?from=',
      (time) => platform.call('GET', `stats?from=${encodeURIComponent(time)}&to=2017-01-02T00:00:00Z`),
      'from',
    ],
    ['?at=', (time) => platform.call('GET', `snapshot?at=${encodeURIComponent(time)}`), 'at'],
    [
      'takeover.departedAt',
      async (time) => {
        const takeover = { sealedAt: '2016-01-01T00:00:00Z', departedAt: time };
        return platform.call('POST', 'trips', { body: declaration(await addLock(platform), { takeover }) });
      },
      'takeover.departedAt',
    ],
    [
      'plannedDepartureAt',
      async (time) =>
        platform.call('POST', 'trips', { body: declaration(await addLock(platform), { plannedDepartureAt: time }) }),
      'plannedDepartureAt',
    ],
  ];

  test.each(places)('with second 60, in small letters or with a wide offset is taken as %s', async (_where, ask) => {
    for (const time of [
      '2016-12-31T23:59:60.000Z',
      '2017-01-01T07:59:60+08:00',
      '2016-12-31t23:59:59.123456789012z',
      '2017-01-01T20:00:00+20:30',
    ]) {
      const { status: code, body } = await ask(time);
      expect([code < 300, body.errors], time).toEqual([true, undefined]);
    }
  });

  test.each(places)(
    'of year 0, of the year 10000 or none at all is 422 with its path as %s',
    async (_where, ask, path) => {
      for (const time of [
        '0000-01-01T00:00:00Z',
        '9999-12-31T23:59:59-01:00',
        'today',
        '2016-02-30T00:00:00Z',
        '2016-12-31T23:59:61Z',
      ]) {
        const { status: code, body } = await ask(time);
        expect([code, body.errors?.[0]?.path], time).toEqual([422, path]);
      }
    },
  );
});
