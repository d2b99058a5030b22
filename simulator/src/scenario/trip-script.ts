import type { LockState } from '../lock/state.ts';
import { newLock } from '../lock/state.ts';
import type { Papers } from '../papers.ts';
import { drawPapers } from '../papers.ts';
import { pointAt } from '../path.ts';
import { randomStream } from '../random.ts';
import type { Line, LineName } from './line.ts';
import type { Sending } from './lock-run.ts';
import { NOW, runLock, TOGETHER } from './lock-run.ts';
import type { Act, Plain } from './scenario.ts';
import { truthOf } from './trip-truth.ts';
import type { TripTruth } from './truth.ts';
import { toleratedOf } from './truth.ts';
import type { TripWorld, Wagon } from './world.ts';
import { firstEventMs, makeWorld } from './world.ts';

/** One trip as it will be played: what is declared, what each lock sends in order, and the truth about it. */
export interface TripScript {
  line: LineName;
  lockIds: string[];
  papers: Papers;
  /** second box, if there is one */
  secondContainerNo?: string;
  /** epoch ms; absent: the trip begins when it is played */
  departedMs?: number;
  sendings: Sending[];
  /** what each lock reports while the gate reads it; made while playing */
  liveNow: Sending[];
  truth: TripTruth;
}

/** Wait at the gate, ms; the lock reports from there more than once. */
const AT_GATE_MS = 120_000;

export interface TripPlan {
  line: Line;
  scenario: string;
  plain: Plain;
  seed: number;
  lockIds: readonly string[];
  /** when the truck reaches the gate, epoch ms; of a live scenario, when playing begins */
  endMs: number;
  wagon?: Wagon;
}

/** One script, or two if the lock is used on another trip; pure: the same plan gives the same bytes. */
export function scriptTrips(plan: TripPlan): TripScript[] {
  const { script, locks } = scriptTrip(plan, fresh(plan));
  return plan.plain.reusedAtOnce ? [script, nextTrip(plan, locks)] : [script];
}

const NEXT_TRIP_RECORDS = 6;

/** The first records of another trip of the same locks, live, at the yard. */
function nextTrip(plan: TripPlan, locks: readonly LockState[]): TripScript {
  const { line, plain } = plan;
  const papers = papersOf(plan, 'next papers');
  const yard = pointAt(line.path, 0);
  const liveNow: Sending[] = [];
  const acknowledged: string[] = [];
  for (const lock of locks) {
    const seal = { ...lock.seal, useCount: lock.seal.useCount + 1 };
    const position = { lon: yard.lon, lat: yard.lat, accuracyM: 5, speedKmh: 0, source: 'gnss' };
    for (let i = 0; i < NEXT_TRIP_RECORDS; i++) {
      const report = { v: 1, boot: lock.boot, seq: lock.seq + i, time: NOW, mode: 'sealed', position, seal };
      liveNow.push({ lockId: lock.lockId, payload: JSON.stringify(report), held: false });
      acknowledged.push(`${lock.lockId}/${lock.boot}/${lock.seq + i}`);
    }
  }
  const truth: TripTruth = {
    scenario: plan.scenario,
    expected: [],
    tolerated: toleratedOf(plain.acts),
    verdict: 'unasked',
    acknowledged,
    quarantined: 0,
  };
  return { line: line.name, lockIds: locks.map((lock) => lock.lockId), papers, sendings: [], liveNow, truth };
}

/**
 * Plates, boxes and numbers depend on the lock ids, which are new in every run, so that a gate cannot confuse a truck
 * with one of an earlier run with the same seed.
 */
function papersOf({ line, seed, lockIds, endMs }: TripPlan, name: string): Papers {
  return drawPapers(randomStream(seed, `${name} ${lockIds[0]}`), line.originOffice, new Date(endMs).getUTCFullYear());
}

function fresh({ plain, seed, lockIds, endMs }: TripPlan): LockState[] {
  const random = randomStream(seed, 'locks');
  const battery = find(plain.acts, 'battery');
  return lockIds.slice(0, plain.boxes).map((lockId) =>
    newLock(lockId, endMs, {
      intervalS: plain.intervalS,
      liveFlights: TOGETHER,
      batteryPercent: battery?.percent ?? random.between(60, 99),
      ...(battery ? { percentPerHour: battery.percentPerHour } : {}),
      seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: random.whole(10, 900) },
    }),
  );
}

function find<Name extends Act['do']>(acts: readonly Act[], name: Name): Extract<Act, { do: Name }> | undefined {
  return acts.find((act): act is Extract<Act, { do: Name }> => act.do === name);
}

/** The world of a trip; of a live scenario it is shifted so that its first event comes `leadS` after playing begins. */
function worldOf(plan: TripPlan): TripWorld {
  const { plain, endMs } = plan;
  const world = makeWorld(plan);
  if (!plain.live) return world;
  const lateMs = world.drive.endMs - firstEventMs(world) + plain.live.leadS * 1_000;
  return makeWorld({ ...plan, endMs: endMs + lateMs });
}

function scriptTrip(plan: TripPlan, locks: readonly LockState[]): { script: TripScript; locks: LockState[] } {
  const { line, plain, seed, endMs } = plan;
  const world = worldOf(plan);
  const departedMs = world.drive.order.startMs;
  const momentOf = (name: Act['do']) =>
    world.moments.find(({ act }) => act.do === name)?.atMs ?? Number.POSITIVE_INFINITY;
  const leftAt = momentOf('leave-lock');
  const lastMs = plain.live ? endMs + plain.live.seconds * 1_000 : endMs + AT_GATE_MS;
  const runs = locks.map((lock, unit) => {
    const sealedLock: LockState = {
      ...lock,
      mode: 'sealed',
      connected: false,
      batteryMs: departedMs,
      nextReportMs: departedMs + unit * 7_000 + ((plan.wagon?.index ?? 0) % plain.intervalS) * 1_000,
      seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: lock.seal.useCount + 1 },
    };
    return runLock({
      world,
      lock: sealedLock,
      unit,
      seed,
      untilMs: Math.min(lastMs, momentOf('vanish')),
      loseAcksShare: find(plain.acts, 'lose-acks')?.share ?? 0,
      leftBehindMs: unit === 1 ? leftAt : Number.POSITIVE_INFINITY,
      holdBacklog: plain.reusedAtOnce,
      liveFromMs: plain.live ? endMs : Number.POSITIVE_INFINITY,
      liveRecords: plain.live || plain.verdict === 'unasked' ? 0 : 1,
    });
  });
  const second = locks.length > 1 ? { secondContainerNo: papersOf(plan, 'second papers').containerNo } : {};
  const script: TripScript = {
    line: line.name,
    lockIds: locks.map((lock) => lock.lockId),
    papers: papersOf(plan, 'papers'),
    ...second,
    departedMs,
    sendings: interleaved(runs.map((run) => run.sendings)),
    liveNow: runs.flatMap((run) => run.liveNow),
    truth: truthOf(plan, world, runs),
  };
  return { script, locks: runs.map((run) => run.lock) };
}

/** Merges the sendings of one truck's locks: the first of each, then the second of each, and so on. */
function interleaved(lists: readonly Sending[][]): Sending[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}
