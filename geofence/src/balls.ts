import { type Balls, type Corridor, chord2ToSegment } from './corridor.ts';

/** Children per ball. Measured: 4 and 16 are slower on routes of 1,370 to 10,000 points. */
const FANOUT = 8;

export function packBalls(vertices: Float64Array, segmentCount: number): Balls {
  const levels = [0];
  let count = segmentCount;
  let total = segmentCount;
  while (count > 1) {
    levels.push(total);
    count = Math.ceil(count / FANOUT);
    total += count;
  }
  levels.push(total);
  const data = new Float64Array(total * 4);
  for (let i = 0; i < segmentCount; i++) writeSegmentBall(vertices, i, data);
  for (let level = 1; level < levels.length - 1; level++) {
    for (let ball = levels[level]!; ball < levels[level + 1]!; ball++) {
      const first = levels[level - 1]! + (ball - levels[level]!) * FANOUT;
      writeParentBall(data, first, Math.min(first + FANOUT, levels[level]!), ball);
    }
  }
  return { data, levels: Int32Array.from(levels) };
}

function writeSegmentBall(vertices: Float64Array, i: number, data: Float64Array): void {
  const v = i * 3;
  const halfX = (vertices[v + 3]! - vertices[v]!) / 2;
  const halfY = (vertices[v + 4]! - vertices[v + 1]!) / 2;
  const halfZ = (vertices[v + 5]! - vertices[v + 2]!) / 2;
  data[i * 4] = vertices[v]! + halfX;
  data[i * 4 + 1] = vertices[v + 1]! + halfY;
  data[i * 4 + 2] = vertices[v + 2]! + halfZ;
  // The arc bulges out of the middle of its chord by less than half the chord, so this ball holds all of it.
  data[i * 4 + 3] = Math.hypot(halfX, halfY, halfZ) * (1 + 1e-12);
}

function writeParentBall(data: Float64Array, first: number, end: number, ball: number): void {
  let x = 0;
  let y = 0;
  let z = 0;
  for (let child = first; child < end; child++) {
    x += data[child * 4]!;
    y += data[child * 4 + 1]!;
    z += data[child * 4 + 2]!;
  }
  x /= end - first;
  y /= end - first;
  z /= end - first;
  let radius = 0;
  for (let child = first; child < end; child++) {
    const c = child * 4;
    radius = Math.max(radius, Math.hypot(data[c]! - x, data[c + 1]! - y, data[c + 2]! - z) + data[c + 3]!);
  }
  data.set([x, y, z, radius], ball * 4);
}

/** Least distance in earth radii from a point to anything in a ball; 0 inside it. */
function reachOf(data: Float64Array, ball: number, x: number, y: number, z: number): number {
  const b = ball * 4;
  const dx = data[b]! - x;
  const dy = data[b + 1]! - y;
  const dz = data[b + 2]! - z;
  const reach = Math.sqrt(dx * dx + dy * dy + dz * dz) - data[b + 3]!;
  return Math.max(reach, 0);
}

// One search at a time, never nested: scratch for the nearest search, so that a question allocates nothing.
const stackBall = new Int32Array(512);
const stackReach = new Float64Array(512);
const stackLevel = new Int32Array(512);

/**
 * The segment nearest to the unit vector (x, y, z); of equals, any.
 * @param bound2 square of a chord within which a segment is known to lie, Infinity where none is
 * @param known that segment, -1 where none is
 */
export function nearestSegment(corridor: Corridor, x: number, y: number, z: number, known = -1, bound2 = Infinity) {
  const { data, levels } = corridor.balls;
  const root = levels.length - 2;
  let best = known;
  let best2 = bound2;
  let best1 = Math.sqrt(bound2);
  let top = 0;
  stackBall[0] = levels[root]!;
  stackLevel[0] = root;
  stackReach[0] = 0;
  while (top >= 0) {
    const level = stackLevel[top]!;
    const ball = stackBall[top]!;
    const reach = stackReach[top]!;
    top--;
    if (reach >= best1) continue;
    if (level === 0) {
      const chord2 = chord2ToSegment(corridor, ball, x, y, z);
      if (chord2 < best2) {
        best = ball;
        best2 = chord2;
        best1 = Math.sqrt(chord2);
      }
      continue;
    }
    const below = levels[level - 1]!;
    const first = below + (ball - levels[level]!) * FANOUT;
    const end = Math.min(first + FANOUT, levels[level]!);
    const floor = top;
    for (let child = first; child < end; child++) {
      const childReach = reachOf(data, child, x, y, z);
      if (childReach >= best1) continue;
      // Kept in order of reach, the nearest on top: looked into first, it makes most others unnecessary.
      let at = ++top;
      while (at > floor + 1 && stackReach[at - 1]! < childReach) {
        stackReach[at] = stackReach[at - 1]!;
        stackBall[at] = stackBall[at - 1]!;
        at--;
      }
      stackReach[at] = childReach;
      stackBall[at] = child;
    }
    for (let at = floor + 1; at <= top; at++) stackLevel[at] = level - 1;
  }
  return best;
}

/**
 * The segments that come nearer than `chord` (earth radii), in the order of travel. `found` is emptied first.
 * @param most where there are more, only the first so many
 */
export function segmentsWithin(
  corridor: Corridor,
  x: number,
  y: number,
  z: number,
  chord: number,
  found: number[],
  most = Infinity,
) {
  const { data, levels } = corridor.balls;
  found.length = 0;
  const visit = (ball: number, level: number): void => {
    if (found.length >= most || reachOf(data, ball, x, y, z) > chord) return;
    if (level === 0) {
      if (chord2ToSegment(corridor, ball, x, y, z) <= chord * chord) found.push(ball);
      return;
    }
    const first = levels[level - 1]! + (ball - levels[level]!) * FANOUT;
    const end = Math.min(first + FANOUT, levels[level]!);
    for (let child = first; child < end; child++) visit(child, level - 1);
  };
  visit(levels[levels.length - 2]!, levels.length - 2);
  return found;
}
