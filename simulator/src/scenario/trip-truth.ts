import type { LonLat, Path } from '../path.ts';
import { distanceM, nearest } from '../path.ts';
import type { Line } from './line.ts';
import type { LockRun } from './lock-run.ts';
import type { Plain } from './scenario.ts';
import type { Expectation, TripTruth } from './truth.ts';
import { rightVerdict, toleratedOf } from './truth.ts';
import type { TripWorld } from './world.ts';

/** Beyond the widest corridor and the margin for accuracy: certainly outside. */
const SURELY_OUTSIDE_M = 300;

/** The trip whose truth is measured. */
interface PlayedTrip {
  line: Line;
  scenario: string;
  plain: Plain;
}

/** The truth follows from the records made, not from the scenario: a detour that no record shows is not expected. */
export function truthOf(trip: PlayedTrip, world: TripWorld, runs: readonly LockRun[]): TripTruth {
  const { plain, line, scenario } = trip;
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

/** The driven line thinned out for drawing: every eighth point on the road, every second one off it. */
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

/** Time of the last record, epoch ms. */
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

/** The longest stop that is not yet an alarm is 15 min; close to that, an alarm is neither expected nor unfounded. */
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
