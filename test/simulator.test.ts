import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Alarm, Simulation, SimulatorRun, Trip } from '@sealwatch/schemas';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startPlatform } from './platform.ts';
import { type Running, sealwatch } from './process.ts';

const ADMIN = randomBytes(24).toString('hex');
let dataDir: string;
let platform: Running;
let http: string;
let tester: string;

async function call<T>(method: string, path: string, body?: unknown, key = tester) {
  const response = await fetch(`${http}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: (text ? JSON.parse(text) : undefined) as T };
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'sealwatch-simulator-'));
  await chmod(dataDir, 0o711);
  platform = sealwatch(['serve'], {
    SEALWATCH_DATA_DIR: dataDir,
    SEALWATCH_BOOTSTRAP_KEY: ADMIN,
    SEALWATCH_SIMULATOR: '1',
  });
  ({ http } = await platform.line<{ http: string }>('listening', 180_000));
  tester = (await call<{ key: string }>('POST', '/keys', { name: 'tester', role: 'tester' }, ADMIN)).body.key;
});

afterAll(async () => {
  platform?.child.kill('SIGTERM');
  await platform?.ended;
  await rm(dataDir, { recursive: true, force: true });
});

const runOf = async (runId: string): Promise<Simulation> => {
  const { body } = await call<{ runs: SimulatorRun[] }>('GET', '/simulator');
  return body.runs.find((run) => run.runId === runId)!.simulation;
};
const start = (scenario: string, trips: number) =>
  call<SimulatorRun & { code?: string }>('POST', '/simulator/runs', { scenario, trips, seed: 11 });

describe('the testers’ console', () => {
  it('does not exist where nobody has switched it on', async () => {
    const plain = await startPlatform();
    try {
      for (const [method, path] of [
        ['GET', '/simulator'],
        ['POST', '/simulator/runs'],
      ] as const) {
        const { status, body } = await plain.call(method, path, method === 'POST' ? { scenario: 'demo' } : undefined);
        expect([path, status, body.code]).toEqual([path, 404, 'simulator.off']);
      }
    } finally {
      await plain.stop();
    }
  });

  it('tells the simulator’s scenarios, and starts nothing else', async () => {
    const { body } = await call<{ scenarios: { name: string }[] }>('GET', '/simulator');
    const names = body.scenarios.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['demo', 'the-ramp', 'calm-day']));
    const file = await start('/etc/passwd', 1);
    expect([file.status, file.body.code]).toEqual([422, 'simulator.scenario']);
  });

  it('plays a scenario to its score, with the truth about each trip', async () => {
    const { body } = await start('the-ramp', 2);
    await vi.waitFor(async () => expect((await runOf(body.runId)).phase).toBe('ended'), 180_000);
    const { locks, score, done } = await runOf(body.runId);
    expect(done).toBe(2);
    expect(score).toMatchObject({ recall: 1, failures: [], missing: 0 });
    expect(locks.map((lock) => lock.happened.map(({ rule }) => rule))).toEqual([
      ['route.deviation'],
      ['route.deviation'],
    ]);
    expect(locks[0]!.way!.length).toBeGreaterThan(20);
  });

  it('lets a fleet drive, makes happen what a tester asks for, and gives its trips up at the end', async () => {
    const { status, body } = await start('demo', 4);
    expect(status).toBe(201);
    const { runId } = body;
    expect((await start('the-ramp', 1)).body.code).toBe('simulator.busy');
    await vi.waitFor(async () => {
      const { live, locks } = await runOf(runId);
      expect([live, locks.length, locks.every(({ inFlash }) => inFlash < 5)]).toEqual([true, 4, true]);
    }, 180_000);
    const driving = (await runOf(runId)).locks.filter((lock) => (lock.position?.speedKmh ?? 0) > 20);
    const { lockId, tripId } = driving.at(-1)!;
    const inject = (what: string, which = lockId) =>
      call<{ code: string; detail: string }>('POST', `/simulator/runs/${runId}/inject`, { lockId: which, what });
    expect((await inject('rope-cut', 'NOSUCH0001')).body).toMatchObject({
      code: 'simulator.refused',
      detail: expect.stringContaining('no lock NOSUCH0001'),
    });
    expect((await inject('rope-cut')).status).toBe(204);
    await vi.waitFor(async () => {
      const alarms = await call<{ items: Alarm[] }>('GET', `/alarms?tripId=${tripId}`);
      expect(alarms.body.items.map(({ rule }) => rule)).toContain('seal.rope-cut');
    }, 180_000);
    const truth = (await runOf(runId)).locks.find((lock) => lock.lockId === lockId)!;
    expect(truth.rope).toBe('cut');
    expect(truth.happened.map(({ rule }) => rule)).toContain('seal.rope-cut');
    expect((await call('POST', `/simulator/runs/${runId}/stop`)).status).toBe(204);
    expect((await runOf(runId)).phase).toBe('ended');
    const trip = await call<Trip>('GET', `/trips/${tripId}`);
    expect(trip.body.status).toBe('cancelled');
    expect((await inject('rope-cut')).body.code).toBe('simulator.refused');
  });

  it('lends each run a key that ends with it, and notes in the audit who did what', async () => {
    const keys = await call<{ items: { name: string; revokedAt?: string }[] }>('GET', '/keys', undefined, ADMIN);
    const lent = keys.body.items.filter(({ name }) => name.startsWith('simulator '));
    expect(lent).toHaveLength(2);
    expect(lent.every(({ revokedAt }) => revokedAt !== undefined)).toBe(true);
    const audit = await call<{ items: { actor: string; action: string }[] }>(
      'GET',
      '/audit?limit=200',
      undefined,
      ADMIN,
    );
    const mine = audit.body.items.filter(({ action }) => action.startsWith('simulator.'));
    expect(new Set(mine.map(({ action }) => action))).toEqual(
      new Set(['simulator.start', 'simulator.inject', 'simulator.stop']),
    );
    expect(new Set(mine.map(({ actor }) => actor))).toEqual(new Set(['key:tester']));
  });
});
