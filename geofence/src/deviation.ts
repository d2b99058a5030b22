import { isPossible, type JudgedFix } from './fix.ts';
import type { Located } from './locate.ts';
import type { RouteParams } from './params.ts';
import type { Excursion, LockRoute, RouteChange, Seen } from './state.ts';

/*
 * Route deviation.
 *
 *            outside fix               pair with a witness
 *   inside ────────────► provisional ─────────────────────► confirmed (latched by the tracker)
 *      ▲                   │   ▲                                │  ▲
 *      └── glitch ◄────────┘   └ outside fix                    ▼  │ pair across the return
 *            back inside                                      returned
 *
 * A confirmed excursion is a claim that records exist, so that no record that arrives later can take it away:
 *
 *   two outside fixes A, C of one lock, at least 4 s apart, at most 60 s apart or consecutive records, between which
 *   a vehicle can have moved, and a witness: the record directly before A, from which a vehicle can have come, or the
 *   one directly after C, to which it can have gone, or a third outside fix that makes a pair with A or C.
 *
 * Each part speaks about the fixes it names and about nothing else: not about "the last fix", not about what lies
 * between, not about the pass the truck was thought to be on. Outside is outside of every pass of the route. More
 * records can therefore add pairs and witnesses, never remove them; whatever a later record shows between A and C
 * (even an inside fix) makes the excursion longer, not undone. The witness is there for jumps: a receiver that reports
 * a false place twice makes a pair, but nothing can have driven there or back. A third fix at the false place is its
 * witness: from then on a stuck receiver and a fast truck look alike, and red is right. Without a record directly before
 * (the first fix of a trip, records still missing) the next one settles it. "The last fix known" would not do for a
 * witness: an earlier fix has more time to drive there, so losing it to a later one would take claims back.
 *
 * GNSS error comes in runs (correlation 0.81 from fix to fix), so two fixes in quick succession just beyond the edge are
 * one observation: they make a pair only when one is deeper than nearly all error goes (40 m; 99 % is 36 m) or 20 s lie
 * between. A truck on a ramp is that deep by its second fix.
 *
 * What may be taken back is everything provisional: an outside fix that is an impossible jump from the one before it
 * does not even turn the truck provisional.
 *
 * The memory is the outside fixes of the last 60 s and the last fix (at most 64): exact as long as a lock's records are
 * ordered by time as they are by number, and it reports at most once a second.
 */

/** A fix, where it stands to the route, and the error it admits. */
export interface Observed {
  fix: JudgedFix;
  located: Located;
  errorM: number;
  where: 'inside' | 'edge' | 'outside';
  /** For an outside fix: metres beyond the edge, the admitted error taken off; otherwise 0. */
  depthM: number;
}

/** The span of a confirmed claim: times of the two outside fixes. */
export interface Claim {
  fromMs: number;
  toMs: number;
}

const MOST_RECENT = 64;
const MOST_EXCURSIONS = 200;

/** Whether no fix can have been sent between the two. `b` is the newest, so its number is the one before its next. */
function isNext(a: Seen, b: Seen): boolean {
  return a.boot === b.boot && b.nextSeq - 1 === a.nextSeq;
}

function isPair(a: Seen, b: Seen, params: RouteParams): boolean {
  const apartMs = b.timeMs - a.timeMs;
  // Nearer in time they are one observation, not two.
  if (!a.outside || !b.outside || apartMs < params.pairLeastMs) return false;
  if (apartMs > params.pairMostMs && !isNext(a, b)) return false;
  if (apartMs < params.shallowMs && Math.max(a.depthM, b.depthM) < params.shallowM) return false;
  return isPossible(a, b, params.fastestKmh, params.noiseM);
}

function isNeighbour(a: Seen, b: Seen, params: RouteParams): boolean {
  return isNext(a, b) && isPossible(a, b, params.fastestKmh, params.noiseM);
}

/** The fix as it will be remembered. */
export function outsideSeen(lock: LockRoute, observed: Observed, params: RouteParams): Seen {
  const { fix, located, errorM, where } = observed;
  const seen: Seen = {
    timeMs: fix.timeMs,
    lon: fix.lon,
    lat: fix.lat,
    errorM,
    boot: fix.boot,
    nextSeq: fix.seq + 1,
    outside: where === 'outside',
    awayM: Math.abs(located.offsetM),
    depthM: observed.depthM,
    reached: false,
    believed: true,
  };
  if (!seen.outside) return seen;
  for (const before of lock.recent) {
    const paired = isPair(before, seen, params);
    if (paired && !before.reached && seen.pairFromMs === undefined) seen.pairFromMs = before.timeMs;
    if (paired || (!before.outside && isNeighbour(before, seen, params))) seen.reached = true;
  }
  return seen;
}

/** The widest claim that this fix completes, as second of a pair or as its witness. */
export function confirmations(lock: LockRoute, seen: Seen, params: RouteParams): Claim | undefined {
  let fromMs = Infinity;
  let toMs = -Infinity;
  for (const before of lock.recent) {
    if (!before.outside || (before.pairFromMs === undefined && !before.reached)) continue;
    const paired = isPair(before, seen, params);
    if (paired && before.reached) {
      fromMs = Math.min(fromMs, before.timeMs);
      toMs = seen.timeMs;
    }
    if (before.pairFromMs !== undefined && (paired || (!seen.outside && isNeighbour(before, seen, params)))) {
      fromMs = Math.min(fromMs, before.pairFromMs);
      toMs = Math.max(toMs, before.timeMs);
    }
  }
  return toMs < fromMs ? undefined : { fromMs, toMs };
}

/** The lock's state with the fix in it: what is remembered, and the excursions. */
export function withFix(
  lock: LockRoute,
  observed: Observed,
  seen: Seen,
  claim: Claim | undefined,
  changes: RouteChange[],
  params: RouteParams,
): LockRoute {
  const recent = remember(lock.recent, seen, params);
  const next: LockRoute = { ...lock, recent };
  if (lock.excursions.length === 0 && !seen.outside && claim === undefined) return next;
  let excursions = lock.excursions.slice();
  let open = excursions[excursions.length - 1];
  if (open?.returnedMs !== undefined) open = undefined;

  if (open !== undefined) {
    open = prolong(open, lock, observed, seen);
    if (observed.where === 'inside') {
      open = { ...open, returnedMs: seen.timeMs, returnedAtM: observed.located.progressM };
      changes.push(open.confirmedMs === undefined ? 'glitch' : 'returned');
    }
    excursions[excursions.length - 1] = open;
  } else if (seen.outside && (seen.believed || claim !== undefined)) {
    excursions.push(begin(lock, observed, seen));
    changes.push('provisional');
  }
  if (claim !== undefined) excursions = confirm(excursions, lock, claim, seen, changes);
  const kept = settle(excursions, recent);
  next.glitches += excursions.length - kept.length;
  next.excursions = kept;
  return next;
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
  const inside = lock.at?.inside ? lock.at : lock.lastInside;
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

function sinceLast(lock: LockRoute, seen: Seen): number {
  const last = lock.recent[lock.recent.length - 1];
  return last ? seen.timeMs - last.timeMs : 0;
}

function prolong(open: Excursion, lock: LockRoute, { fix, located }: Observed, seen: Seen): Excursion {
  const longestGapMs = Math.max(open.longestGapMs, sinceLast(lock, seen));
  if (!seen.outside) return longestGapMs > open.longestGapMs ? { ...open, longestGapMs } : open;
  const awayM = Math.abs(located.offsetM);
  const farther = awayM > open.maxDistanceM;
  return {
    ...open,
    longestGapMs,
    lastOutsideMs: fix.timeMs,
    outsideFixes: open.outsideFixes + 1,
    maxDistanceM: farther ? awayM : open.maxDistanceM,
    farthest: farther ? { timeMs: fix.timeMs, lon: fix.lon, lat: fix.lat } : open.farthest,
  };
}

/** Joins the excursions that a claim spans into one and confirms it. */
function confirm(
  excursions: Excursion[],
  lock: LockRoute,
  claim: Claim,
  seen: Seen,
  changes: RouteChange[],
): Excursion[] {
  const touched = excursions.filter((e) => e.lastOutsideMs >= claim.fromMs && e.firstOutsideMs <= claim.toMs);
  const before = excursions.filter((e) => e.lastOutsideMs < claim.fromMs);
  const after = excursions.filter((e) => e.firstOutsideMs > claim.toMs);
  let one = touched[0] ?? fromMemory(lock, claim);
  for (const other of touched.slice(1)) one = join(one, other);
  // The first of the pair may have been an impossible jump when it came, and so have begun nothing.
  const first = lock.recent.find((mark) => mark.outside && mark.timeMs === claim.fromMs);
  if (first && first.timeMs < one.firstOutsideMs) {
    one = { ...one, firstOutsideMs: first.timeMs, firstOutside: { lon: first.lon, lat: first.lat } };
  }
  if (one.confirmedMs === undefined) {
    one = { ...one, confirmedMs: seen.timeMs };
    changes.push('confirmed');
    if (one.returnedMs !== undefined) changes.push('returned');
  }
  return [...before, one, ...after];
}

function fromMemory(lock: LockRoute, claim: Claim): Excursion {
  const marks = lock.recent.filter((m) => m.outside && m.timeMs >= claim.fromMs && m.timeMs <= claim.toMs);
  const first = marks[0]!;
  const farthest = marks.reduce((far, mark) => (mark.awayM > far.awayM ? mark : far), first);
  return {
    lockId: lock.lockId,
    firstOutsideMs: claim.fromMs,
    firstOutside: { lon: first.lon, lat: first.lat },
    lastOutsideMs: claim.toMs,
    outsideFixes: marks.length,
    maxDistanceM: farthest.awayM,
    farthest: { timeMs: farthest.timeMs, lon: farthest.lon, lat: farthest.lat },
    longestGapMs: 0,
  };
}

function join(a: Excursion, b: Excursion): Excursion {
  const farther = b.maxDistanceM > a.maxDistanceM ? b : a;
  const { returnedMs: _ms, returnedAtM: _m, ...open } = a;
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
