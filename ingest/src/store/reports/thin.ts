/** A point of a track: where, and when. */
export interface TimedPoint {
  timeMs: number;
  lon: number;
  lat: number;
}

const M_PER_DEG = 111_195;

interface Span {
  from: number;
  to: number;
  /** The point between that is furthest from where it would be at an even speed from `from` to `to`. */
  worst: number;
  errorM: number;
}

/** Distance of point `i` from where a straight and even move from `from` to `to` would be at its time, metres. */
function errorAt(points: readonly TimedPoint[], from: TimedPoint, to: TimedPoint, i: number): number {
  const point = points[i]!;
  const share = to.timeMs === from.timeMs ? 0 : (point.timeMs - from.timeMs) / (to.timeMs - from.timeMs);
  const lat = from.lat + (to.lat - from.lat) * share;
  const eastM = (point.lon - (from.lon + (to.lon - from.lon) * share)) * M_PER_DEG * Math.cos((lat * Math.PI) / 180);
  return Math.hypot(eastM, (point.lat - lat) * M_PER_DEG);
}

function measure(points: readonly TimedPoint[], from: number, to: number): Span {
  const span: Span = { from, to, worst: -1, errorM: -1 };
  const start = points[from]!;
  const end = points[to]!;
  for (let i = from + 1; i < to; i++) {
    const errorM = errorAt(points, start, end, i);
    if (errorM > span.errorM) {
      span.errorM = errorM;
      span.worst = i;
    }
  }
  return span;
}

/** Spans by greatest error first: a binary heap, since a track may have 10^5 points. */
class Worst {
  readonly #heap: Span[] = [];

  push(span: Span): void {
    if (span.worst < 0) return;
    const heap = this.#heap;
    let at = heap.push(span) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]!.errorM >= span.errorM) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = span;
  }

  pop(): Span | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.errorM > heap[child]!.errorM) child++;
      if (heap[child]!.errorM <= last.errorM) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

/**
 * Thins a track in time order to at most `maxPoints`, by top-down Douglas-Peucker with the distance in time and space
 * (TD-TR, Meratnia & de By 2004): a point counts by how far it is from where an even move between its kept neighbours
 * would be at its time, so that stops and speeds survive and not only the line. First, last and `keep` always stay,
 * even where they alone are more than `maxPoints`.
 * @param keep places in `points` that must stay, e.g. of alarms
 * @returns places in `points`, rising, and the greatest error of what was left out, metres
 */
export function thinTrack(
  points: readonly TimedPoint[],
  maxPoints: number,
  keep: Iterable<number> = [],
): { kept: number[]; errorM: number } {
  if (points.length <= Math.max(2, maxPoints)) return { kept: points.map((_, i) => i), errorM: 0 };
  const kept = new Set([0, points.length - 1, ...keep]);
  const fixed = [...kept].sort((a, b) => a - b);
  const worst = new Worst();
  for (let i = 1; i < fixed.length; i++) worst.push(measure(points, fixed[i - 1]!, fixed[i]!));
  let span = worst.pop();
  for (; span !== undefined && kept.size < maxPoints; span = worst.pop()) {
    kept.add(span.worst);
    worst.push(measure(points, span.from, span.worst));
    worst.push(measure(points, span.worst, span.to));
  }
  return { kept: [...kept].sort((a, b) => a - b), errorM: span?.errorM ?? 0 };
}
