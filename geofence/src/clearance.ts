import { segmentsWithin } from './balls.ts';
import { type Corridor, chord2ToSegment, PASS_GAP_M, PLANE_DOUBLES } from './corridor.ts';
import { chordToM, metresToChord } from './sphere.ts';

/** Clearance is not looked for beyond this: it makes the hinted answer certain up to half of it from the route. */
const FARTHEST_M = 250;
/** Among more segments than this none is looked for: a scribble of a route must not cost the square of its points. */
const MOST_NEAR = 512;

/**
 * Per segment, how near another pass of the route comes to it, at most `FARTHEST_M`. Where a position is d from segment
 * i and 2 d is not more than that, no other pass can be nearer than d, so looking near the hint is enough.
 */
export function clearances(corridor: Corridor): Float32Array {
  const segmentCount = corridor.pointCount - 1;
  const clearM = new Float32Array(segmentCount);
  const { data } = corridor.balls;
  const farthest = metresToChord(FARTHEST_M);
  const near: number[] = [];
  for (let i = 0; i < segmentCount; i++) {
    const b = i * 4;
    segmentsWithin(corridor, data[b]!, data[b + 1]!, data[b + 2]!, farthest + data[b + 3]!, near, MOST_NEAR);
    if (near.length >= MOST_NEAR) continue;
    let least = farthest;
    for (const j of near) {
      if (isOtherPass(corridor, i, j)) least = Math.min(least, chordBetween(corridor, i, j));
    }
    clearM[i] = chordToM(least) * (1 - 1e-6);
  }
  return clearM;
}

/** Whether segment j is another pass than segment i: more than `PASS_GAP_M` of road lies between them. */
function isOtherPass(corridor: Corridor, i: number, j: number): boolean {
  const { alongM } = corridor;
  return alongM[j]! - alongM[i + 1]! > PASS_GAP_M || alongM[i]! - alongM[j + 1]! > PASS_GAP_M;
}

/** Least chord between two arcs: 0 where they cross, otherwise it is at one of the four ends. */
function chordBetween(corridor: Corridor, i: number, j: number): number {
  if (cross(corridor, i, j)) return 0;
  const v = corridor.vertices;
  let least2 = Infinity;
  for (const [segment, vertex] of [
    [i, j],
    [i, j + 1],
    [j, i],
    [j, i + 1],
  ] as const) {
    const chord2 = chord2ToSegment(corridor, segment, v[vertex * 3]!, v[vertex * 3 + 1]!, v[vertex * 3 + 2]!);
    least2 = Math.min(least2, chord2);
  }
  return Math.sqrt(least2);
}

function cross(corridor: Corridor, i: number, j: number): boolean {
  return side(corridor, i, j) * side(corridor, i, j + 1) < 0 && side(corridor, j, i) * side(corridor, j, i + 1) < 0;
}

/** Positive where the vertex lies left of the segment's great circle. */
function side(corridor: Corridor, segment: number, vertex: number): number {
  const p = segment * PLANE_DOUBLES;
  const v = vertex * 3;
  const { planes, vertices } = corridor;
  return planes[p]! * vertices[v]! + planes[p + 1]! * vertices[v + 1]! + planes[p + 2]! * vertices[v + 2]!;
}
