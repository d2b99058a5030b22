// What both processes agree on.
export const LOCKS = Number(process.env.LOCKS ?? 400);
export const SECRET = 'a-secret-of-at-least-128-bits-of-chance';
/** Fix time of the first record: records are a second apart however fast they are sent. */
export const START_MS = Math.floor(Date.now() / 86_400_000) * 86_400_000;
export const lockIdOf = (index) => `BENCH${String(index).padStart(6, '0')}`;

/** A straight road of some 96 km along 30° N, a point every 100 m. */
export const ROAD = {
  type: 'Feature',
  geometry: { type: 'LineString', coordinates: Array.from({ length: 961 }, (_, i) => [120 + i / 960, 30]) },
  properties: { name: 'bench', crs: 'WGS84', halfWidthM: 200, allowedStops: [], requiredPoints: [] },
};

/** A realistic report of at most 400 bytes. */
export function reportOf(seq) {
  const at = new Date(START_MS + seq * 1000).toISOString();
  const lon = (120.02 + seq * 0.0002).toFixed(6);
  return `{"v":1,"boot":1,"seq":${seq},"time":"${at}","kind":"live","mode":"tracking","position":{"lon":${lon},"lat":30.0001,"accuracyM":6,"speedKmh":70.4,"headingDeg":90,"satellites":11,"source":"gnss"},"seal":{"rope":"inserted","motor":"locked","cover":"closed","useCount":381},"battery":{"percent":86,"charging":false},"network":{"rssiDbm":-71}}`;
}
