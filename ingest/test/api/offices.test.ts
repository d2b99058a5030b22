import { decodeFrame, type Role, type TripStatus } from '@sealwatch/schemas';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { announce, EVENT_TYPES } from '../../src/store/webhooks/outbox.ts';
import type { Webhooks } from '../../src/webhooks/webhooks.ts';
import { type Receiver, startReceiver } from '../webhooks/receiver.ts';
import { withWebhooks } from '../webhooks/subscribing.ts';
import {
  addGate,
  addLock,
  addRoute,
  addTrip,
  DESTINATION_OFFICE,
  declaration,
  GATE,
  ORIGIN_OFFICE,
  passage,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
} from './platform.ts';

const STRANGER_OFFICE = '9999';
/** Who looks: both ends of the trip, another office, somebody bound to none, and somebody with no office at all. */
const LOOKERS = {
  origin: [ORIGIN_OFFICE],
  destination: [DESTINATION_OFFICE],
  'an office of both': [STRANGER_OFFICE, DESTINATION_OFFICE],
  'another office': [STRANGER_OFFICE],
  'no office in particular': null,
  'no office at all': [],
} as const satisfies Record<string, readonly string[] | null>;
type Looker = keyof typeof LOOKERS;
const SEES: Record<Looker, boolean> = {
  origin: true,
  destination: true,
  'an office of both': true,
  'another office': false,
  'no office in particular': true,
  'no office at all': false,
};
const EVERYBODY = Object.keys(LOOKERS) as Looker[];

let platform: TestPlatform;
let url: string;
let webhooks: Webhooks;
let receiver: Receiver;
/** The trip of origin and destination, and one of the other office, whose people must not see an empty platform. */
let trip: TestTrip;
let own: TestTrip;
let alarmId: string;
const keys = new Map<string, string>();
const keyOf = (who: Looker, role: Role) => keys.get(`${who} ${role}`)!;
const ROLES: Role[] = ['viewer', 'operator', 'supervisor', 'gate', 'tester', 'admin'];

const reportRow = (of: TestTrip, seq: number) =>
  platform.pool.query(
    `INSERT INTO reports (lock_no, boot, seq, time, delay_ms, kind, lon, lat)
     SELECT lock_no, 1, $2, now() - interval '1 minute', 60000, 'a', 1205000000, 293000000 FROM locks WHERE lock_id = $1`,
    [of.lockId, seq],
  );

beforeAll(async () => {
  platform = await startPlatform();
  platform.feed.attach(platform.api.server);
  url = await platform.api.listen({ host: '127.0.0.1', port: 0 });
  receiver = await startReceiver();
  webhooks = withWebhooks(platform);
  for (const who of EVERYBODY) {
    for (const role of ROLES) keys.set(`${who} ${role}`, await platform.key(role, LOOKERS[who] && [...LOOKERS[who]]));
  }
  await addRoute(platform);
  await addGate(platform);
  const strangers = { ...GATE, properties: { ...GATE.properties, office: STRANGER_OFFICE } };
  await platform.call('PUT', 'places/elsewhere-1', { body: strangers });
  trip = await addTrip(platform);
  own = await addTrip(platform, { originOffice: STRANGER_OFFICE, destinationOffice: STRANGER_OFFICE });
  for (const [n, of] of [trip, own].entries()) {
    await report(platform, of.lockId);
    await reportRow(of, n);
    await platform.pool.query(
      `INSERT INTO quarantine (lock_id, topic, reason, raw) VALUES ($1, 't', 'not-json', 'x')`,
      [of.lockId],
    );
  }
  alarmId = await raise(platform, trip);
  await platform.call('POST', `alarms/${alarmId}/acknowledge`, { body: {} });
  await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip, { passageId: 'p-of-trip' }) });
  await platform.call('POST', `locks/${trip.lockId}/commands`, { body: { type: 'locate' } });
});
afterAll(async () => {
  await webhooks?.stop();
  await receiver?.close();
  await platform?.stop();
});

/** Everything by which the trip could be known. */
const marks = () => [trip.tripId, trip.lockId, trip.containerNo, trip.plate, alarmId];
const shows = (text: string) => marks().some((mark) => text.includes(mark));

describe('REST', () => {
  /** Every call of the description that reads, about the trip where it is about anything. */
  async function reads(): Promise<string[]> {
    const { paths } = (await platform.call('GET', '/openapi.json', { key: null })).body as unknown as {
      paths: Record<string, Record<string, unknown>>;
    };
    const about: Record<string, string> = {
      tripId: trip.tripId,
      lockId: trip.lockId,
      alarmId,
      gateId: 'daxie-1',
      placeId: 'daxie-1',
      routeId: 'yiwu-daxie',
      office: ORIGIN_OFFICE,
    };
    const fill = (path: string) => path.replaceAll(/\{([^}]+)\}/g, (_all, name: string) => about[name] ?? 'nobody-0');
    const gets = Object.entries(paths).filter(([path, methods]) => path.startsWith('/api/v1/') && 'get' in methods);
    return gets.map(([path]) => fill(path));
  }

  test.each(EVERYBODY)('every call that reads, asked by %s', async (who) => {
    const showing: string[] = [];
    for (const path of await reads()) {
      for (const role of ROLES) {
        const answer = await platform.call('GET', path, { key: keyOf(who, role) });
        // A refusal repeats what was asked for, and nothing else.
        const text = answer.status === 200 ? answer.text : '';
        expect([path, role, answer.status < 500]).toEqual([path, role, true]);
        if (shows(text)) showing.push(path);
        else if (path.includes(trip.tripId) || path.includes(alarmId) || path.includes(trip.lockId)) {
          expect([path, role, [403, 404].includes(answer.status) || SEES[who]]).toEqual([path, role, true]);
        }
      }
    }
    const expected = [
      '/trips',
      `/trips/${trip.tripId}`,
      '/alarms',
      `/alarms/${alarmId}`,
      '/locks',
      '/snapshot',
      '/audit',
    ];
    const seen = new Set(showing.map((path) => path.slice('/api/v1'.length)));
    if (SEES[who]) expect([...seen]).toEqual(expect.arrayContaining(expected));
    else expect([...seen]).toEqual([]);
  });

  test('another office’s own trip is seen by it as ever', async () => {
    const { items } = (await platform.call('GET', 'trips', { key: keyOf('another office', 'viewer') })).body;
    expect(items.map((item) => item.tripId)).toEqual([own.tripId]);
  });

  test('a lock that has moved on shows its records and commands of before to nobody new', async () => {
    const old = await addTrip(platform);
    await reportRow(old, 7);
    await platform.call('POST', `locks/${old.lockId}/commands`, { body: { type: 'locate' } });
    await platform.pool.query("UPDATE trips SET status = 'closed' WHERE trip_id = $1", [old.tripId]);
    const next = declaration(old.lockId, { originOffice: STRANGER_OFFICE, destinationOffice: STRANGER_OFFICE });
    expect((await platform.call('POST', 'trips', { body: next })).status).toBe(201);
    const key = keyOf('another office', 'operator');
    for (const path of ['reports', 'commands']) {
      const answer = await platform.call('GET', `locks/${old.lockId}/${path}`, { key });
      expect([path, answer.status, answer.body.items]).toEqual([path, 200, []]);
    }
  });

  test('a gate of another office learns nothing of the trip, not even by a repeat', async () => {
    const key = keyOf('another office', 'gate');
    const repeat = passage(trip, { passageId: 'p-of-trip' });
    const there = await platform.call('POST', 'gates/daxie-1/passages', { key, body: repeat });
    expect([there.status, there.body.code, shows(there.text)]).toEqual([403, 'office.not-yours', false]);
    // What its own gate reads is its own; whose trip it is, it is not told.
    const body = passage(await addTrip(platform));
    const here = await platform.call('POST', 'gates/elsewhere-1/passages', { key, body });
    expect([here.status, here.body.verdict, here.body.tripId]).toEqual([
      200,
      expect.not.stringMatching('release'),
      undefined,
    ]);
  });

  test('who is bound to an office makes and ends people and keys of its own alone', async () => {
    const key = keyOf('another office', 'admin');
    for (const offices of [[], [ORIGIN_OFFICE], [STRANGER_OFFICE, ORIGIN_OFFICE]]) {
      const person = { name: `p ${offices.join()}`, role: 'admin', offices };
      expect((await platform.call('POST', 'users', { key, body: person })).body.code).toBe('office.not-yours');
      expect((await platform.call('POST', 'keys', { key, body: { role: 'admin', offices } })).status).toBe(403);
    }
    const made = await platform.call('POST', 'keys', { key, body: { role: 'viewer', offices: [STRANGER_OFFICE] } });
    expect(made.status).toBe(201);
    const foreign = await platform.call('POST', 'keys', { body: { role: 'viewer', offices: [ORIGIN_OFFICE] } });
    await platform.call('POST', 'users', { body: { name: 'Zhao', role: 'viewer', offices: [ORIGIN_OFFICE] } });
    expect((await platform.call('DELETE', `keys/${String(foreign.body.keyId)}`, { key })).status).toBe(404);
    expect((await platform.call('DELETE', 'users/Zhao', { key })).status).toBe(404);
    expect((await platform.call('DELETE', `keys/${String(made.body.keyId)}`, { key })).status).toBe(204);
  });
});

describe('who acts', () => {
  const AT_ORIGIN: TripStatus[] = ['declared', 'released', 'hung', 'sealed'];
  const LATER: TripStatus[] = ['in-transit', 'arrived', 'verified', 'unlocked', 'closed', 'cancelled'];
  const until = () => new Date(Date.now() + 60_000).toISOString();
  const ACTS: [method: 'POST' | 'PUT', path: () => string, body: () => object][] = [
    ...['release', 'hang', 'seal', 'verify', 'unlock', 'close'].map((act): (typeof ACTS)[number] => [
      'POST',
      () => `trips/${trip.tripId}/${act}`,
      () => ({}),
    ]),
    ['POST', () => `trips/${trip.tripId}/cancel`, () => ({ reason: 'x' })],
    ['PUT', () => `trips/${trip.tripId}/hold`, () => ({ reason: null })],
    ['PUT', () => `trips/${trip.tripId}/freeze`, () => ({ reason: 'x', until: until() })],
    ['POST', () => `alarms/${alarmId}/acknowledge`, () => ({})],
    ['POST', () => `alarms/${alarmId}/assign`, () => ({ to: 'x' })],
    ['POST', () => `alarms/${alarmId}/close`, () => ({})],
    ['POST', () => 'gates/daxie-1/passages/p-of-trip/decision', () => ({ decision: 'inspect', comment: 'x' })],
  ];

  const become = (status: TripStatus) =>
    platform.pool.query('UPDATE trips SET status = $2, closed_at = NULL WHERE trip_id = $1', [trip.tripId, status]);

  test.each([...AT_ORIGIN, ...LATER])('on a trip that is %s: its own end alone', async (status) => {
    const acts = AT_ORIGIN.includes(status) ? 'origin' : 'destination';
    for (const [method, path, body] of ACTS) {
      // A step that is taken already: the origin that took it may ask for its result.
      const taken = status !== 'cancelled' && /\/(release|hang|seal)$/.test(path());
      const acting = taken ? 'origin' : acts;
      for (const who of ['origin', 'destination', 'another office'] as const) {
        await become(status);
        const answer = await platform.call(method, path(), { key: keyOf(who, 'supervisor'), body: body() });
        const refused =
          answer.status === 404 ? 'unseen' : answer.body.code === 'office.not-acting' ? 'looks on' : 'acts';
        const expected = who === 'another office' ? 'unseen' : who === acting ? 'acts' : 'looks on';
        expect([path(), who, refused]).toEqual([path(), who, expected]);
      }
    }
    await become('in-transit');
  });

  test('a trip is declared by its origin; under way it is taken over by either end', async () => {
    const declare = async (who: Looker, more: object) =>
      (
        await platform.call('POST', 'trips', {
          key: keyOf(who, 'supervisor'),
          body: declaration(await addLock(platform), more),
        })
      ).status;
    const past = (min: number) => new Date(Date.now() - min * 60_000).toISOString();
    const takeover = { takeover: { sealedAt: past(130), departedAt: past(120) } };
    expect([
      await declare('origin', {}),
      await declare('destination', {}),
      await declare('another office', {}),
    ]).toEqual([201, 403, 403]);
    expect([await declare('origin', takeover), await declare('destination', takeover)]).toEqual([201, 201]);
    expect(await declare('another office', takeover)).toBe(403);
  });
});

describe('the live feed', () => {
  /** A screen that keeps all it hears, positions by the lock they are of. */
  async function screen(who: Looker): Promise<{ heard: () => string; socket: Socket; settled: () => Promise<void> }> {
    const socket = io(`${url}/live`, {
      transports: ['websocket'],
      forceNew: true,
      reconnection: false,
      auth: { key: keyOf(who, 'viewer') },
    });
    const heard: string[] = [];
    const names = new Map<number, string>();
    const learn = (locks: { index: number; lockId: string }[]) => {
      for (const lock of locks) names.set(lock.index, lock.lockId);
    };
    const frame = (bytes: Uint8Array) => {
      for (const { index } of decodeFrame(bytes).positions) heard.push(names.get(index) ?? `nameless lock ${index}`);
    };
    let snapshots = 0;
    socket.on('snapshot', ({ positions, ...rest }) => {
      learn(rest.locks);
      heard.push(JSON.stringify(rest));
      frame(positions);
      snapshots++;
    });
    socket.on('positions', frame);
    socket.on('locks', (message) => {
      learn(message.locks);
      heard.push(JSON.stringify(message));
    });
    for (const event of ['trip', 'alarm', 'passage', 'stats']) {
      socket.on(event, (message) => heard.push(JSON.stringify(message)));
    }
    await expect.poll(() => snapshots, { timeout: 180_000 }).toBe(1);
    const settled = async () => {
      socket.emit('resync');
      const before = snapshots;
      await expect.poll(() => snapshots, { timeout: 180_000 }).toBe(before + 1);
    };
    return { heard: () => heard.join('\n'), socket, settled };
  }

  test.each(EVERYBODY)('snapshot, positions, trips, alarms and passages, heard by %s', async (who) => {
    const { heard, socket, settled } = await screen(who);
    const raised = await raise(platform, trip, { rule: `feed.${who}`, kind: 'edge', severity: 'minor' });
    const body = passage(trip, { passageId: `p-${who}` });
    await platform.call('POST', 'gates/daxie-1/passages', { body });
    platform.changed({ alarmIds: [raised] });
    platform.changed({ tripIds: [trip.tripId] });
    const position = { lon: 120.6, lat: 29.3, source: 'gnss' as const };
    const seen = {
      lockId: trip.lockId,
      boot: 2,
      seq: 1,
      timeMs: Date.now(),
      receivedMs: Date.now(),
      kind: 'live' as const,
    };
    platform.live.publish({
      reports: [{ report: { ...seen, position }, lockId: trip.lockId, tripId: trip.tripId, wallStatus: 'red' }],
      alarms: [],
      tripIds: [trip.tripId],
    });
    await platform.feed.settled();
    await settled();
    socket.disconnect();
    expect(heard()).not.toContain('nameless');
    const told = [...marks(), raised, `p-${who}`].map((mark) => [mark, heard().includes(mark)]);
    expect(told).toEqual([...marks(), raised, `p-${who}`].map((mark) => [mark, SEES[who]]));
  });
});

describe('webhooks', () => {
  test.each(EVERYBODY)('events of every type, told to a subscriber of %s', async (who) => {
    const subscribed = await platform.call('POST', 'subscriptions', {
      key: keyOf(who, 'supervisor'),
      body: { url: receiver.url },
    });
    await webhooks.settled();
    receiver.received.length = 0;
    for (const type of EVENT_TYPES) {
      await announce(platform.pool, { type, tripId: trip.tripId, data: { tripId: trip.tripId, alarmId } });
    }
    await webhooks.settled();
    const types = receiver.received.map(({ event }) => event.type);
    expect(types).toEqual(SEES[who] ? [...EVENT_TYPES] : []);
    await platform.call('DELETE', `subscriptions/${String(subscribed.body.subscriptionId)}`);
  });
});

describe('the people of an office', () => {
  const contacts = [
    { name: 'duty officer', phone: '+86 574 0000 0001', duty: 'night' },
    { name: 'gate supervisor', phone: '+86 574 0000 0002' },
  ];

  test('are named by their own office, stand on the alarm for both ends, and each change is in the audit', async () => {
    const path = `offices/${DESTINATION_OFFICE}/contacts`;
    const put = (who: Looker, role: Role) => platform.call('PUT', path, { key: keyOf(who, role), body: { contacts } });
    expect((await put('origin', 'supervisor')).body.code).toBe('office.not-yours');
    expect((await put('destination', 'operator')).body.code).toBe('auth.role');
    expect((await put('destination', 'supervisor')).body).toEqual({ office: DESTINATION_OFFICE, contacts });
    expect((await platform.call('GET', path, { key: keyOf('origin', 'viewer') })).body.contacts).toEqual(contacts);
    const card = await platform.call('GET', `alarms/${alarmId}`, { key: keyOf('origin', 'viewer') });
    expect(card.body.contacts).toEqual([
      { office: ORIGIN_OFFICE, contacts: [] },
      { office: DESTINATION_OFFICE, contacts },
    ]);
    const { items } = (await platform.call('GET', `audit?subject=office:${DESTINATION_OFFICE}`)).body;
    expect(items[0]).toMatchObject({ before: { contacts: [] }, after: { contacts } });
  });

  test('are refused with the field where they cannot be called', async () => {
    const put = (given: unknown) =>
      platform.call('PUT', `offices/${ORIGIN_OFFICE}/contacts`, { body: { contacts: given } });
    expect((await put([{ name: '', phone: '1' }])).body.errors[0]?.path).toBe('contacts[0].name');
    expect((await put([{ name: 'x' }])).body.errors[0]?.path).toBe('contacts[0].phone');
    expect((await platform.call('GET', 'offices/29/contacts')).status).toBe(422);
  });
});
