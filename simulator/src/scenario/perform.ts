import type { LockState } from '../firmware.ts';
import { newLock } from '../firmware.ts';
import type { Papers } from '../papers.ts';
import { drawPapers } from '../papers.ts';
import type { LonLat, Path } from '../path.ts';
import { distanceM, nearest, pointAt } from '../path.ts';
import { randomStream } from '../random.ts';
import type { Line, LineName } from './line.ts';
import type { LockRun, Sending } from './lock-run.ts';
import { NOW, runLock, TOGETHER } from './lock-run.ts';
import type { Act, Plain } from './scenario.ts';
import type { Expectation, TripTruth } from './truth.ts';
import { rightVerdict, toleratedOf } from './truth.ts';
import type { TripWorld, Wagon } from './world.ts';
import { castWorld, firstEventMs } from './world.ts';

/** One trip as it will be played: what is declared, what each lock sends in order, and the truth about it. */
export interface TripScript {
  line: LineName;
  lockIds: string[];
  papers: Papers;
  /** second box, if there is one */
  secondContainerNo?: string;
  /** absent: it begins when it is played */
  departedMs?: number;
  sendings: Sending[];
  /** what each lock reports while the gate reads it; made while playing */
  liveNow: Sending[];
  truth: TripTruth;
}

/** Wait at the gate, ms; the lock reports from there more than once. */
const AT_GATE_MS = 120_000;
/** Beyond the widest corridor plus what is added for accuracy: outside for certain. */
const SURELY_OUTSIDE_M = 300;

export interface Casting {
  line: Line;
  scenario: string;
  plain: Plain;
  seed: number;
  lockIds: readonly string[];
  /** when the truck reaches the gate, epoch ms; of a live scenario, when the playing begins */
  endMs: number;
  wagon?: Wagon;
}

/** One script, or two if the lock is used on another trip; pure: the same casting gives the same bytes. */
export function perform(casting: Casting): TripScript[] {
  const { script, locks } = performOne(casting, fresh(casting));
  return casting.plain.reusedAtOnce ? [script, nextTrip(casting, locks)] : [script];
}

const NEXT_TRIP_RECORDS = 6;

/** The beginning of another trip of the same locks, live, at the yard: as far as it has come while being watched. */
function nextTrip(casting: Casting, locks: readonly LockState[]): TripScript {
  const { line, plain } = casting;
  const papers = papersOf(casting, 'next papers');
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
    scenario: casting.scenario,
    expected: [],
    tolerated: toleratedOf(plain.acts),
    verdict: 'unasked',
    acknowledged,
    quarantined: 0,
  };
  return { line: line.name, lockIds: locks.map((lock) => lock.lockId), papers, sendings: [], liveNow, truth };
}

/**
 * Plates, boxes and numbers are names, as the locks' are: new in every run, so that a gate cannot take a truck for one
 * of an earlier run with the same seed.
 */
function papersOf({ line, seed, lockIds, endMs }: Casting, name: string): Papers {
  return drawPapers(randomStream(seed, `${name} ${lockIds[0]}`), line.originOffice, new Date(endMs).getUTCFullYear());
}

function fresh({ plain, seed, lockIds, endMs }: Casting): LockState[] {
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

/** The world of a casting; a live one is shifted so that what happens first happens just after the playing begins. */
function worldOf(casting: Casting): TripWorld {
  const { plain, endMs } = casting;
  const world = castWorld(casting);
  if (!plain.live) return world;
  const lateMs = world.drive.endMs - firstEventMs(world) + plain.live.leadS * 1_000;
  return castWorld({ ...casting, endMs: endMs + lateMs });
}

function performOne(casting: Casting, locks: readonly LockState[]): { script: TripScript; locks: LockState[] } {
  const { line, plain, seed, endMs } = casting;
  const world = worldOf(casting);
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
      nextReportMs: departedMs + unit * 7_000 + ((casting.wagon?.index ?? 0) % plain.intervalS) * 1_000,
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
  const second = locks.length > 1 ? { secondContainerNo: papersOf(casting, 'second papers').containerNo } : {};
  const script: TripScript = {
    line: line.name,
    lockIds: locks.map((lock) => lock.lockId),
    papers: papersOf(casting, 'papers'),
    ...second,
    departedMs,
    sendings: interleaved(runs.map((run) => run.sendings)),
    liveNow: runs.flatMap((run) => run.liveNow),
    truth: truthOf(casting, world, runs),
  };
  return { script, locks: runs.map((run) => run.lock) };
}

/** Two locks of one truck send side by side. */
function interleaved(lists: readonly Sending[][]): Sending[] {
  const longest = Math.max(...lists.map((list) => list.length));
  return Array.from({ length: longest }, (_, i) => lists.flatMap((list) => list[i] ?? [])).flat();
}

/** The truth is measured on what was made, not read from the scenario: a detour that no record saw is not expected. */
function truthOf(casting: Casting, world: TripWorld, runs: readonly LockRun[]): TripTruth {
  const { plain, line, scenario } = casting;
  const expected = [
    ...deviations(line.path, world, runs),
    ...sealFacts(world, runs),
    ...separations(world, runs),
    ...stops(world, lastOf(runs)),
    ...silences(world, plain),
    ...power(runs),
  ];
  return {
    scenario,
    expected,
    tolerated: toleratedOf(plain.acts),
    verdict: rightVerdict(plain, expected),
    acknowledged: runs.flatMap((run) => [...run.acknowledged]),
    quarantined: runs.reduce((sum, run) => sum + run.quarantined, 0),
    way: wayOf(line.path, runs[0]?.made ?? []),
  };
}

/** Enough points to draw: one in eight on the road, one in two off it. */
function wayOf(road: Path, made: LockRun['made']): [number, number][] {
  const off = (point: LonLat) => nearest(road, point).distanceM > SURELY_OUTSIDE_M;
  return made.flatMap(({ motion }, i): [number, number][] => {
    const drawn = i % 8 === 0 || i === made.length - 1 || (i % 2 === 0 && off(motion));
    return drawn ? [[Number(motion.lon.toFixed(5)), Number(motion.lat.toFixed(5))]] : [];
  });
}

function deviations(road: Path, world: TripWorld, runs: readonly LockRun[]): Expectation[] {
  const seen = runs.flatMap((run) =>
    run.made.filter(({ report, timeMs, motion }) => {
      const known = run.acknowledged.has(`${run.lock.lockId}/${report.boot}/${report.seq}`);
      const gnss = report.position?.source === 'gnss';
      const away = world.offRoad.some((span) => timeMs >= span.fromMs && timeMs < span.toMs);
      return known && gnss && away && nearest(road, motion).distanceM > SURELY_OUTSIDE_M;
    }),
  );
  const times = seen.map(({ timeMs }) => timeMs).sort((a, b) => a - b);
  if (times.length < 2) return [];
  // One active alarm per trip and rule: later detours belong to the first one's alarm.
  return [{ rule: 'route.deviation', span: { fromMs: times[0]!, toMs: times.at(-1)! } }];
}

/** The last moment of which a record was made. */
const lastOf = (runs: readonly LockRun[]) =>
  runs.reduce((last, run) => Math.max(last, run.made.at(-1)?.timeMs ?? 0), 0);

/** A lock that stops reporting on an open trip. */
function silences({ moments }: TripWorld, plain: Plain): Expectation[] {
  const gone = moments.find(({ act }) => act.do === 'vanish');
  if (!gone || plain.live) return [];
  return [{ rule: 'comms.silent', span: { fromMs: gone.atMs, toMs: gone.atMs } }];
}

function sealFacts(world: TripWorld, runs: readonly LockRun[]): Expectation[] {
  const last = lastOf(runs);
  const rules = world.moments.flatMap(({ atMs, act }): { rule: string; atMs: number }[] => {
    if (atMs > last) return [];
    if (act.do === 'rope') return [{ rule: act.to === 'cut' ? 'seal.rope-cut' : 'seal.opened-in-transit', atMs }];
    if (act.do === 'motor-stuck') return [{ rule: 'seal.motor-stuck', atMs }];
    if (act.do === 'case-opened') return [{ rule: 'seal.case-opened', atMs }];
    if (act.do === 'illegal-card') return [{ rule: 'seal.unauthorised-card', atMs }];
    if (act.do === 'wrong-password') return act.times >= 5 ? [{ rule: 'seal.wrong-password', atMs }] : [];
    return act.do === 'clone' ? [{ rule: 'seal.identity-mismatch', atMs }] : [];
  });
  // A lock that has stopped reporting cannot report jamming.
  const jammed = world.moments.some(({ act }) => act.do === 'vanish') ? [] : world.spells.jam;
  const jams = jammed
    .filter(({ fromMs }) => fromMs < last)
    .map((span) => ({ rule: 'comms.jamming', atMs: span.fromMs }));
  return [...rules, ...jams].map(({ rule, atMs }) => ({ rule, span: { fromMs: atMs, toMs: last } }));
}

function separations(world: TripWorld, runs: readonly LockRun[]): Expectation[] {
  const [first, second] = runs;
  if (!first || !second || !world.moments.some(({ act }) => act.do === 'leave-lock')) return [];
  const apart = second.made.filter(({ timeMs, motion }) => {
    const other = first.made.findLast((one) => one.timeMs <= timeMs);
    return other !== undefined && distanceM(other.motion, motion) > 600;
  });
  const from = apart[0]?.timeMs;
  if (from === undefined || apart.length < 3) return [];
  return [{ rule: 'pair.separation', span: { fromMs: from, toMs: apart.at(-1)!.timeMs } }];
}

/** The longest stop that is not yet an alarm is 15 min; near that it may go either way. */
const SURELY_TOO_LONG_S = 17 * 60;

function stops(world: TripWorld, lastMs: number): Expectation[] {
  const { drive } = world;
  return drive.detours.flatMap(({ detour, fromM, toM }): Expectation[] => {
    if (detour.awayM > 10 || detour.stopS === undefined || detour.stopS < SURELY_TOO_LONG_S) return [];
    const node = drive.nodeM.findIndex((m) => m >= (fromM + toM) / 2 - 0.5);
    const fromMs = drive.order.startMs + drive.nodeS[node]! * 1_000;
    if (fromMs + SURELY_TOO_LONG_S * 1_000 > lastMs) return [];
    return [{ rule: 'time.unapproved-stop', span: { fromMs, toMs: fromMs + detour.stopS * 1_000 } }];
  });
}

const POWER = [
  { rule: 'power.low', percent: 30 },
  { rule: 'power.very-low', percent: 15 },
] as const;

function power(runs: readonly LockRun[]): Expectation[] {
  const made = runs.flatMap((run) => run.made);
  const rules = POWER.flatMap(({ rule, percent }): Expectation[] => {
    const below = made.filter(({ report }) => (report.battery?.percent ?? 100) <= percent);
    const [first] = below;
    const last = below.at(-1);
    const certain = below.some(({ report }) => (report.battery?.percent ?? 100) < percent - 1);
    return first && last && certain ? [{ rule, span: { fromMs: first.timeMs, toMs: last.timeMs } }] : [];
  });
  const asleep = made.find(({ report }) => report.mode === 'deep-sleep');
  if (asleep) rules.push({ rule: 'power.deep-sleep', span: { fromMs: asleep.timeMs, toMs: asleep.timeMs } });
  return rules;
}
