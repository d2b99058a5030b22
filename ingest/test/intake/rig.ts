import { randomUUID } from 'node:crypto';
import { Route } from '@sealwatch/schemas';
import mqtt, { type MqttClient } from 'mqtt';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import { hashSecret } from '../../src/broker/lock-access.ts';
import { takeoverSteps } from '../../src/custody/steps.ts';
import { type Intake, type IntakeDeps, startIntake } from '../../src/intake/intake.ts';
import type { Committed } from '../../src/ports.ts';
import { lockAccess } from '../../src/store/locks/access.ts';
import { insertLocks } from '../../src/store/locks/locks.ts';
import { putRoute } from '../../src/store/roads/routes.ts';
import { insertTrip } from '../../src/store/trips/changes.ts';
import { askToJudge } from '../../src/store/trips/to-judge.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { ALL_SLOTS } from './all-slots.ts';

export const SECRET = 'a-secret-of-at-least-128-bits-of-chance';

/** A straight road along 30° N, some 96 km, 200 m to each side. */
export const ROAD = Route.parse({
  type: 'Feature',
  geometry: { type: 'LineString', coordinates: Array.from({ length: 101 }, (_, i) => [120 + i / 100, 30]) },
  properties: {
    name: 'road',
    origin: { name: 'yard', center: [120, 30], radiusM: 500 },
    destination: { name: 'gate', center: [121, 30], radiusM: 500 },
  },
});

/** The platform's ingest on real parts: Postgres, broker over TCP, intake. */
export interface Rig {
  db: TestDatabase;
  broker: Broker;
  intake: Intake;
  registry: Registry;
  committed: Committed[];
  lock(lockId: string): Promise<MqttClient>;
  /** Asks for trips to be judged, as who changes their plans does, and lets the intake do it. */
  judge(...tripIds: string[]): Promise<void>;
  /** The value of `sealwatch_intake_{name}`. */
  metric(name: string): Promise<number | undefined>;
  rows<T extends object>(sql: string, values?: unknown[]): Promise<T[]>;
  close(): Promise<void>;
}

export async function startRig(
  options: Partial<IntakeDeps> & { db?: TestDatabase; wrap?: (intake: Intake) => Intake['receive'] } = {},
): Promise<Rig> {
  const { db = await freshDatabase(), wrap, ...deps } = options;
  const registry = new Registry();
  const log = pino({ level: 'silent' });
  const intake = await startIntake({ pool: db.pool, registry, log, slots: ALL_SLOTS, livenessEveryMs: 0, ...deps });
  const committed: Committed[] = [];
  intake.onCommitted((batch) => committed.push(batch));
  const receive = wrap?.(intake) ?? ((...publish) => intake.receive(...publish));
  const broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    lockAccess: (lockIds) => lockAccess(db.pool, lockIds),
    report: receive,
    reply: (_lockId, _payload, done) => done(),
    registry,
    log,
  });
  const clients: MqttClient[] = [];
  return {
    db,
    broker,
    intake,
    registry,
    committed,
    async lock(lockId) {
      const client = await mqtt.connectAsync({
        host: '127.0.0.1',
        port: broker.port,
        clientId: lockId,
        username: lockId,
        password: SECRET,
        reconnectPeriod: 0,
      });
      client.on('error', () => undefined);
      clients.push(client);
      return client;
    },
    async judge(...tripIds) {
      await askToJudge(db.pool, tripIds);
      await intake.judgeWaiting();
    },
    async metric(name) {
      return (await registry.getSingleMetric(`sealwatch_intake_${name}`)?.get())?.values[0]?.value;
    },
    async rows<T extends object>(sql: string, values: unknown[] = []) {
      return (await db.pool.query<T>(sql, values)).rows;
    },
    async close() {
      await intake.stop(2_000);
      for (const client of clients) client.end(true);
      await broker.close();
      if (!options.db) await db.drop();
    },
  };
}

export async function registerLocks(db: TestDatabase, ...lockIds: string[]): Promise<void> {
  await insertLocks(
    db.pool,
    lockIds.map((lockId) => ({ lockId, model: 'test', secretHash: hashSecret(SECRET) })),
  );
}

/** A trip under way since `departedMs`; its locks are judged from then on. */
export async function declareTrip(db: TestDatabase, lockIds: string[], departedMs: number): Promise<string> {
  const tripId = randomUUID();
  const { row } = await putRoute(db.pool, { routeId: 'road', feature: ROAD, by: 'test' });
  const at = new Date(departedMs).toISOString();
  const takeover = { sealedAt: at, departedAt: at };
  await insertTrip(db.pool, {
    tripId,
    declaration: {
      declarationNo: '292120260000000001',
      mode: 'road',
      originOffice: '2921',
      destinationOffice: '3104',
      routeId: 'road',
      vehicle: { tractorPlate: '浙G12345' },
      units: lockIds.map((lockId) => ({ containerNo: 'MSKU9070323', lockId })),
      takeover,
    },
    routeVersion: row.version,
    totalM: 96_000,
    status: 'in-transit',
    steps: takeoverSteps(takeover, 'test'),
    by: 'test',
  });
  return tripId;
}

/** One record of a sealed lock at a place on (or `offM` metres north of) the road. */
export function report(
  seq: number,
  timeMs: number,
  lon: number,
  more: { offM?: number; boot?: number; kind?: string; [field: string]: unknown } = {},
) {
  const { offM = 0, boot = 1, kind = 'live', ...fields } = more;
  return {
    v: 1,
    boot,
    seq,
    time: new Date(timeMs).toISOString(),
    kind,
    mode: 'tracking',
    position: { lon, lat: 30 + offM / 111_195, speedKmh: 70, headingDeg: 90, accuracyM: 5, source: 'gnss' },
    seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: 7 },
    battery: { percent: 86 },
    ...fields,
  };
}

export const topicOf = (lockId: string) => `locks/${lockId}/report`;

/** Publishes at QoS 1; resolves with the PUBACK. */
export async function send(client: MqttClient, lockId: string, payload: unknown): Promise<void> {
  const bytes = Buffer.isBuffer(payload) || typeof payload === 'string' ? payload : JSON.stringify(payload);
  await client.publishAsync(topicOf(lockId), bytes, { qos: 1 });
}
