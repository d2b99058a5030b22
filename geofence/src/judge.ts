import type { Corridor } from './corridor.ts';
import { lastInsideOf, type Observed, seenOf, withFix } from './deviation.ts';
import { admittedM, type FixProblem, faultOf, isPossible, type JudgedFix } from './fix.ts';
import { gapBetween } from './gap.ts';
import { beyondM, type Located, type LocateHint, locate } from './locate.ts';
import { turnedBack } from './opposite.ts';
import type { RouteParams } from './params.ts';
import type { LockRoute, RouteChange, RouteState, RouteVerdict, Seen } from './state.ts';
import { firstZone } from './zones.ts';

const EMPTY: RouteState = Object.freeze({ locks: Object.freeze([]) as readonly LockRoute[] });
const NOTHING: readonly never[] = Object.freeze([]);
const SAME_INSTANT: readonly FixProblem[] = Object.freeze(['same-instant', 'impossible-jump'] as const);
const AFTER_JUMP: readonly FixProblem[] = Object.freeze(['after-jump'] as const);
const IMPOSSIBLE_JUMP: readonly FixProblem[] = Object.freeze(['impossible-jump'] as const);
/** Gaps and excursions a trip keeps; a trip that has more is no longer read one by one. */
const MOST_GAPS = 50;

/** The state of a trip of which nothing is known yet. */
export function startRoute(): RouteState {
  return EMPTY;
}

/**
 * Judges one fix against the route. Fixes come in fix-time order per lock; cell and Wi-Fi fixes, and fixes that cannot
 * be, are named in the verdict and change nothing but the count of records. Never throws, never changes `state`.
 */
export function judge(
  corridor: Corridor,
  state: RouteState,
  fix: JudgedFix,
  params: RouteParams,
): { state: RouteState; verdict: RouteVerdict } {
  const fault = faultOf(fix);
  if (fault !== undefined) return { state: withoutFix(state, fix), verdict: unjudged(fault) };
  const place = state.locks[0]?.lockId === fix.lockId ? 0 : state.locks.findIndex((lock) => lock.lockId === fix.lockId);
  const before = place < 0 ? newLock(fix.lockId) : state.locks[place]!;
  const last = before.recent[before.recent.length - 1];
  if (last !== undefined && fix.timeMs < last.timeMs) return { state, verdict: unjudged('time-backwards') };
  const step = judgeLock(corridor, before, fix, params);
  if (step === undefined) return { state: withoutFix(state, fix), verdict: unjudged('too-far') };
  const { lock, verdict } = step;
  const locks = place < 0 ? [...state.locks, lock] : state.locks.length === 1 ? [lock] : state.locks.with(place, lock);
  return { state: { locks }, verdict };
}

/**
 * Takes note of a record that has no usable fix, so that the fixes on both sides of it are known to be consecutive: two
 * outside fixes with a tunnel between are a pair however far apart.
 */
export function withoutFix(state: RouteState, record: { lockId: string; boot: number; seq: number }): RouteState {
  const place = state.locks.findIndex((lock) => lock.lockId === record.lockId);
  const lock = state.locks[place];
  const last = lock?.recent[lock.recent.length - 1];
  if (!lock || !last || record.boot !== last.boot || record.seq !== last.nextSeq) return state;
  const recent = lock.recent.with(-1, { ...last, nextSeq: (last.nextSeq + 1) >>> 0 });
  return { locks: state.locks.with(place, { ...lock, recent }) };
}

function newLock(lockId: string): LockRoute {
  // Every field is there from the start: one shape for every lock keeps the copies fast.
  return {
    lockId,
    recent: NOTHING,
    trusted: undefined,
    at: undefined,
    lastInside: undefined,
    excursions: NOTHING,
    glitches: 0,
    opposite: undefined,
    gaps: NOTHING,
  };
}

function unjudged(problem: FixProblem): RouteVerdict {
  return { where: 'unknown', problems: [problem], changes: NOTHING };
}

/** `undefined` for a fix farther from the route than anything that could be true. */
function judgeLock(corridor: Corridor, lock: LockRoute, fix: JudgedFix, params: RouteParams) {
  const errorM = admittedM(fix, params.accuracyCapM);
  const located = locate(corridor, fix.lon, fix.lat, hintFor(lock, fix));
  const stop = fix.allowedAt ?? stopAt(corridor, fix);
  const observed: Observed = {
    fix,
    located,
    errorM,
    where: 'inside',
    depthM: 0,
  };
  if (stop === undefined) weigh(corridor, lock, observed, params);
  if (observed.depthM > params.unbelievableM) return undefined;
  const seen = seenOf(observed);
  const problems = suspicions(lock, seen, params);
  seen.believed = problems === NOTHING;
  const changes: RouteChange[] = [];
  const next: LockRoute = withFix(lock, observed, seen, problems !== SAME_INSTANT, changes, params);
  const verdict: RouteVerdict = { where: observed.where, problems, changes, located };
  if (stop !== undefined) verdict.stop = stop;
  if (seen.believed) believe(lock, next, observed, stop, changes, verdict, params);
  else if (observed.where === 'inside') {
    next.lastInside = { timeMs: fix.timeMs, progressM: located.progressM, beyondM: edgeM(located) };
  }
  const excursion = next.excursions[next.excursions.length - 1];
  if (excursion && (excursion.returnedMs === undefined || changes.includes('returned'))) verdict.excursion = excursion;
  return { lock: next, verdict };
}

/** Metres from the corridor's edge, negative within. */
function edgeM({ offsetM, halfWidthM }: Located): number {
  return Math.abs(offsetM) - halfWidthM;
}

/** Progress, direction and gaps follow believed fixes only: one wrong fix must not drag them along. */
function believe(
  lock: LockRoute,
  next: LockRoute,
  { fix, located, where }: Observed,
  stop: string | undefined,
  changes: RouteChange[],
  verdict: RouteVerdict,
  params: RouteParams,
): void {
  const inside = where === 'inside';
  if (!inside) next.lastInside = lastInsideOf(lock);
  next.trusted = next.recent[next.recent.length - 1];
  next.at = {
    timeMs: fix.timeMs,
    segment: located.segment,
    progressM: located.progressM,
    beyondM: edgeM(located),
    inside,
    stop: stop !== undefined,
  };
  if (where === 'outside') return;
  const gap = lock.at ? gapBetween(lock.lockId, lock.at, next.at, lock.trusted!, fix, params) : undefined;
  if (gap !== undefined) {
    next.gaps = [...lock.gaps.slice(1 - MOST_GAPS), gap];
    verdict.gap = gap;
    changes.push('gap');
  }
  next.opposite = turnedBack(lock.opposite, fix.timeMs, located.progressM, params);
  const since = next.opposite.sinceMs;
  if (since !== undefined) verdict.oppositeSinceMs = since;
  if (since !== lock.opposite?.sinceMs) changes.push(since === undefined ? 'forward' : 'opposite');
}

function hintFor(lock: LockRoute, fix: JudgedFix): LocateHint | undefined {
  const at = lock.at;
  if (at === undefined) return undefined;
  const hint: LocateHint = { segment: at.segment, progressM: at.progressM, elapsedMs: fix.timeMs - at.timeMs };
  if (lock.opposite) hint.furthestM = lock.opposite.peakM;
  if (fix.headingDeg !== undefined) hint.headingDeg = fix.headingDeg;
  if (fix.speedKmh !== undefined) hint.speedKmh = fix.speedKmh;
  return hint;
}

/** A fix's admitted error is no reason to be in a stop. */
function stopAt(corridor: Corridor, fix: JudgedFix): string | undefined {
  if (corridor.stops.length === 0) return undefined;
  return firstZone(corridor.stopZones, fix.lon, fix.lat);
}

/** Says where a fix outside of every stop is, and how deep. */
function weigh(corridor: Corridor, lock: LockRoute, observed: Observed, params: RouteParams): void {
  const { fix, located, errorM } = observed;
  const awayM = Math.abs(located.offsetM);
  const share = params.reentryShare;
  if (awayM <= share * (located.halfWidthM + errorM)) return;
  if (awayM > located.halfWidthM + errorM) {
    // The located pass may be the likelier one and not the nearest: outside means outside of all of them.
    observed.depthM = Math.max(0, beyondM(corridor, fix.lon, fix.lat) - errorM);
    if (observed.depthM > 0) {
      observed.where = 'outside';
      return;
    }
  }
  const open = lock.excursions[lock.excursions.length - 1];
  if (open === undefined || open.returnedMs !== undefined) return;
  if (beyondM(corridor, fix.lon, fix.lat, share) > share * errorM) observed.where = 'edge';
}

/**
 * A fix is believed if it is possible from the last believed one, or from a fix since then that was not believed but
 * is now borne out by a second one apart from it: the receiver was right, or has moved for good.
 */
function suspicions(lock: LockRoute, seen: Seen, params: RouteParams): readonly FixProblem[] {
  const { trusted, recent } = lock;
  if (trusted === undefined || isPossible(trusted, seen, params.fastestKmh, params.noiseM)) return NOTHING;
  let afterJump = false;
  for (const mark of recent) {
    if (mark.timeMs < trusted.timeMs || !isPossible(mark, seen, params.fastestKmh, params.noiseM)) continue;
    if (seen.timeMs - mark.timeMs >= params.pairLeastMs) return NOTHING;
    afterJump = true;
  }
  if (recent[recent.length - 1]?.timeMs === seen.timeMs) return SAME_INSTANT;
  return afterJump ? AFTER_JUMP : IMPOSSIBLE_JUMP;
}
