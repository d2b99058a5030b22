import type { Bus } from '../bus/bus.ts';
import { BusHints } from '../bus/bus-hints.ts';
import { BusLive } from '../bus/bus-live.ts';
import { DoorServer } from '../bus/door-server.ts';
import { RemoteDoor } from '../bus/remote-door.ts';
import type { Logger } from '../log.ts';
import { ClaimedSlots } from '../postgres/claimed-slots.ts';
import type { Membership } from '../postgres/membership.ts';
import { SlotDirectory } from '../postgres/slot-directory.ts';
import { slotsOfLocks } from '../store/locks/locks.ts';
import { watchFitness } from './fitness.ts';
import type { Base } from './part.ts';
import { startWorker } from './worker.ts';

/** What a member of a cluster may do. */
export type NodeRole = 'gateway' | 'worker' | 'api';

const DRAIN_WITHIN_MS = 7_000;

/** Hints and the stream of commits over the bus of a cluster. Resolves once hints of others are heard. */
export async function joinBus(bus: Bus, { log, undo }: Pick<Base, 'log' | 'undo'>) {
  undo.push(() => bus.close());
  const hints = await BusHints.open({ bus, log });
  const live = new BusLive({ bus, log });
  undo.push(async () => {
    hints.stop();
    live.stop();
  });
  bus.onGap(() => void hints.publish({ hint: 'back', memberId: bus.memberId }));
  return { hints, live };
}

/** The door to the workers of a cluster. */
export async function openRemoteDoor(
  bus: Bus,
  { pool, log, hints, undo }: Pick<Base, 'pool' | 'log' | 'hints' | 'undo'>,
  times: { nowMs: () => number; answerWithinMs?: number | undefined },
): Promise<{ door: RemoteDoor; directory: SlotDirectory; drain(): Promise<void> }> {
  const directory = await SlotDirectory.start({ pool, log });
  undo.push(async () => directory.stop());
  hints.on('owners', () => directory.look());
  hints.onGap(() => void directory.look());
  const slotsOf = (lockIds: string[]) => slotsOfLocks(pool, lockIds);
  const door = await RemoteDoor.open({ bus, directory, slotsOf, log, ...times });
  undo.push(() => door.stop(0));
  hints.on('back', ({ memberId }) => door.back(memberId));
  return { door, directory, drain: () => door.stop(DRAIN_WITHIN_MS) };
}

export interface SharingWorkerDeps {
  bus: Bus;
  membership: Membership;
  nowMs: () => number;
}

/** A worker that shares the fleet with others, and takes what gateways send over the bus. */
export async function startSharingWorker(
  base: Parameters<typeof startWorker>[0],
  { bus, membership, nowMs }: SharingWorkerDeps,
): Promise<{ ready(): string[]; warnings(): string[]; owned(): number; inHand(): number }> {
  const { pool, log, hints, undo } = base;
  const fitness = watchFitness(bus, membership);
  undo.push(async () => fitness.stop());
  const isFit = () => fitness.isFit();
  const onMoved = () => void told(hints.publish({ hint: 'owners' }), log);
  const slots = await ClaimedSlots.claim({ pool, membership, log, isFit, onMoved });
  undo.push(() => slots.stop());
  const worker = await startWorker(base, { slots, nowMs });
  const server = await DoorServer.open({ bus, door: worker, log });
  // The others take its slots over while it settles what it has in hand.
  undo.push(async () => {
    fitness.leave();
    await slots.releaseAll();
  });
  const warnings = () => worker.warnings?.() ?? [];
  return { ready: worker.ready, warnings, owned: () => slots.count, inHand: () => server.inHand };
}

const told = (published: Promise<void>, log: Logger) =>
  published.catch((error) => log.warn({ err: error }, 'a hint was not taken'));
