import { isMoving, type JudgedFix } from './fix.ts';
import type { Located } from './locate.ts';
import type { RouteParams } from './params.ts';
import { doubtOf, isNext, proofWith, traceLeap } from './proof.ts';
import type { Excursion, LockRoute, RouteChange, Seen } from './state.ts';

/*
 * Route deviation.
 *
 *            outside fix                    pair
 *   inside ────────────► provisional ────────────────► confirmed (latched by the tracker)
 *      ▲                   │   ▲                           │  ▲
 *      └── glitch ◄────────┘   └ outside fix               ▼  │ pair across the return
 *            back inside                                 returned
 *
 * Outside is a property of the fix alone: GNSS, beyond the edge of every pass of the route by more than the error that it
 * admits, and not absurdly far (`unbelievableM`: an altitude taken for a longitude lands thousands of kilometres away).
 * Up to 2 km (`leapM`) beyond the edge, how the vehicle can have come there is not asked. Farther away a fix counts only if
 * records show a drive from the road to it or from it to the road, or if it is one of 5 min (`leapMs`) of such fixes.
 *
 * A confirmed excursion is a claim that records exist, so that no record that arrives later can take it away:
 *
 *   a pair: two outside fixes of one lock, at least 4 s apart, and at most 60 s apart or consecutive records.
 *
 * It speaks of these two and of nothing else: whatever a later record shows between them (even an inside fix) makes the
 * excursion longer, not undone. More records can add pairs, never remove one. A drive is a claim of that kind too: two fixes
 * near enough for the time between them, one the record after the other, or both outside and at most 60 s apart. A fix
 * whose own accuracy reaches the corridor, and the same place again from a receiver that says it moves, prove nothing.
 *
 * GNSS error comes in runs (correlation 0.81 from fix to fix), and deeper than 40 m beyond the edge goes hardly any (99 % is
 * 36 m). Two fixes that deep are a pair as they stand. Otherwise no record may lie between the two: the second has gone that
 * deep, as a truck on a ramp has by its second fix, or the first was deeper than a town's width and the largest error make
 * up; or they are ends of a run of outside fixes, each the record after the one before, that lasts 20 s. A run of error that
 * dies away is none of these, nor are two shallow glitches with good fixes between.
 *
 * The memory is the outside fixes of the last 60 s and the last fix (at most 64): exact as long as a lock's records are
 * ordered by time as they are by number, and it reports at most once a second.
 */

/** A fix, its position relative to the route, and its own stated error. */
export interface Observed {
  fix: JudgedFix;
  located: Located;
  errorM: number;
  where: 'inside' | 'edge' | 'outside';
  /** For an outside fix: metres beyond the edge, the admitted error taken off; otherwise 0. */
  depthM: number;
}

const MOST_RECENT = 64;
const MOST_EXCURSIONS = 200;

/** Since when, up to this fix, one outside fix is the record after the other. */
function runFromMs(recent: readonly Seen[], seen: Seen): number {
  if (!seen.outside) return seen.timeMs;
  return recent.find((before) => before.outside && isNext(before, seen))?.runFromMs ?? seen.timeMs;
}

/** The fix as it will be remembered. */
export function seenOf({ fix, located, errorM, where, depthM }: Observed): Seen {
  return {
    timeMs: fix.timeMs,
    lon: fix.lon,
    lat: fix.lat,
    errorM,
    boot: fix.boot,
    nextSeq: (fix.seq + 1) >>> 0,
    outside: where === 'outside',
    runFromMs: fix.timeMs,
    awayM: Math.abs(located.offsetM),
    depthM,
    believed: true,
    moves: isMoving(fix),
    covered: where === 'outside' && (fix.accuracyM ?? 0) >= depthM + errorM,
    leapt: false,
    leapFromMs: fix.timeMs,
    leapPair: false,
  };
}

/**
 * The lock's state with the fix in it: what is remembered, and the excursions.
 * @param begins whether the fix may begin an excursion by itself
 */
export function withFix(
  lock: LockRoute,
  observed: Observed,
  seen: Seen,
  begins: boolean,
  changes: RouteChange[],
  params: RouteParams,
): LockRoute {
  seen.runFromMs = runFromMs(lock.recent, seen);
  // With a cap of 0 the accuracy that receivers claim is not asked at all.
  if (params.accuracyCapM === 0) seen.covered = false;
  traceLeap(lock.recent, seen, params);
  const recent = remember(lock.recent, seen, params);
  const next: LockRoute = { ...lock, recent };
  if (lock.excursions.length === 0 && !seen.outside) return next;
  let excursions = lock.excursions.slice();
  const pairedWith = proofWith(lock.recent, seen, params);
  let ended: 'glitch' | 'returned' | undefined;
  const last = excursions[excursions.length - 1];
  if (last !== undefined && last.returnedMs === undefined) {
    let open = prolong(last, lock, observed, seen);
    if (observed.where === 'inside') {
      open = { ...open, returnedMs: seen.timeMs, returnedAtM: observed.located.progressM };
      ended = open.confirmedMs === undefined && pairedWith === undefined ? 'glitch' : 'returned';
    }
    excursions[excursions.length - 1] = open;
  } else if (seen.outside && (begins || seen.leapPair || pairedWith !== undefined)) {
    excursions.push(begin(lock, observed, seen));
    changes.push('provisional');
  }
  if (pairedWith !== undefined) excursions = confirm(excursions, pairedWith, seen, changes);
  if (ended !== undefined) changes.push(ended);
  const kept = settle(excursions, recent);
  next.glitches += excursions.length - kept.length;
  // Who asks whether anything changed looks at the list, and most fixes of a truck that was off its route change nothing.
  if (!isSame(kept, lock.excursions)) next.excursions = kept;
  return next;
}

function isSame(a: readonly Excursion[], b: readonly Excursion[]): boolean {
  return a.length === b.length && a.every((excursion, index) => excursion === b[index]);
}

/** Outside and doubted fixes stay for `pairMostMs`; a believed inside one speaks for its neighbour only. */
function remember(recent: readonly Seen[], seen: Seen, params: RouteParams): readonly Seen[] {
  const last = recent.length - 1;
  if (last < 0 || (last === 0 && recent[0]!.believed && !recent[0]!.outside)) return [seen];
  const since = seen.timeMs - params.pairMostMs;
  const kept: Seen[] = [];
  for (let i = Math.max(0, last + 2 - MOST_RECENT); i <= last; i++) {
    const mark = recent[i]!;
    // The last one stays even when it is old: the next record may be the one directly after it.
    if ((mark.outside || !mark.believed) && (mark.timeMs >= since || i === last)) kept.push(mark);
  }
  kept.push(seen);
  return kept;
}

function begin(lock: LockRoute, observed: Observed, seen: Seen): Excursion {
  const { fix, located } = observed;
  const inside = lastInsideOf(lock);
  const place = { lon: fix.lon, lat: fix.lat };
  const excursion: Excursion = {
    lockId: lock.lockId,
    firstOutsideMs: fix.timeMs,
    firstOutside: place,
    lastOutsideMs: fix.timeMs,
    outsideFixes: 1,
    maxDistanceM: Math.abs(located.offsetM),
    farthest: { timeMs: fix.timeMs, ...place },
    longestGapMs: sinceLast(lock, seen),
  };
  const doubt = doubtOf(lock.recent, seen);
  if (doubt !== undefined) excursion.doubt = doubt;
  if (inside === undefined) return excursion;
  const beyond = Math.max(0, Math.abs(located.offsetM) - located.halfWidthM);
  // In a stop beside the corridor a truck is inside and yet beyond the edge.
  const within = Math.max(0, -inside.beyondM);
  const share = beyond + within > 0 ? within / (beyond + within) : 1;
  return {
    ...excursion,
    lastInsideMs: inside.timeMs,
    leftAtM: inside.progressM,
    crossedMs: Math.round(inside.timeMs + share * (fix.timeMs - inside.timeMs)),
  };
}

/** The last inside fix, believed or not. */
export function lastInsideOf({ at, lastInside }: LockRoute): LockRoute['lastInside'] {
  if (!at?.inside) return lastInside;
  return lastInside !== undefined && lastInside.timeMs > at.timeMs ? lastInside : at;
}

function sinceLast(lock: LockRoute, seen: Seen): number {
  const last = lock.recent[lock.recent.length - 1];
  return last ? seen.timeMs - last.timeMs : 0;
}

function prolong(open: Excursion, lock: LockRoute, { fix, located }: Observed, seen: Seen): Excursion {
  const longestGapMs = Math.max(open.longestGapMs, sinceLast(lock, seen));
  if (!seen.outside) return longestGapMs > open.longestGapMs ? { ...open, longestGapMs } : open;
  const awayM = Math.abs(located.offsetM);
  const farther = awayM > open.maxDistanceM;
  const { doubt, ...proven } = open;
  return {
    ...(doubt !== undefined && doubtOf(lock.recent, seen) !== undefined ? open : proven),
    longestGapMs,
    lastOutsideMs: fix.timeMs,
    outsideFixes: open.outsideFixes + 1,
    maxDistanceM: farther ? awayM : open.maxDistanceM,
    farthest: farther ? { timeMs: fix.timeMs, lon: fix.lon, lat: fix.lat } : open.farthest,
  };
}

/**
 * Joins the excursions since the first of the pair into one, up to the one that lasts, and confirms it. One that was
 * confirmed and is over stays by itself: what a person has disposed of must not grow over what came after it.
 */
function confirm(excursions: Excursion[], first: Seen, second: Seen, changes: RouteChange[]): Excursion[] {
  const over = excursions.findLastIndex((e) => e.confirmedMs !== undefined && e.returnedMs !== undefined);
  const from = Math.max(
    over + 1,
    excursions.findIndex((excursion) => excursion.lastOutsideMs >= first.timeMs),
  );
  // The fixes of a jump that are borne out now may lie before an excursion that is confirmed and over.
  if (from === excursions.length)
    return excursions.map((excursion) => confirmIfHolds(excursion, first, second, changes));
  let one = excursions.slice(from).reduce(join);
  if (first.timeMs < one.firstOutsideMs && first.timeMs > (excursions[over]?.lastOutsideMs ?? -Infinity)) {
    // It was the second fix of an instant, and so began nothing when it came.
    one = { ...one, firstOutsideMs: first.timeMs, firstOutside: { lon: first.lon, lat: first.lat } };
  }
  if (one.confirmedMs === undefined) {
    one = { ...one, confirmedMs: second.timeMs };
    changes.push('confirmed');
  }
  return [...excursions.slice(0, from), one];
}

function confirmIfHolds(excursion: Excursion, first: Seen, second: Seen, changes: RouteChange[]): Excursion {
  const holds = excursion.firstOutsideMs <= first.timeMs && first.timeMs <= excursion.lastOutsideMs;
  if (!holds || excursion.confirmedMs !== undefined) return excursion;
  changes.push('confirmed');
  return { ...excursion, confirmedMs: second.timeMs };
}

function join(a: Excursion, b: Excursion): Excursion {
  const farther = b.maxDistanceM > a.maxDistanceM ? b : a;
  const { returnedMs: _ms, returnedAtM: _m, doubt, ...rest } = a;
  const open: Excursion = doubt !== undefined && b.doubt !== undefined ? { ...rest, doubt } : rest;
  const joined: Excursion = {
    ...open,
    lastOutsideMs: b.lastOutsideMs,
    outsideFixes: a.outsideFixes + b.outsideFixes,
    maxDistanceM: farther.maxDistanceM,
    farthest: farther.farthest,
    longestGapMs: Math.max(a.longestGapMs, b.longestGapMs),
  };
  const confirmedMs = a.confirmedMs ?? b.confirmedMs;
  if (confirmedMs !== undefined) joined.confirmedMs = confirmedMs;
  if (b.returnedMs !== undefined) joined.returnedMs = b.returnedMs;
  if (b.returnedAtM !== undefined) joined.returnedAtM = b.returnedAtM;
  return joined;
}

/** Drops what ended unconfirmed and can no longer become a pair; joins the oldest where there are too many. */
function settle(excursions: Excursion[], recent: readonly Seen[]): Excursion[] {
  const oldestMs = recent[0]!.timeMs;
  const kept = excursions.filter(
    (e) => e.confirmedMs !== undefined || e.returnedMs === undefined || e.lastOutsideMs >= oldestMs,
  );
  while (kept.length > MOST_EXCURSIONS) kept.splice(0, 2, join(kept[0]!, kept[1]!));
  return kept;
}
