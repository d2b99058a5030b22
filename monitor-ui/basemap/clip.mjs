// Cutting to a box [west, south, east, north] in degrees. Positions are [lon, lat].

const SIDES = [
  { axis: 0, bound: 0, keep: 1 },
  { axis: 0, bound: 2, keep: -1 },
  { axis: 1, bound: 1, keep: 1 },
  { axis: 1, bound: 3, keep: -1 },
];

const cross = (a, b, axis, value) => {
  const share = (value - a[axis]) / (b[axis] - a[axis]);
  const other = a[1 - axis] + (b[1 - axis] - a[1 - axis]) * share;
  return axis === 0 ? [value, other] : [other, value];
};

/** Sutherland–Hodgman: the part of a ring inside the box, as one ring (its cut edges lie on the box). */
export function clipRing(ring, box) {
  let out = ring;
  for (const { axis, bound, keep } of SIDES) {
    const inside = (p) => (p[axis] - box[bound]) * keep >= 0;
    const source = out;
    out = [];
    for (let i = 0; i < source.length; i++) {
      const a = source[(i + source.length - 1) % source.length];
      const b = source[i];
      if (inside(a) !== inside(b)) out.push(cross(a, b, axis, box[bound]));
      if (inside(b)) out.push(b);
    }
  }
  return out;
}

/** The parts of a line whose points are inside the box. */
export function clipLine(line, [w, s, e, n]) {
  const parts = [];
  let part = [];
  for (const p of line) {
    if (p[0] >= w && p[0] <= e && p[1] >= s && p[1] <= n) part.push(p);
    else {
      if (part.length > 1) parts.push(part);
      part = [];
    }
  }
  if (part.length > 1) parts.push(part);
  return parts;
}

/** Even-odd test against a polygon's rings. */
export function pointInRings([x, y], rings) {
  let inside = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
      const [a, b] = [ring[i], ring[j]];
      if (a[1] > y !== b[1] > y && x < ((b[0] - a[0]) * (y - a[1])) / (b[1] - a[1]) + a[0]) inside = !inside;
    }
  }
  return inside;
}
