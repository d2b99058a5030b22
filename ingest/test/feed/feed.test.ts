import {
  type Alarm,
  decodeFrame,
  type FeedLock,
  type FeedPassage,
  type FramePosition,
  type SnapshotMessage,
  type Trip,
} from '@sealwatch/schemas';
import { fastify } from 'fastify';
import { io, type Socket } from 'socket.io-client';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { startFeed } from '../../src/feed/feed.ts';
import { signInLink } from '../../src/people/sign-in.ts';
import type { Committed } from '../../src/ports.ts';
import {
  addGate,
  addLock,
  addPerson,
  addRoute,
  addTrip,
  BOOTSTRAP,
  passage,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
} from '../api/platform.ts';

let platform: TestPlatform;
let url: string;
const screens: Screen[] = [];
beforeAll(async () => {
  platform = await startPlatform();
  platform.feed.attach(platform.api.server);
  url = await platform.api.listen({ host: '127.0.0.1', port: 0 });
  await addRoute(platform);
  await addGate(platform);
});
afterEach(() => {
  for (const screen of screens.splice(0)) screen.socket.disconnect();
});
afterAll(() => platform?.stop());

/** A screen that does what the contract tells a client to do, and nothing else. */
class Screen {
  readonly socket: Socket;
  trips = new Map<string, Trip>();
  alarms = new Map<string, Alarm>();
  locks = new Map<number, FeedLock>();
  positions = new Map<number, FramePosition>();
  passages: FeedPassage[] = [];
  alarmsSeen: Alarm[] = [];
  stats = 0;
  snapshots = 0;
  gaps = 0;
  #sequence = 0;

  constructor(options: { auth?: object; bearer?: string; cookie?: string; origin?: string; transports?: string[] }) {
    this.socket = io(`${url}/live`, {
      transports: options.transports ?? ['websocket'],
      forceNew: true,
      reconnection: false,
      ...(options.auth ? { auth: options.auth } : {}),
      extraHeaders: {
        ...(options.bearer ? { authorization: `Bearer ${options.bearer}` } : {}),
        ...(options.cookie ? { cookie: options.cookie } : {}),
        ...(options.origin ? { origin: options.origin } : {}),
      },
    });
    this.socket.on('snapshot', (m: SnapshotMessage) => this.#begin(m));
    this.socket.on('positions', (bytes: Uint8Array) => this.#frame(bytes));
    this.socket.on('locks', (m: { sequence: number; locks: FeedLock[] }) => {
      this.#count(m.sequence);
      for (const lock of m.locks) this.locks.set(lock.index, lock);
    });
    this.socket.on('trip', (m: { sequence: number; trip: Trip }) => {
      this.#count(m.sequence);
      if (['closed', 'cancelled'].includes(m.trip.status)) this.trips.delete(m.trip.tripId);
      else this.trips.set(m.trip.tripId, m.trip);
    });
    this.socket.on('alarm', (m: { sequence: number; alarm: Alarm }) => {
      this.#count(m.sequence);
      this.alarmsSeen.push(m.alarm);
      if (m.alarm.active) this.alarms.set(m.alarm.alarmId, m.alarm);
      else this.alarms.delete(m.alarm.alarmId);
    });
    this.socket.on('passage', (m: { sequence: number; passage: FeedPassage }) => {
      this.#count(m.sequence);
      this.passages.unshift(m.passage);
    });
    this.socket.on('stats', (m: { sequence: number }) => {
      this.#count(m.sequence);
      this.stats++;
    });
    screens.push(this);
  }

  #count(sequence: number): void {
    if (sequence !== this.#sequence + 1) this.gaps++;
    this.#sequence = sequence;
  }

  #begin(m: SnapshotMessage): void {
    this.#sequence = m.sequence;
    this.snapshots++;
    this.trips = new Map(m.trips.map((trip) => [trip.tripId, trip]));
    this.alarms = new Map(m.alarms.map((alarm) => [alarm.alarmId, alarm]));
    this.locks = new Map(m.locks.map((lock) => [lock.index, lock]));
    this.positions = new Map(decodeFrame(m.positions).positions.map((p) => [p.index, p]));
    this.passages = m.passages;
  }

  #frame(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    this.#count(frame.sequence);
    for (const p of frame.positions) this.positions.set(p.index, p);
  }

  position(lockId: string): FramePosition | undefined {
    const lock = [...this.locks.values()].find((known) => known.lockId === lockId);
    return lock && this.positions.get(lock.index);
  }

  /** What a person sees, in an order of its own. */
  seen() {
    const byId = <T extends object>(map: Map<string | number, T>, id: (value: T) => string) =>
      [...map.values()].sort((a, b) => (id(a) < id(b) ? -1 : 1));
    return {
      trips: byId(this.trips as Map<string, Trip>, (t) => t.tripId),
      alarms: byId(this.alarms as Map<string, Alarm>, (a) => a.alarmId),
      locks: byId(this.locks, (l) => l.lockId),
      positions: [...this.positions.values()].sort((a, b) => a.index - b.index),
      passages: this.passages.map((p) => p.passageId),
    };
  }
}

async function open(options: ConstructorParameters<typeof Screen>[0] = { auth: { key: BOOTSTRAP } }): Promise<Screen> {
  const screen = new Screen(options);
  await vi.waitFor(() => expect(screen.snapshots).toBeGreaterThan(0));
  return screen;
}

/** What the intake hands over after a COMMIT. */
async function commit(
  trip: TestTrip,
  where: { lon: number; lat: number; wallStatus?: 'green' | 'red' | 'provisional' },
): Promise<void> {
  const at = new Date();
  const { lon, lat, wallStatus = 'green' } = where;
  await report(platform, trip.lockId, { lon, lat, at });
  const committed: Committed = {
    reports: [
      {
        lockId: trip.lockId,
        tripId: trip.tripId,
        wallStatus,
        report: {
          lockId: trip.lockId,
          boot: 1,
          seq: 1,
          timeMs: at.getTime(),
          kind: 'live',
          position: { lon, lat, source: 'gnss' },
          battery: { percent: 86 },
        },
      },
    ],
    alarms: [],
    tripIds: [trip.tripId],
  };
  platform.live.publish(committed);
}

const refusal = (options: ConstructorParameters<typeof Screen>[0]) =>
  new Promise<string>((resolve) => new Screen(options).socket.on('connect_error', (error) => resolve(error.message)));

describe('who may look', () => {
  test('a key and a session may; nobody, a wrong key, a gate and a foreign page may not', async () => {
    const link = await platform.call('GET', await signInLink(platform.pool, { name: 'Wang', role: 'viewer' }), {
      key: null,
    });
    const cookie = String(link.headers['set-cookie']).split(';')[0]!;
    expect((await open({ cookie })).snapshots).toBe(1);
    expect((await open({ cookie, origin: url })).snapshots).toBe(1);
    expect((await open({ auth: { token: BOOTSTRAP } })).snapshots).toBe(1);
    expect((await open({ auth: { token: `Bearer ${BOOTSTRAP}` } })).snapshots).toBe(1);
    expect((await open({ bearer: BOOTSTRAP })).snapshots).toBe(1);
    expect(await refusal({})).toContain('sign in');
    expect(await refusal({ bearer: 'sw_wrong' })).toContain('unknown');
    expect(await refusal({ auth: { key: 'sw_wrong' } })).toContain('unknown');
    expect(await refusal({ auth: { key: await platform.key('gate') } })).toContain('gate');
    expect(await refusal({ cookie, origin: 'https://evil.example' })).toBeTruthy();
  });

  test.each([
    ['as a client does that was told nothing', ['polling', 'websocket']],
    ['by polling alone', ['polling']],
  ])('a screen that connects %s is told the same, without a gap', async (_how, transports) => {
    const trip = await addTrip(platform);
    const auth = { key: BOOTSTRAP };
    expect(await refusal({ auth: { key: 'sw_wrong' }, transports })).toContain('unknown');
    const [screen, other] = [await open({ auth, transports }), await open()];
    for (let i = 0; i < 5; i++) await commit(trip, { lon: 120 + i / 100, lat: 30 });
    await vi.waitFor(() => {
      expect(screen.position(trip.lockId)?.lon).toBeCloseTo(120.04, 4);
      expect(screen.seen()).toEqual(other.seen());
    });
    expect([screen.gaps, other.gaps]).toEqual([0, 0]);
  });
});

describe('what a screen is told', () => {
  test('a truck moves, turns provisional, then red with its alarm, and green when a person has disposed of it', async () => {
    const screen = await open();
    const trip = await addTrip(platform);
    await commit(trip, { lon: 120.1, lat: 29.3 });
    await expect
      .poll(() => screen.position(trip.lockId))
      .toMatchObject({ lon: 120.1, status: 'green', batteryPercent: 86 });
    await commit(trip, { lon: 120.11, lat: 29.31, wallStatus: 'provisional' });
    await expect.poll(() => screen.position(trip.lockId)?.status).toBe('provisional');
    const alarmId = await raise(platform, trip);
    platform.changed({ alarmIds: [alarmId] });
    platform.changed({ tripIds: [trip.tripId] });
    await expect.poll(() => screen.position(trip.lockId)?.status).toBe('red');
    expect(screen.alarms.get(alarmId)).toMatchObject({ rule: 'route.deviation', state: 'open' });
    expect(screen.trips.get(trip.tripId)).toMatchObject({ risk: 'red', openAlarms: [{ alarmId }] });
    const wang = await addPerson(platform, 'operator');
    await wang.call('POST', `alarms/${alarmId}/dispose`, { text: 'inspected' });
    await expect.poll(() => screen.position(trip.lockId)?.status).toBe('green');
    expect(screen.alarms.has(alarmId)).toBe(false);
    expect(screen.gaps).toBe(0);
  });

  test('a gate’s passage, new locks and figures come without being asked for', async () => {
    const screen = await open();
    const lockId = await addLock(platform);
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip) });
    await expect
      .poll(() => screen.passages[0])
      .toMatchObject({ gateName: '大榭卡口', verdict: 'release', plate: trip.plate });
    await expect.poll(() => screen.trips.get(trip.tripId)?.status).toBe('verified');
    await expect.poll(() => [...screen.locks.values()].some((lock) => lock.lockId === lockId)).toBe(true);
    await expect.poll(() => screen.stats).toBeGreaterThan(0);
    expect(screen.gaps).toBe(0);
  });

  test('an alarm that late records disprove is told once more, no longer active', async () => {
    const screen = await open();
    const trip = await addTrip(platform);
    const alarmId = await raise(platform, trip, { rule: 'comms.silent', kind: 'level', severity: 'major' });
    platform.changed({ alarmIds: [alarmId] });
    await expect.poll(() => screen.alarms.has(alarmId)).toBe(true);
    const gone = { ...screen.alarms.get(alarmId)!, active: false };
    await platform.pool.query('DELETE FROM alarms WHERE alarm_id = $1', [alarmId]);
    platform.live.publish({ reports: [], alarms: [gone], tripIds: [] });
    await expect.poll(() => screen.alarms.has(alarmId)).toBe(false);
  });
});

describe('law 7: snapshot plus feed equals a fresh snapshot', () => {
  test('after trips, alarms, passages, moves and ends, an old screen shows what a new one and a new start show', async () => {
    const old = await open();
    const trips = [
      await addTrip(platform),
      await addTrip(platform),
      await addTrip(platform),
      await addTrip(platform, {}),
    ];
    for (const [i, trip] of trips.entries()) await commit(trip, { lon: 120.2 + i / 10, lat: 29.3 });
    const alarmId = await raise(platform, trips[0]!);
    await raise(platform, trips[1]!, { rule: 'comms.silent', kind: 'level', severity: 'major' });
    await platform.call('POST', `alarms/${alarmId}/acknowledge`, { body: {} });
    await platform.call('POST', `trips/${trips[2]!.tripId}/cancel`, { body: { reason: 'test' } });
    await report(platform, trips[3]!.lockId, { lon: 120.9 });
    await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trips[1]!) });
    for (const trip of trips) platform.changed({ tripIds: [trip.tripId] });
    const { rows } = await platform.pool.query<{ alarm_id: string }>('SELECT alarm_id FROM alarms');
    for (const row of rows) platform.changed({ alarmIds: [row.alarm_id] });
    // Every lock, because tests before this one wrote reports past the intake, of which nobody told the feed.
    const locks = await platform.pool.query<{ lock_id: string }>('SELECT lock_id FROM locks');
    await platform.deps.hints.publish({ hint: 'changed', lockIds: locks.rows.map((row) => row.lock_id) });
    await platform.feed.settled();
    const fresh = await open();
    await vi.waitFor(() => expect(old.seen()).toEqual(fresh.seen()));
    expect(old.gaps).toBe(0);
    expect(old.trips.has(trips[2]!.tripId)).toBe(false);

    // The same again from the store alone, by a platform that has just started.
    const { pool, log, hints } = platform.deps;
    const config = { bootstrapKey: BOOTSTRAP };
    const again = await startFeed({ pool, log, hints, live: platform.live, ready: () => [], config });
    const server = fastify();
    again.attach(server.server);
    const kept = url;
    url = await server.listen({ host: '127.0.0.1', port: 0 });
    const restarted = await open();
    url = kept;
    const byLock = (screen: Screen) => {
      const { trips: t, alarms, passages, locks } = screen.seen();
      const where = locks.map((l) => ({ lockId: l.lockId, tripId: l.tripId, ...screen.position(l.lockId), index: 0 }));
      return { t, alarms, passages, where };
    };
    const [now, then] = [byLock(restarted), byLock(old)];
    restarted.socket.disconnect();
    await again.close();
    await server.close();
    expect(now).toEqual(then);
  });
});

describe('a feed that starts', () => {
  test('misses nothing that is committed between its binding and its reading of the store', async () => {
    const [before, gap] = [await addTrip(platform), await addTrip(platform)];
    await commit(before, { lon: 120.4, lat: 29.3 });
    let letRead: () => void = () => undefined;
    const mayRead = new Promise<void>((resolve) => {
      letRead = resolve;
    });
    let asked = 0;
    // Reads the store as it was before the commits in the gap, and answers after them.
    const pool = new Proxy(platform.pool, {
      get: (target, key) =>
        key === 'query'
          ? async (...question: Parameters<typeof target.query>) => {
              asked++;
              const answer = await target.query(...question);
              await mayRead;
              return answer;
            }
          : Reflect.get(target, key, target),
    });
    const { log, hints } = platform.deps;
    const config = { bootstrapKey: BOOTSTRAP, tickMs: 20, statsMs: 50 };
    const starting = startFeed({ pool, log, hints, live: platform.live, ready: () => [], config });
    await vi.waitFor(() => expect(asked).toBeGreaterThan(0));
    await commit(gap, { lon: 120.45, lat: 29.3 });
    const alarmId = await raise(platform, gap);
    platform.changed({ alarmIds: [alarmId], tripIds: [gap.tripId] });
    letRead();
    const feed = await starting;
    const server = fastify();
    feed.attach(server.server);
    const kept = url;
    url = await server.listen({ host: '127.0.0.1', port: 0 });
    const screen = await open();
    url = kept;
    await expect.poll(() => screen.alarms.has(alarmId)).toBe(true);
    await expect.poll(() => screen.position(gap.lockId)).toMatchObject({ lon: 120.45, status: 'red' });
    expect(screen.position(before.lockId)?.lon).toBe(120.4);
    screen.socket.disconnect();
    await feed.close();
    await server.close();
  });
});

describe('a screen’s own wishes', () => {
  test('resync brings a new snapshot and the numbers go on from it', async () => {
    const screen = await open();
    screen.socket.emit('resync');
    await expect.poll(() => screen.snapshots).toBe(2);
    await expect.poll(() => screen.stats).toBeGreaterThan(1);
    expect(screen.gaps).toBe(0);
  });

  test('watching a part of the map leaves out positions elsewhere, but no alarm', async () => {
    const [near, far] = [await addTrip(platform), await addTrip(platform)];
    const screen = await open();
    screen.socket.emit('watch', { bbox: [119, 29, 120.05, 30] });
    await commit(near, { lon: 120.01, lat: 29.3 });
    await commit(far, { lon: 120.7, lat: 29.3 });
    await expect.poll(() => screen.position(near.lockId)?.lon).toBe(120.01);
    expect(screen.position(far.lockId)).toBeUndefined();
    const alarmId = await raise(platform, far);
    platform.changed({ alarmIds: [alarmId] });
    await expect.poll(() => screen.alarms.has(alarmId)).toBe(true);
    screen.socket.emit('watch', { tripIds: [far.tripId] });
    await expect.poll(() => screen.position(far.lockId)?.lon).toBe(120.7);
  });

  test('people of another office are told nothing of a trip', async () => {
    const stranger = await open({ auth: { key: await platform.key('viewer', ['9999']) } });
    const own = await open({ auth: { key: await platform.key('viewer', ['3104']) } });
    const trip = await addTrip(platform);
    await commit(trip, { lon: 120.3, lat: 29.3 });
    const alarmId = await raise(platform, trip);
    platform.changed({ alarmIds: [alarmId] });
    platform.changed({ tripIds: [trip.tripId] });
    await expect.poll(() => own.alarms.has(alarmId)).toBe(true);
    await expect.poll(() => own.position(trip.lockId)?.status).toBe('red');
    expect(stranger.seen()).toEqual({ trips: [], alarms: [], locks: [], positions: [], passages: [] });
    expect(own.gaps + stranger.gaps).toBe(0);
  });

  test('a screen too slow for positions gets every alarm, and no gap', async () => {
    const trip = await addTrip(platform);
    const screen = await open();
    const before = screen.alarmsSeen.length;
    const sockets = (
      screen.socket.io.engine.transport as unknown as { ws: { pause?: () => void; resume?: () => void } }
    ).ws;
    sockets.pause?.();
    const alarmIds: string[] = [];
    for (let i = 0; i < 50; i++) {
      await commit(trip, { lon: 120.3 + i / 1000, lat: 29.3 });
      alarmIds.push(await raise(platform, trip, { rule: `test.rule-${i}` }));
      platform.changed({ alarmIds: [alarmIds[i]!] });
    }
    await platform.feed.settled();
    sockets.resume?.();
    await expect.poll(() => new Set(screen.alarmsSeen.slice(before).map((a) => a.alarmId)).size).toBe(50);
    await expect.poll(() => screen.position(trip.lockId)?.lon).toBe(120.349);
    expect(screen.gaps).toBe(0);
  });
});
