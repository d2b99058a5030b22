import { randomBytes } from 'node:crypto';
import type { Alarm, Role, Route } from '@sealwatch/schemas';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import type { ApiConfig, StartDeps } from '../../src/api/plumbing/deps.ts';
import type { Api } from '../../src/api/plumbing/form.ts';
import { startApi } from '../../src/api/server.ts';
import { bridgedOf } from '../../src/bridged.ts';
import { LocalHints } from '../../src/compose/local-hints.ts';
import { LocalLive } from '../../src/compose/local-live.ts';
import { type Feed, startFeed } from '../../src/feed/feed.ts';
import { BridgeDesk } from '../../src/locks/bridge-desk.ts';
import { SESSION_COOKIE } from '../../src/people/principal.ts';
import type { Provider } from '../../src/people/provider.ts';
import { hashSecret, newApiKey, newToken } from '../../src/people/secret.ts';
import type { HintOf, ReportDoor } from '../../src/ports.ts';
import { secretBox } from '../../src/secret-box.ts';
import { insertKey } from '../../src/store/people/keys.ts';
import { afterCommandEnded } from '../../src/trips/command-ended.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';

export const BOOTSTRAP = 'bootstrap-key-of-the-tests-0123456789';

/** What the api told the intake and the senders of commands. */
export interface Told {
  trips: string[];
  locks: string[];
  woken: string[];
  places: number;
  reports: { lockId: string; report: object }[];
}

export interface TestPlatform {
  api: Api;
  feed: Feed;
  live: LocalLive;
  /** These have changed in the store. */
  changed(changes: Omit<HintOf<'changed'>, 'hint'>): void;
  deps: StartDeps;
  pool: TestDatabase['pool'];
  told: Told;
  /** Why it is not ready; a test may write to it. */
  reasons: string[];
  /** The lock answers a command with `done`. */
  reply(commandId: string): Promise<void>;
  /** @param offices null: bound to none */
  key(role: Role, offices?: string[] | null): Promise<string>;
  call(
    method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    options?: CallOptions,
  ): Promise<Answer>;
  stop(): Promise<void>;
}

export interface CallOptions {
  key?: string | null;
  body?: unknown;
  headers?: Record<string, string>;
  raw?: string;
  /** The address that asks. */
  from?: string;
}

/** What the tests read of answers, as a client does: by what the contract says is there. */
export interface AnswerBody {
  [field: string]: unknown;
  code: string;
  errors: { path: string; message: string; value?: unknown; expected?: string }[];
  items: AnswerBody[];
  next?: string;
  tripId: string;
  lockId: string;
  subscriptionId?: string;
  deliveryId?: string;
  eventId?: string;
  secret: string;
  key: string;
  signIn: string;
  reasons: { rule: string; text: string }[];
  openAlarms: { rule: string; state: string }[];
  unlock: { commandId: string };
  steps: { step: string; state: string; checks: { check: string }[] }[];
}

export interface Answer {
  status: number;
  body: AnswerBody;
  headers: Record<string, string | string[] | number | undefined>;
  text: string;
}

/** The administrator who does what keys may not. */
export const ADMIN = 'the admin of the tests';

/** Whether a call needs a signed-in person: people, parameters, and what takes a restraint off. */
function needsPerson(method: string, url: string, body: unknown): boolean {
  const path = url.replace(/^\/?(api\/v1\/)?/, '');
  if (method === 'GET' || method === 'HEAD') return false;
  if (/^(users(?!.*\/unlock$)|params\/)/.test(path)) return true;
  const lifts = (body as { reason?: unknown } | undefined)?.reason === null;
  return /\/freeze$/.test(path) || (/\/(hold|block)$/.test(path) && lifts);
}

const cookies = new WeakMap<object, Promise<string>>();

/** The session of an administrator of the tests, made when it is first needed. */
function adminCookie(pool: TestDatabase['pool']): Promise<string> {
  const made = cookies.get(pool) ?? signInAdmin(pool);
  cookies.set(pool, made);
  return made;
}

async function signInAdmin(pool: TestDatabase['pool']): Promise<string> {
  const token = newToken();
  await pool.query(
    `WITH person AS (INSERT INTO people (name, role, offices) VALUES ($1, 'admin', NULL) RETURNING person_id)
     INSERT INTO sessions (token_hash, person_id, expires_at, second_factor)
       SELECT $2, person_id, now() + interval '1 day', true FROM person`,
    [ADMIN, hashSecret(token)],
  );
  return `${SESSION_COOKIE}=${token}`;
}

/** The api and the feed over a database of their own; intake and commands are stood in for. */
export async function startPlatform(
  config: ApiConfig = {},
  parts: { log?: StartDeps['log']; provider?: () => Provider } = {},
): Promise<TestPlatform> {
  const database = await freshDatabase();
  const log = parts.log ?? pino({ level: process.env.SEALWATCH_TEST_LOG ?? 'silent' });
  const told: Told = { trips: [], locks: [], woken: [], places: 0, reports: [] };
  const reasons: string[] = [];
  const [hints, live] = [new LocalHints(), new LocalLive()];
  hints.on('places', () => void told.places++);
  hints.on('locks', ({ lockIds }) => void told.locks.push(...lockIds));
  hints.on('commands', ({ lockIds }) => void told.woken.push(...lockIds));
  const door: ReportDoor = {
    receive: (lockId: string, payload: Buffer, done: () => void) => {
      told.reports.push({ lockId, report: JSON.parse(payload.toString()) });
      done();
    },
    ready: () => reasons,
  };
  const feed = await startFeed({
    pool: database.pool,
    log,
    live,
    hints,
    ready: () => reasons,
    config: { bootstrapKey: BOOTSTRAP, tickMs: 20, statsMs: 50, secondFactorRequired: config.secondFactorRequired },
  });
  const deps: StartDeps = {
    pool: database.pool,
    gatePool: database.pool,
    registry: new Registry(),
    judging: {
      judged: async (tripIds) => {
        told.trips.push(...tripIds);
        return true;
      },
    },
    hints,
    secrets: secretBox(randomBytes(32)),
    bridged: bridgedOf(Buffer.alloc(32)),
    desk: new BridgeDesk(),
    door,
    factorSecrets: secretBox(randomBytes(32)),
    provider: parts.provider?.(),
    config: { bootstrapKey: BOOTSTRAP, confirmWithinMs: 0, signInsPerMinute: 1_000, ...config },
    log,
  };
  const api = await startApi(deps);
  const call: TestPlatform['call'] = async (method, url, { key, body, headers: given = {}, raw, from } = {}) => {
    // What keys may not do an administrator does, where a test does not say who asks.
    const byAdmin = key === undefined && given.cookie === undefined && needsPerson(method, url, body);
    const headers = byAdmin ? { ...given, cookie: await adminCookie(database.pool) } : given;
    const bearer = key === undefined ? (byAdmin ? null : BOOTSTRAP) : key;
    const answer = await api.inject({
      method,
      url: url.startsWith('/') ? url : `/api/v1/${url}`,
      ...(from === undefined ? {} : { remoteAddress: from }),
      headers: {
        ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(raw === undefined ? (body === undefined ? {} : { payload: JSON.stringify(body) }) : { payload: raw }),
    });
    const isJson = method !== 'HEAD' && String(answer.headers['content-type']).includes('json');
    const json = isJson ? answer.json() : {};
    return { status: answer.statusCode, body: json, headers: answer.headers, text: answer.body };
  };
  return {
    api,
    feed,
    live,
    changed: (changes) => void hints.publish({ hint: 'changed', ...changes }),
    deps,
    reply: async (commandId) => {
      await database.pool.query(`UPDATE commands SET state = 'done', ended_at = now() WHERE command_id = $1`, [
        commandId,
      ]);
      afterCommandEnded(deps)({ commandId, result: 'done' });
    },
    pool: database.pool,
    told,
    reasons,
    call,
    key: async (role, offices = null) => {
      const key = newApiKey();
      await insertKey(database.pool, {
        name: `test ${role} ${randomBytes(4).toString('hex')}`,
        role,
        keyHash: hashSecret(key),
        offices,
      });
      return key;
    },
    stop: async () => {
      await feed.close();
      await api.close();
      await database.drop();
    },
  };
}

/** Straight east from Yiwu for some 97 km. */
export const ROUTE: Route = {
  type: 'Feature',
  geometry: {
    type: 'LineString',
    coordinates: [
      [120, 29.3],
      [120.25, 29.3],
      [120.5, 29.3],
      [120.75, 29.3],
      [121, 29.3],
    ],
  },
  properties: {
    name: 'Yiwu → Daxie',
    crs: 'WGS84',
    halfWidthM: 200,
    allowedStops: [],
    requiredPoints: [],
    origin: { name: 'Yiwu', center: [120, 29.3], radiusM: 500 },
    destination: { name: 'Daxie', center: [121, 29.3], radiusM: 500 },
  },
};

const square = (lon: number, lat: number, half = 0.002) => [
  [
    [lon - half, lat - half],
    [lon + half, lat - half],
    [lon + half, lat + half],
    [lon - half, lat + half],
    [lon - half, lat - half],
  ],
];

export const GATE = {
  type: 'Feature',
  geometry: { type: 'Polygon', coordinates: square(121, 29.3) },
  properties: { name: '大榭卡口', kind: 'gate', office: '3104' },
};

export const ORIGIN_OFFICE = '2921';
export const DESTINATION_OFFICE = '3104';

let serial = 0;

/** A container number with a good check digit; another one each time. */
export function containerNo(): string {
  const stem = `CSQU${String(100_000 + ++serial)}`;
  const value = (char: string) => {
    const letter = char.charCodeAt(0) - 65;
    return /\d/.test(char) ? Number(char) : 10 + letter + Math.floor((letter + 9) / 10);
  };
  const sum = [...stem].reduce((total, char, i) => total + value(char) * 2 ** i, 0);
  return `${stem}${(sum % 11) % 10}`;
}

export function declarationNo(): string {
  return `292120261${String(++serial).padStart(9, '0')}`;
}

export const plate = (): string => `浙G${String(10_000 + ++serial)}`;

export async function addRoute(platform: TestPlatform, routeId = 'yiwu-daxie'): Promise<void> {
  const answer = await platform.call('PUT', `routes/${routeId}`, { body: ROUTE });
  if (answer.status > 201) throw new Error(answer.text);
}

export async function addGate(platform: TestPlatform, gateId = 'daxie-1'): Promise<void> {
  const answer = await platform.call('PUT', `places/${gateId}`, { body: GATE });
  if (answer.status > 201) throw new Error(answer.text);
}

/** A lock of a test fleet, or a real one: with it keys alone neither take a trip over nor cancel a red one. */
export async function addLock(platform: TestPlatform, simulated = true): Promise<string> {
  const lockId = `JT7010${String(1_000 + ++serial)}`;
  const answer = await platform.call('POST', 'locks', { body: { lockId, model: 'JT701D', simulated } });
  if (answer.status !== 201) throw new Error(answer.text);
  return lockId;
}

export interface TestTrip {
  tripId: string;
  lockId: string;
  containerNo: string;
  plate: string;
}

const minutesAgo = (min: number) => new Date(Date.now() - min * 60_000).toISOString();

export function declaration(lockId: string, more: object = {}) {
  return {
    declarationNo: declarationNo(),
    originOffice: ORIGIN_OFFICE,
    destinationOffice: DESTINATION_OFFICE,
    routeId: 'yiwu-daxie',
    vehicle: { tractorPlate: plate() },
    units: [{ containerNo: containerNo(), lockId }],
    ...more,
  };
}

export const takeover = () => ({ sealedAt: minutesAgo(130), departedAt: minutesAgo(120) });

/** A trip under way (or just declared), with a new lock. */
export async function addTrip(platform: TestPlatform, more: object = { takeover: takeover() }): Promise<TestTrip> {
  const lockId = await addLock(platform);
  const declared = declaration(lockId, more);
  const answer = await platform.call('POST', 'trips', { body: declared });
  if (answer.status !== 201) throw new Error(answer.text);
  return {
    tripId: answer.body.tripId,
    lockId,
    containerNo: declared.units[0]!.containerNo,
    plate: declared.vehicle.tractorPlate,
  };
}

/** Somebody signed in with an own session. */
export interface Person {
  name: string;
  call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object): Promise<Answer>;
}

export async function addPerson(
  platform: TestPlatform,
  role: Role,
  name = `${role} ${++serial}`,
  offices: string[] = [],
): Promise<Person> {
  const password = 'correct horse battery';
  await platform.call('POST', 'users', { body: { name, role, password, offices } });
  const session = await platform.call('POST', 'session', { key: null, body: { name, password } });
  if (session.status !== 201) throw new Error(session.text);
  const headers = { cookie: String(session.headers['set-cookie']).split(';')[0]! };
  return {
    name,
    call: (method, url, body) =>
      platform.call(method, url, { key: null, headers, ...(body === undefined ? {} : { body }) }),
  };
}

export const SEALED = { rope: 'inserted', motor: 'locked', cover: 'closed' } as const;

/** The newest record of a lock, as the intake leaves it. */
export async function report(
  platform: TestPlatform,
  lockId: string,
  fields: { seal?: object; lon?: number; lat?: number; mode?: string; percent?: number; at?: Date } = {},
): Promise<void> {
  const { seal = SEALED, lon = 121, lat = 29.3, mode = 'sealed', percent = 86, at = new Date() } = fields;
  const time = at.toISOString();
  const position = { lon, lat, source: 'gnss' };
  const record = { v: 1, boot: 1, seq: 1, time, kind: 'live', mode, position, seal, battery: { percent } };
  await platform.pool.query(
    'UPDATE locks SET last_time = $2, last_received = $2, last_report = $3, last_fix_time = $2 WHERE lock_id = $1',
    [lockId, at, record],
  );
}

/** An alarm as the intake leaves it, with the trip's risk that follows from it. */
export async function raise(
  platform: TestPlatform,
  trip: TestTrip,
  alarm: { rule?: string; kind?: Alarm['kind']; severity?: Alarm['severity']; phase?: string } = {},
): Promise<string> {
  const { rule = 'route.deviation', kind = 'latched', severity = 'critical', phase = 'open' } = alarm;
  const { rows } = await platform.pool.query<{ alarm_id: string }>(
    `INSERT INTO alarms (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, started_at, raised_at)
     VALUES (gen_random_uuid(), $1, $2, $3, $4, $5, $6, true, now(), now()) RETURNING alarm_id`,
    [trip.tripId, trip.lockId, rule, kind, severity, phase],
  );
  await platform.pool.query('UPDATE trips SET risk = trip_risk(trip_id) WHERE trip_id = $1', [trip.tripId]);
  return rows[0]!.alarm_id;
}

export function passage(trip: TestTrip, more: object = {}) {
  return {
    passageId: `p-${++serial}`,
    lane: '2',
    direction: 'in',
    at: new Date().toISOString(),
    plate: { text: trip.plate, confident: true },
    containers: [{ no: trip.containerNo, confident: true }],
    lockIds: [trip.lockId],
    ...more,
  };
}
