// What both processes agree on.
export const LOCKS = Number(process.env.LOCKS ?? 400);
export const SECRET = 'a-secret-of-at-least-128-bits-of-chance';
/**
 * Records are a quarter of a second apart however fast they are sent, from 9 min ago: within 9 + 10 min a lock can send
 * 4,500 of them and none is late (10 min) or ahead of the clock (10 min).
 */
const STEP_MS = 250;
process.env.BENCH_START_MS ??= String(Date.now() - 9 * 60_000);
export const START_MS = Number(process.env.BENCH_START_MS);
export const lockIdOf = (index) => `BENCH${String(index).padStart(6, '0')}`;

/** A straight road of some 96 km along 30° N, a point every 100 m. */
export const ROAD = {
  type: 'Feature',
  geometry: { type: 'LineString', coordinates: Array.from({ length: 961 }, (_, i) => [120 + i / 960, 30]) },
  properties: { name: 'bench', crs: 'WGS84', halfWidthM: 200, allowedStops: [], requiredPoints: [] },
};

/** A realistic report of at most 400 bytes. */
export function reportOf(seq) {
  const at = new Date(START_MS + seq * STEP_MS).toISOString();
  const lon = (120.02 + seq * 0.00005).toFixed(6);
  return `{"v":1,"boot":1,"seq":${seq},"time":"${at}","kind":"live","mode":"tracking","position":{"lon":${lon},"lat":30.0001,"accuracyM":6,"speedKmh":70.4,"headingDeg":90,"satellites":11,"source":"gnss"},"seal":{"rope":"inserted","motor":"locked","cover":"closed","useCount":381},"battery":{"percent":86,"charging":false},"network":{"rssiDbm":-71}}`;
}
