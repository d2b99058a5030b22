// What judging one report costs without broker and store: trips take turns, so that each finds its state cold, as it is
// when thousands of locks report. Prints microseconds per report, and how that grows with the number of trips.
import { compileRoute } from '@sealwatch/geofence';
import { lockIdOf, PLACES, ROAD, reportOf, START_MS } from './ingest/fleet.mjs';

const dist = (path) => import(new URL(`../dist/${path}`, import.meta.url).href);
const { decode } = await dist('record/decode.js');
const { planOf } = await dist('intake/plan.js');
const { advance, compilePlaces, startTrack } = await dist('tracker/index.js');

const REPORTS = Number(process.env.REPORTS ?? 200_000);
const places = compilePlaces(PLACES.map((place, i) => ({ placeId: `place-${i}`, place })));
const properties = { ...ROAD.properties, params: {}, legs: [] };
const compiled = { route: { ...ROAD, properties }, corridor: compileRoute(ROAD) };

function tripOf(i) {
  const tripId = `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`;
  const sealed = { sealedAtMs: START_MS, takenOverAtMs: START_MS };
  const plan = planOf({ tripId, locks: [lockIdOf(i)], disposed: [], ...sealed }, compiled, places);
  return { plan, track: startTrack(plan), seq: 0 };
}

function measure(trips, perTurn) {
  const followed = Array.from({ length: trips }, (_, i) => tripOf(i));
  let spentMs = 0;
  let count = 0;
  // Twice over: the first round only warms up.
  for (const round of [0, 1]) {
    for (let turn = 0; turn * trips * perTurn < REPORTS; turn++) {
      const batch = followed.map((trip, i) =>
        Array.from(
          { length: perTurn },
          () => decode(lockIdOf(i), Buffer.from(reportOf(trip.seq++)), START_MS + trip.seq * 100 + 1_500).records[0],
        ),
      );
      const began = performance.now();
      for (const [i, trip] of followed.entries()) trip.track = advance(trip.plan, trip.track, batch[i]).track;
      if (round === 1) spentMs += performance.now() - began;
      if (round === 1) count += trips * perTurn;
    }
  }
  console.log(
    `${String(trips).padStart(6)} trips, ${perTurn} report${perTurn > 1 ? 's' : ''} a turn: ${((spentMs / count) * 1_000).toFixed(2)} µs per report`,
  );
}

const RUNS = [
  [400, 1],
  [400, 5],
  [20_000, 1],
];
for (const [trips, perTurn] of RUNS) measure(trips, perTurn);
