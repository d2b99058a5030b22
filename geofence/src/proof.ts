import { isPossible, isSamePlace } from './fix.ts';
import type { RouteParams } from './params.ts';
import type { Excursion, Seen } from './state.ts';

/** Whether no fix can have been sent between the two. `b` is the newest, so its number is the one before its next. */
export function isNext(a: Seen, b: Seen): boolean {
  return a.boot === b.boot && b.nextSeq === (a.nextSeq + 1) >>> 0;
}

function isPair(a: Seen, b: Seen, params: RouteParams): boolean {
  const apartMs = b.timeMs - a.timeMs;
  // Nearer in time they are one observation, not two.
  if (!a.outside || apartMs < params.pairLeastMs || a.covered || b.covered) return false;
  // A place repeated to the last digit by a receiver that says it moves is one observation too.
  if (b.moves && isSamePlace(a, b)) return false;
  const next = isNext(a, b);
  if (Math.min(a.depthM, b.depthM) >= params.shallowM) return next || apartMs <= params.pairMostMs;
  if (next && (b.depthM >= params.shallowM || a.depthM >= params.deepM)) return true;
  return a.runFromMs === b.runFromMs && apartMs >= params.shallowMs;
}

/** Whether a vehicle can have driven from `a` to `b`, and no record that comes later can show that it did not. */
function isDrivable(a: Seen, b: Seen, params: RouteParams): boolean {
  const known = isNext(a, b) || (a.outside && b.timeMs - a.timeMs <= params.pairMostMs);
  return known && isPossible(a, b, params.fastestKmh, params.noiseM);
}

/** Says whether an outside fix is one that no drive from the road leads to (`leapt`), and what is known of such fixes before it. */
export function traceLeap(recent: readonly Seen[], seen: Seen, params: RouteParams): void {
  if (!seen.outside || seen.depthM <= params.leapM) return;
  const from = recent.filter((before) => isDrivable(before, seen, params));
  if (from.some((before) => !before.leapt)) return;
  for (const before of from) {
    seen.leapFromMs = Math.min(seen.leapFromMs, before.leapFromMs);
    seen.leapPair ||= before.leapPair || isPair(before, seen, params);
  }
  seen.leapt = seen.timeMs - seen.leapFromMs < params.leapMs;
}

/** An earlier fix that makes a proof with this one: the first of a pair, or a leapt one of a pair that is borne out now. */
export function proofWith(recent: readonly Seen[], seen: Seen, params: RouteParams): Seen | undefined {
  if (seen.leapt) return undefined;
  const pair = seen.outside ? recent.find((before) => !before.leapt && isPair(before, seen, params)) : undefined;
  if (pair !== undefined) return pair;
  return recent.find(
    (before) =>
      before.leapt &&
      isDrivable(before, seen, params) &&
      (before.leapPair || (seen.outside && isPair(before, seen, params))),
  );
}

export function doubtOf(recent: readonly Seen[], seen: Seen): Excursion['doubt'] {
  if (seen.covered) return 'accuracy';
  // With the record before it missing, the vehicle may have driven there.
  const before = recent[recent.length - 1];
  return seen.leapt && before !== undefined && isNext(before, seen) ? 'leap' : undefined;
}
