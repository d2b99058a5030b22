import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AlarmFact,
  alarmsOf,
  type TrackedReport,
  type TripPlan,
  type TripTrack,
} from '../../src/tracker/index.ts';
import { backfilled, deliver, delivery, type Journey, journey, recordsOf } from './journeys.ts';
import { at, Ledger, LOCK, OTHER_LOCK, planOf, square } from './trip.ts';

// `SEALWATCH_DEEP=1` for 10,000 cases; a failing case prints its seed and path, to be given back in SEALWATCH_SEED and here.
const deep = process.env.SEALWATCH_DEEP === '1';
const path = process.env.SEALWATCH_PATH === undefined ? {} : { path: process.env.SEALWATCH_PATH };
const runs = (few: number, many: number) => ({ numRuns: deep ? many : few, ...path });
const timeout = deep ? 1_800_000 : 600_000;

const KNOWN = [
  square('closed-yard', 'restricted', 12, 500),
  square('other-port', 'port', 20, 2_000),
  square('rest', 'service-area', 6, 400, 400),
];
const planFor = ({ locks }: Journey, rest: Partial<TripPlan> = {}) =>
  planOf({
    locks: locks === 1 ? [LOCK] : [LOCK, OTHER_LOCK],
    known: KNOWN,
    timeLimitMin: 60,
    properties: { requiredPoints: [{ name: 'check', center: [120.3, 30.005], radiusM: 200 }] },
    ...rest,
  });

/** Most trips are judged while they last, some after an opening was authorised. */
const UNLOCKED = fc.constantFrom({}, {}, { unlockAuthorisedAtMs: at('08:40') });

/** Everything an alarm says except what is about its arrival. */
function said(ledger: Ledger, without: string[] = []): Omit<AlarmFact, 'detectedLate'>[] {
  return [...ledger.alarms.values()]
    .filter((fact) => !without.includes(fact.rule))
    .map(({ detectedLate: _, ...fact }) => fact)
    .sort((a, b) => (a.alarmId < b.alarmId ? -1 : 1));
}

const folded = (plan: TripPlan, reports: TrackedReport[]) => {
  const ledger = new Ledger(plan);
  for (const report of reports) ledger.take(report);
  return ledger;
};

describe('law 3: judged by fix time', () => {
  it(
    'ends in the same alarms and the same state, whatever the order, the batches and the duplicates',
    () => {
      fc.assert(
        fc.property(journey, delivery, fc.constantFrom(0.02, 0.2, 1), UNLOCKED, (trip, way, disorder, unlocked) => {
          const reports = backfilled(recordsOf(trip), way);
          const inOrder = folded(planFor(trip, unlocked), reports);
          const arrived = new Ledger(planFor(trip, unlocked));
          for (const batch of deliver(reports, way, disorder)) arrived.take(...batch);
          expect(said(arrived)).toEqual(said(inOrder));
          expect(arrived.track.state).toEqual(inOrder.track.state);
        }),
        runs(60, 6_000),
      );
    },
    timeout,
  );

  it(
    'ends the same where part of the records comes as backfill, apart from what is said about the radio',
    () => {
      fc.assert(
        fc.property(journey, delivery, (trip, way) => {
          const reports = recordsOf(trip).filter((report) => report.position !== undefined);
          const split = backfilled(reports, way);
          const mixed = new Ledger(planFor(trip));
          mixed.take(...split.filter((report) => report.kind === 'live'));
          mixed.take(...split.filter((report) => report.kind === 'backfill'));
          expect(said(mixed)).toEqual(said(folded(planFor(trip), split)));
          // Two rules ask whether the radio was dark when a record was made; no other may.
          const ofTheRadio = ['comms.late-batch', 'comms.jamming'];
          const live = folded(planFor(trip), reports);
          expect(said(mixed, ofTheRadio)).toEqual(said(live, ofTheRadio));
        }),
        runs(30, 2_000),
      );
    },
    timeout,
  );
});

describe('law 4: red is latched', () => {
  const reds = (plan: TripPlan, track: TripTrack) =>
    alarmsOf(plan, track.state)
      .filter((fact) => fact.kind === 'latched' && fact.phase !== 'provisional')
      .map(({ rule, alarmId }) => `${rule} ${alarmId}`);

  it(
    'no record that comes later takes back what was proven',
    () => {
      fc.assert(
        fc.property(journey, delivery, fc.constantFrom(0.1, 1), (trip, way, disorder) => {
          const plan = planFor(trip);
          const ledger = new Ledger(plan);
          let before: string[] = [];
          for (const batch of deliver(backfilled(recordsOf(trip), way), way, disorder)) {
            ledger.take(...batch);
            const now = reds(plan, ledger.track);
            expect(now).toEqual(expect.arrayContaining(before));
            before = now;
          }
        }),
        runs(40, 2_000),
      );
    },
    timeout,
  );

  it(
    'nor what was proven after a person disposed of the alarm before it',
    () => {
      fc.assert(
        fc.property(journey, delivery, fc.nat(11), (trip, way, disposedAfter) => {
          const plan = planFor(trip);
          const ledger = new Ledger(plan);
          let before: string[] = [];
          for (const [n, batch] of deliver(backfilled(recordsOf(trip), way), way, 0.3).entries()) {
            ledger.take(...batch);
            const now = reds(plan, ledger.track);
            expect(now).toEqual(expect.arrayContaining(before));
            before = now;
            if (n === disposedAfter) dispose(plan, ledger);
          }
        }),
        runs(30, 1_500),
      );
    },
    timeout,
  );
});

/** What the store keeps of a disposal: the excursions known when it was made, an open one ending then. */
function dispose(plan: TripPlan, { track, alarms }: Ledger): void {
  for (const fact of alarmsOf(plan, track.state)) {
    if (fact.kind !== 'latched' || fact.phase === 'provisional') continue;
    const excursions = fact.evidence.excursions as { fromMs: number; toMs?: number; lockId: string }[];
    const spans = excursions.map(({ fromMs, toMs, lockId }): [number, number, string] => [
      fromMs,
      toMs ?? track.state.lastTimeMs,
      lockId,
    ]);
    const atMs = track.state.lastTimeMs;
    alarms.set(fact.alarmId, { ...fact, active: false });
    plan.disposals.push({ rule: fact.rule, alarmId: fact.alarmId, ordinal: 0, spans, atMs });
  }
}
