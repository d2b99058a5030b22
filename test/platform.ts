import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import mqtt, { type MqttClient } from 'mqtt';
import { type App, startApp } from '../ingest/src/app.ts';
import { readConfig } from '../ingest/src/config.ts';
import { createLog } from '../ingest/src/log.ts';
import { freshDatabase } from '../ingest/test/database.ts';

export const ADMIN_KEY = randomBytes(24).toString('hex');

export interface Platform {
  app: App;
  databaseUrl: string;
  /** How far the clock by which reports are received is ahead of the machine's, so that a drive takes no time. */
  aheadMs: number;
  /** A call with the admin key; the body is parsed where it is JSON. */
  call<T = Record<string, unknown>>(
    method: string,
    path: string,
    body?: unknown,
    key?: string,
  ): Promise<{ status: number; body: T }>;
  /** A lock connected with its own secret by a stock MQTT client. */
  connectLock(lockId: string, secret: string, address?: string): Promise<MqttClient>;
  stop(): Promise<void>;
}

/**
 * The whole platform on free ports and a database of its own: real Postgres, real broker, real sockets.
 * @param env settings beside those of the test
 * @param log absent: none
 */
export async function startPlatform(
  env: Record<string, string> = {},
  log = createLog('silent', { pretty: false }),
): Promise<Platform> {
  const database = await freshDatabase();
  const dataDir = await mkdtemp(join(tmpdir(), 'sealwatch-test-'));
  const config = readConfig({
    SEALWATCH_HTTP_PORT: '0',
    SEALWATCH_MQTT_PORT: '0',
    SEALWATCH_DATA_DIR: dataDir,
    SEALWATCH_BOOTSTRAP_KEY: ADMIN_KEY,
    DATABASE_URL: database.url,
    ...env,
  });
  const clock = { aheadMs: 0 };
  const app = await startApp(config, {
    log,
    nowMs: () => Date.now() + clock.aheadMs,
  });
  const clients: MqttClient[] = [];
  return Object.assign(clock, {
    app,
    databaseUrl: database.url,
    async call<T>(method: string, path: string, body?: unknown, key = ADMIN_KEY) {
      const response = await fetch(`${app.http}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${key}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return { status: response.status, body: (text ? JSON.parse(text) : undefined) as T };
    },
    async connectLock(lockId: string, secret: string, address = app.mqtt) {
      const client = await mqtt.connectAsync(address, {
        clientId: lockId,
        username: lockId,
        password: secret,
        protocolVersion: 4,
        reconnectPeriod: 0,
      });
      clients.push(client);
      return client;
    },
    async stop() {
      await Promise.all(clients.map((client) => client.endAsync(true)));
      await app.stop();
      await database.drop();
      await rm(dataDir, { recursive: true, force: true });
    },
  });
}

export interface RouteFile {
  type: 'Feature';
  properties: Record<string, unknown>;
  geometry: { type: 'LineString'; coordinates: [number, number][] };
}

/** The real road Yiwu – Beilun (© OpenStreetMap contributors, ODbL 1.0; see simulator/data/README.md). */
export async function realRoad(): Promise<RouteFile> {
  const file = new URL('../simulator/data/road-yiwu-beilun.geojson', import.meta.url);
  const { features } = JSON.parse(await readFile(file, 'utf8')) as { features: [RouteFile] };
  return features[0];
}

/** A person, signed in. @returns the cookie of the session */
export async function signIn(http: string, name: string, password: string): Promise<string> {
  const answer = await fetch(`${http}/api/v1/session`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  });
  return String(answer.headers.get('set-cookie')).split(';')[0]!;
}

const ADMIN = { name: 'the first administrator', role: 'admin', password: 'a password of the tests' };

/** Adds people as an operator does: the first administrator by the key, everybody else by that one. */
export async function addPeople(http: string, people: object[], key = ADMIN_KEY): Promise<void> {
  const post = async (person: object, headers: Record<string, string>) => {
    const sent = { ...headers, 'content-type': 'application/json' };
    return (await fetch(`${http}/api/v1/users`, { method: 'POST', headers: sent, body: JSON.stringify(person) }))
      .status;
  };
  await post(ADMIN, { authorization: `Bearer ${key}` });
  const cookie = await signIn(http, ADMIN.name, ADMIN.password);
  for (const person of people) {
    const status = await post(person, { cookie });
    if (status !== 201) throw new Error(`${JSON.stringify(person)} was not added: ${status}`);
  }
}
