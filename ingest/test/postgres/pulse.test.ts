import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Pulse, startPulse } from '../../src/postgres/pulse.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';

const PATIENT = { timeout: 180_000, interval: 20 };
const TIMES = { everyMs: 20, withinMs: 1_000 };
const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };

let db: TestDatabase;
let pulse: Pulse | undefined;
let hanging = false;
const sockets = new Set<Socket>();
/** On the way to the database; what comes while it hangs is neither answered nor refused. */
const way = createServer((near) => {
  const { hostname, port } = new URL(db.url);
  const far = connect(Number(port), hostname);
  for (const socket of [near, far]) {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  }
  near.on('close', () => far.destroy());
  far.on('close', () => near.destroy());
  near.on('data', (bytes) => hanging || far.write(bytes));
  far.on('data', (bytes) => hanging || near.write(bytes));
});
const close = () => {
  way.close();
  for (const socket of sockets) socket.destroy();
};

beforeAll(async () => {
  db = await freshDatabase();
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
});
afterAll(async () => {
  close();
  await pulse?.stop();
  await db.drop();
});

test('a database that hangs is told though no query fails, one that is back is not, and one that is gone is told', async () => {
  const url = new URL(db.url);
  url.port = String((way.address() as AddressInfo).port);
  url.hostname = '127.0.0.1';
  pulse = startPulse(url.toString(), silent, TIMES);
  await vi.waitFor(() => expect(sockets.size).toBeGreaterThan(0), PATIENT);
  expect(pulse.reasons()).toEqual([]);
  hanging = true;
  await vi.waitFor(() => expect(pulse?.reasons()).toEqual([expect.stringMatching(/^database: ./)]), PATIENT);
  hanging = false;
  await vi.waitFor(() => expect(pulse?.reasons()).toEqual([]), PATIENT);
  close();
  await vi.waitFor(() => expect(pulse?.reasons()).toEqual([expect.stringMatching(/^database: ./)]), PATIENT);
});
