/** mulberry32: small, seeded, good enough to make test drives. */
export function seeded(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A line of `count` points that wanders from a start, steps of about `stepM`, within 80 degrees of the equator. */
export function wander(
  random: () => number,
  lon: number,
  lat: number,
  count: number,
  stepM: number,
): [number, number][] {
  const line: [number, number][] = [];
  let heading = random() * 2 * Math.PI;
  let [x, y] = [lon, lat];
  for (let i = 0; i < count; i++) {
    line.push([x, y]);
    heading += (random() - 0.5) * 1.2;
    const step = stepM * (0.2 + 1.6 * random());
    y = Math.max(-80, Math.min(80, y + (step * Math.cos(heading)) / 111_195));
    x += (step * Math.sin(heading)) / (111_195 * Math.cos((y * Math.PI) / 180));
  }
  return line;
}
