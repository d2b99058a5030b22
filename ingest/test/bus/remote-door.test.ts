import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Bus } from '../../src/bus/bus.ts';
import { DoorServer } from '../../src/bus/door-server.ts';
import { RemoteDoor } from '../../src/bus/remote-door.ts';
import { readReports } from '../../src/bus/report-frames.ts';
import { type Directory, MovedError, type ReportDoor, StoppingError } from '../../src/ports.ts';
import { chanceOf, seeds } from '../proof/chance.ts';
import { type MemoryBus, MemoryNet } from './memory-bus.ts';

const log = { warn: () => undefined };
const PATIENT = { timeout: 60_000, interval: 5 };
const doors: RemoteDoor[] = [];

afterEach(async () => {
  for (const door of doors.splice(0)) await door.stop(0);
});

/** Who owns what, as the test says; `owners` may be older than the truth. */
class SetDirectory implements Directory {
  truth: (number | undefined)[];
  owners: (number | undefined)[];
  readonly #listeners: ((slots: number[]) => void)[] = [];

  constructor(slots: number, owner: number) {
    this.truth = Array.from({ length: slots }, () => owner);
    this.owners = [...this.truth];
  }
  ownerOf = (slot: number) => this.owners[slot];
  unowned = () => this.owners.flatMap((owner, slot) => (owner === undefined ? slot : []));
  onChanged = (listener: (slots: number[]) => void) => void this.#listeners.push(listener);
  look = async () => {
    const changed = this.truth.flatMap((owner, slot) => (owner === this.owners[slot] ? [] : slot));
    this.owners = [...this.truth];
    for (const listener of this.#listeners) listener(changed);
  };

  give(slot: number, owner: number | undefined): void {
    this.truth[slot] = owner;
    void this.look();
  }
}

/** Stores what is its own a little later, and in order; what it has stored stays stored. */
class Storing implements Pick<ReportDoor, 'receive'> {
  readonly received: string[] = [];
  takes = true;
  delayMs: () => number = () => 0;
  stopping = false;
  readonly #isOwn: (lockId: string) => boolean;
  readonly #stored: Set<string>;
  #turn = Promise.resolve();

  constructor(isOwn: (lockId: string) => boolean, stored: Set<string>) {
    this.#isOwn = isOwn;
    this.#stored = stored;
  }

  receive: ReportDoor['receive'] = (lockId, payload, done) => {
    const text = payload.toString();
    this.received.push(text);
    if (this.stopping) return done(new StoppingError());
    this.#turn = this.#turn.then(async () => {
      await sleep(this.delayMs());
      if (!this.takes) return;
      if (!this.#isOwn(lockId)) return done(new MovedError());
      this.#stored.add(text);
      done();
    });
  };
}

const GATEWAY = 1;
const slotOf = (lockId: string) => Number(lockId.slice(1));

interface Given {
  workers?: number;
  slots?: number;
  answerWithinMs?: number;
  /** What stands between the door and its bus. */
  through?: (bus: Bus) => Bus;
}

async function setUp({ workers: count = 2, slots = 1, answerWithinMs = 5_000, through = (bus) => bus }: Given = {}) {
  const net = new MemoryNet();
  const stored = new Set<string>();
  const directory = new SetDirectory(slots, 2);
  const workers: { id: number; door: Storing; bus: MemoryBus }[] = [];
  for (let id = 2; id < 2 + count; id++) {
    const bus = net.join(id);
    const door = new Storing((lockId) => directory.truth[slotOf(lockId)] === id, stored);
    await DoorServer.open({ bus, door, log });
    workers.push({ id, door, bus });
  }
  const slotsOf = async (lockIds: string[]) => new Map(lockIds.map((lockId) => [lockId, slotOf(lockId)]));
  const bus = net.join(GATEWAY);
  const door = await RemoteDoor.open({ bus: through(bus), directory, slotsOf, log, answerWithinMs });
  doors.push(door);
  const answers: { lockId: string; text: string; error?: Error | undefined; wasStored: boolean }[] = [];
  const send = (lockId: string, text: string) =>
    door.receive(lockId, Buffer.from(text), (error) =>
      answers.push({ lockId, text, error, wasStored: stored.has(text) }),
    );
  const [first, second] = workers;
  return { net, bus, directory, workers, first: first!, second: second!, door, stored, answers, send };
}

type Ready = Awaited<ReturnType<typeof setUp>>;
const allAnswered = ({ answers }: Ready, texts: string[]) =>
  vi.waitFor(() => expect(answers.map(({ text }) => text)).toEqual(texts), PATIENT);
const allStored = ({ answers }: Ready) => answers.every(({ wasStored, error }) => wasStored && !error);

describe('a publish is sent again, in order for each lock, and acknowledged once it is stored', () => {
  test('when its owner changes', async () => {
    const ready = await setUp();
    ready.first.door.takes = false;
    for (const text of ['a', 'b', 'c']) ready.send('L0', text);
    await vi.waitFor(() => expect(ready.first.door.received).toEqual(['a', 'b', 'c']), PATIENT);
    expect(ready.answers).toEqual([]);
    ready.directory.give(0, 3);
    await allAnswered(ready, ['a', 'b', 'c']);
    expect([ready.second.door.received, allStored(ready)]).toEqual([['a', 'b', 'c'], true]);
  });

  test('when a worker says that the lock has moved, and when it stops', async () => {
    const ready = await setUp();
    ready.first.door.stopping = true;
    ready.send('L0', 'a');
    await vi.waitFor(() => expect(ready.first.door.received).toEqual(['a']), PATIENT);
    ready.first.door.stopping = false;
    await allAnswered(ready, ['a']);
    // What the door knows is old until it looks again.
    ready.directory.truth[0] = 3;
    ready.send('L0', 'b');
    await allAnswered(ready, ['a', 'b']);
    expect([ready.second.door.received, ready.door.counts.moved, allStored(ready)]).toEqual([['b'], 1, true]);
  });

  test('when nobody owns its slot, and when its owner is not there', async () => {
    const ready = await setUp();
    ready.directory.give(0, undefined);
    ready.send('L0', 'a');
    ready.directory.give(0, 9);
    ready.send('L0', 'b');
    await vi.waitFor(() => expect(ready.door.counts.returned).toBeGreaterThan(0), PATIENT);
    ready.directory.give(0, 2);
    await allAnswered(ready, ['a', 'b']);
    expect(allStored(ready)).toBe(true);
  });

  test('when the answer or the publish was lost, and a worker that has it in hand takes it once', async () => {
    const ready = await setUp({ answerWithinMs: 40 });
    ready.net.faults = { copies: () => 0, delayMs: () => 0 };
    ready.send('L0', 'a');
    await sleep(60);
    ready.net.faults = { copies: () => 1, delayMs: () => 0 };
    await allAnswered(ready, ['a']);
    ready.first.door.delayMs = () => 300;
    ready.send('L0', 'b');
    await allAnswered(ready, ['a', 'b']);
    expect(ready.first.door.received.filter((text) => text === 'b')).toEqual(['b']);
    expect([ready.door.counts.resent > 1, allStored(ready)]).toEqual([true, true]);
  });

  test('when its own connection was lost, or that of the worker', async () => {
    const ready = await setUp();
    ready.bus.cut();
    ready.send('L0', 'a');
    await sleep(10);
    expect(ready.answers).toEqual([]);
    ready.bus.join();
    await allAnswered(ready, ['a']);
    ready.first.door.takes = false;
    ready.send('L0', 'b');
    await vi.waitFor(() => expect(ready.first.door.received).toEqual(['a', 'b']), PATIENT);
    ready.first.door.takes = true;
    ready.first.bus.cut();
    ready.first.bus.join();
    // The worker has it in hand still; that of another one begins with nothing.
    ready.directory.give(0, 3);
    ready.door.back(2);
    await allAnswered(ready, ['a', 'b']);
    expect(allStored(ready)).toBe(true);
  });
});

describe('what is on its way to a worker is bounded', () => {
  const big = (n: number, kind: string) => JSON.stringify({ n, kind, fill: 'x'.repeat(200_000) });

  test('live and late publishes have windows of their own, and the rest waits at the gateway', async () => {
    const ready = await setUp({ slots: 120 });
    ready.first.door.takes = false;
    for (let n = 0; n < 40; n++) ready.send(`L${n}`, big(n, 'backfill'));
    await vi.waitFor(() => expect(ready.first.door.received.length).toBe(6), PATIENT);
    for (let n = 40; n < 80; n++) ready.send(`L${n}`, big(n, 'live'));
    await vi.waitFor(() => expect(ready.first.door.received.length).toBe(6 + 21), PATIENT);
    await sleep(30);
    expect(ready.first.door.received.length).toBe(27);
    expect(ready.door.waiting).toEqual({ unsent: 53, inFlight: 27 });
    ready.first.door.takes = true;
    for (let slot = 0; slot < 120; slot++) ready.directory.give(slot, 3);
    await vi.waitFor(() => expect(ready.answers.length).toBe(80), PATIENT);
    expect(allStored(ready)).toBe(true);
  });

  test('a lock that is not heard out has a bounded number of publishes, and a stop answers what is left', async () => {
    const ready = await setUp();
    ready.first.door.takes = false;
    for (let n = 0; n < 300; n++) ready.send('L0', `${n}`);
    expect(ready.answers.length).toBe(44);
    await ready.door.stop(10);
    expect([ready.answers.length, ready.answers.every(({ error }) => error)]).toEqual([300, true]);
    ready.send('L0', 'late');
    expect(ready.answers.at(-1)?.error?.name).toBe('StoppingError');
  });
});

/** Everything at once. @returns what is wrong with the answers */
async function storm(seed: number, through?: (bus: Bus) => Bus): Promise<string[]> {
  const chance = chanceOf(seed);
  const slots = 6;
  const ready = await setUp({ workers: 3, slots, answerWithinMs: 60, ...(through ? { through } : {}) });
  const { net, bus, directory, workers, answers, send } = ready;
  const sent: Record<string, string[]> = {};
  net.faults = faultsOf(chance);
  for (const { door } of workers) door.delayMs = () => (chance() < 0.2 ? chance() * 6 : 0);
  for (let n = 0; n < 300; n++) {
    const lockId = `L${Math.floor(chance() * slots)}`;
    const text = JSON.stringify({ n, kind: chance() < 0.3 ? 'backfill' : 'live' });
    sent[lockId] = [...(sent[lockId] ?? []), text];
    send(lockId, text);
    if (chance() < 0.1)
      directory.give(Math.floor(chance() * slots), chance() < 0.2 ? undefined : 2 + Math.floor(chance() * 3));
    if (chance() < 0.03) cutShortly(chance() < 0.5 ? bus : workers[Math.floor(chance() * 3)]!.bus);
    if (chance() < 0.2) await sleep(chance() * 4);
  }
  for (let slot = 0; slot < slots; slot++) directory.give(slot, 2 + (slot % 3));
  await vi
    .waitFor(() => expect(answers.length).toBeGreaterThanOrEqual(300), {
      timeout: through ? 1_500 : 60_000,
      interval: 5,
    })
    .catch(() => undefined);
  await sleep(20);
  const wrong = answers.filter(({ wasStored }) => !wasStored).map(({ text }) => `${text}: acknowledged and not stored`);
  if (answers.length !== 300) wrong.push(`${answers.length} of 300 answered`);
  for (const [lockId, texts] of Object.entries(sent)) {
    const told = answers.filter((answer) => answer.lockId === lockId).map(({ text }) => text);
    if (told.join() !== texts.slice(0, told.length).join()) wrong.push(`${lockId}: answered out of order`);
  }
  return wrong;
}

const faultsOf = (chance: () => number) => ({
  copies: () => (chance() < 0.1 ? 0 : chance() < 0.1 ? 2 : 1) as 0 | 1 | 2,
  delayMs: () => (chance() < 0.2 ? chance() * 8 : 0),
});

function cutShortly(bus: MemoryBus): void {
  bus.cut();
  setTimeout(() => bus.join(), 5);
}

/** Lets each publish pass once. */
function once(bus: Bus): Bus {
  const seen = new Set<number>();
  return Object.assign(Object.create(bus) as Bus, {
    send: async (...[kind, to, body]: Parameters<Bus['send']>) => {
      const again = (readReports(body) ?? []).filter(({ id }) => seen.has(id));
      for (const { id } of readReports(body) ?? []) seen.add(id);
      return again.length > 0 ? 'sent' : bus.send(kind, to, body);
    },
    onGap: bus.onGap.bind(bus),
    onMessage: bus.onMessage.bind(bus),
    ready: bus.ready.bind(bus),
  });
}

describe('over a bus that drops, doubles, delays and is cut, while owners change', () => {
  test.each(seeds(5, 100))('seed %i: each publish is acknowledged once, in order, and stored by then', async (seed) => {
    expect(await storm(seed)).toEqual([]);
  });

  test('the proof turns red where nothing is sent again', async () => {
    expect(await storm(1, once)).not.toEqual([]);
  });
});
