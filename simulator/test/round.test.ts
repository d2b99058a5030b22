import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { firstDrive } from '../src/demo/drives.ts';
import { declareTrip } from '../src/demo/platform.ts';
import { loadRoad } from '../src/demo/road.ts';
import type { Round } from '../src/demo/round.ts';
import { advanceRound } from '../src/demo/round.ts';
import type { Truck } from '../src/demo/truck.ts';
import { catchUp, feed, motionOf, newTruck, setDrives, tick } from '../src/demo/truck.ts';
import { drawPapers } from '../src/papers.ts';
import { progressTo } from '../src/progress.ts';
import { randomStream } from '../src/random.ts';
import { connectRest } from '../src/rest.ts';
import type { FakePlatform } from './fake-platform.ts';
import { startFakePlatform } from './fake-platform.ts';

const road = loadRoad();
let fake: FakePlatform;
let round: Round;
let truck: Truck;
let now: number;

beforeEach(async () => {
  fake = await startFakePlatform();
  now = Date.now();
  const spec = { lockId: 'JT70100001', secret: 's', boot: 1, useCount: 7, batteryPercent: 90 };
  round = {
    rest: connectRest(fake.http, fake.key, new AbortController().signal),
    road,
    fleet: { v: 1, seed: 1, trips: 0, trucks: [spec] },
    progress: progressTo(() => undefined, false, 'en'),
    save: vi.fn(),
  };
  await round.rest.post('/locks/import', { locks: [{ lockId: spec.lockId }] });
  truck = newTruck(spec, now);
  const order = firstDrive(road, 'gate-clean', 3, now - 120_000, 0);
  const papers = drawPapers(randomStream(1, 'p'), '2921', 2026);
  const tripId = await declareTrip(round.rest, papers, spec.lockId, order.startMs);
  truck.spec.trip = { tripId, orders: [order], papers };
  setDrives(truck, road, [order]);
  catchUp(truck, order.startMs, now);
  truck.phase = 'driving';
});

afterEach(() => fake.close());

const advance = () => advanceRound(round, truck, now);

describe('the round of a truck that has come to the end of its road', () => {
  it('goes from the gate through unlocking and closing to a new trip, sealed at the yard by all five steps', async () => {
    const first = truck.spec.trip!.tripId;
    await advance();
    expect(truck.phase).toBe('at-gate');
    await advance();
    expect(truck.phase).toBe('unlocking');
    const { unlockId } = fake.trips.get(first)!;
    feed(truck, now, { type: 'command', command: { v: 1, commandId: unlockId!, type: 'unlock' } });
    await advance();
    expect(truck.lock.seal).toMatchObject({ rope: 'pulled', motor: 'unlocked' });
    fake.trips.get(first)!.status = 'unlocked';
    await advance();
    expect(fake.trips.get(first)?.status).toBe('closed');
    await advance();
    expect([truck.phase, truck.spec.trip]).toEqual(['returning', undefined]);
    truck.lock = { ...truck.lock, connected: true };
    await advance();
    expect(truck.phase).toBe('sealing');
    const boot = truck.lock.boot;
    expect(tick(truck, now)[0]).toMatchObject({ type: 'publish', reports: [{ boot, seq: 0, mode: 'sealed' }] });
    await advance();
    expect(truck.phase).toBe('driving');
    const called = fake.calls
      .filter((call) => /release|hang|seal|commands/.test(call))
      .map((call) => call.split('/').at(-1));
    expect(called).toEqual(['release', 'hang', 'seal', 'commands']);
    expect(truck.spec).toMatchObject({ boot: 2, useCount: 8 });
    expect(motionOf(truck, now)?.speedKmh).toBe(0);
    expect(motionOf(truck, Date.now() + 120_000)?.speedKmh).toBeGreaterThan(10);
  });

  it('asks the gate with the same passage id after an error, and waits for a person when it is sent to inspection', async () => {
    const trip = fake.trips.get(truck.spec.trip!.tripId)!;
    trip.risk = 'red';
    await advance();
    await advance();
    const { passageId } = truck.spec.trip!;
    truck.phase = 'at-gate';
    await advance();
    expect(truck.spec.trip!.passageId).toBe(passageId);
    expect(truck.phase).toBe('inspection');
    await advance();
    expect(truck.phase).toBe('inspection');
    trip.status = 'closed';
    await advance();
    expect(truck.phase).toBe('unlocking');
  });
});
