// What both processes agree on.
export const LOCKS = Number(process.env.LOCKS ?? 400);
export const SECRET = 'a-secret-of-at-least-128-bits-of-chance';
export const KEY = 'a-key-of-the-bench-of-at-least-32-characters';
/** Of records that are judged without a platform: they are a tenth of a second apart. */
const STEP_MS = 100;
process.env.BENCH_START_MS ??= String(Date.now() - 2 * 60_000);
/** When the trips departed. */
export const START_MS = Number(process.env.BENCH_START_MS);
export const lockIdOf = (index) => `BENCH${String(index).padStart(6, '0')}`;

/** A straight road of some 96 km along 30° N, a point every 100 m, with stops and points to pass as a real one has. */
export const ROAD = {
  type: 'Feature',
  geometry: { type: 'LineString', coordinates: Array.from({ length: 961 }, (_, i) => [120 + i / 960, 30]) },
  properties: {
    name: 'bench',
    crs: 'WGS84',
    halfWidthM: 200,
    allowedStops: [120.3, 120.6].map((lon) => ({ name: `stop ${lon}`, center: [lon, 30.002], radiusM: 150 })),
    requiredPoints: [120.25, 120.75].map((lon) => ({ name: `point ${lon}`, center: [lon, 30], radiusM: 250 })),
  },
};

/** Known places around the road: 200, as a customs region has. */
export const PLACES = Array.from({ length: 200 }, (_, i) => {
  const [lon, lat] = [120.05 + (i % 20) * 0.045, 29.8 + Math.floor(i / 20) * 0.044];
  const ring = [
    [0, 0],
    [0.01, 0],
    [0.01, 0.01],
    [0, 0.01],
    [0, 0],
  ].map(([x, y]) => [lon + x, lat + y]);
  const kind = ['yard', 'service-area', 'office', 'restricted'][i % 4];
  return {
    type: 'Feature',
    geometry: { type: 'Polygon', coordinates: [ring] },
    properties: { name: `place ${i}`, kind, crs: 'WGS84' },
  };
});

/** A realistic report of at most 400 bytes. @param lat 30.0001 is on the road, 30.004 some 230 m beyond its edge */
export function reportAt({ seq, atMs, lon = 120.02 + seq * 0.00002, lat = 30.0001, kind = 'live' }) {
  return `{"v":1,"boot":1,"seq":${seq},"time":"${new Date(atMs).toISOString()}","kind":"${kind}","mode":"tracking","position":{"lon":${lon.toFixed(6)},"lat":${lat},"accuracyM":6,"speedKmh":70.4,"headingDeg":90,"satellites":11,"source":"gnss"},"seal":{"rope":"inserted","motor":"locked","cover":"closed","useCount":381},"battery":{"percent":86,"charging":false},"network":{"rssiDbm":-71}}`;
}

export const reportOf = (seq, lat) => reportAt({ seq, atMs: START_MS + seq * STEP_MS, ...(lat ? { lat } : {}) });
