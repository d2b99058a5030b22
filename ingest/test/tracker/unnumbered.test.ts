import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AlarmFact, TrackedReport, TripPlan } from '../../src/tracker/index.ts';
import { hashed } from './hashed.ts';
import { backfilled, deliver, delivery, type Journey, journey, recordsOf } from './journeys.ts';
import { Ledger, LOCK, OTHER_LOCK, onRoad, planOf, reporter, square } from './trip.ts';

const deep = process.env.SEALWATCH_DEEP === '1';
const runs = (few: number, many: number) => ({ numRuns: deep ? many : few });
const timeout = deep ? 1_800_000 : 600_000;

const KNOWN = [
  square('closed-yard', 'restricted', 12, 500),
  square('other-port', 'port', 20, 2_000),
  square('far-yard', 'yard', 3, 400),
];
const planFor = ({ locks }: Journey, rest: Partial<TripPlan> = {}) =>
  planOf({ locks: locks === 1 ? [LOCK] : [LOCK, OTHER_LOCK], known: KNOWN, timeLimitMin: 60, ...rest });
const unnumbered = { unnumbered: [LOCK, OTHER_LOCK] };

/** An alarm without what is about its arrival, and without numbers. */
const said = (ledger: Ledger, without: string[] = []): Partial<AlarmFact>[] =>
  [...ledger.alarms.values()]
    .filter((fact) => !without.includes(fact.rule))
    .map(({ detectedLate: _, ...fact }) => fact)
    .sort((a, b) => (a.alarmId < b.alarmId ? -1 : 1));

const folded = (plan: TripPlan, batches: TrackedReport[][]) => {
  const ledger = new Ledger(plan);
  for (const batch of batches) ledger.take(...batch);
  return ledger;
};

/** Off the road as far as no error reaches, and as close together as a sealed lock reports. */
const plain = journey.map(
  ({ locks, stretches }): Journey => ({
    locks,
    stretches: stretches.map((stretch) => ({
      ...stretch,
      everyS: Math.min(stretch.everyS, 30),
      offM: stretch.offM > 0 ? 2_000 : 0,
      what: stretch.what === 'jump' || stretch.what === 'lost' ? 'drive' : stretch.what,
    })),
  }),
);

describe('a lock whose records are not numbered', () => {
  it(
    'raises the same alarms as with numbers, but for numbers that are missing',
    () => {
      fc.assert(
        fc.property(plain, delivery, fc.constantFrom<'newest' | 'any'>('newest', 'any'), (trip, way, order) => {
          const reports = recordsOf(trip);
          const numbered = folded(planFor(trip), [reports]);
          const bare = reports.map(hashed);
          const batches =
            order === 'newest' ? bare.toReversed().map((one) => [one, one]) : deliver(backfilled(bare, way), way, 1);
          const without = ['comms.sequence-gap', 'comms.late-batch', 'comms.jamming'];
          expect(said(folded(planFor(trip, unnumbered), batches), without)).toEqual(said(numbered, without));
        }),
        runs(60, 6_000),
      );
    },
    timeout,
  );

  it(
    'ends in the same alarms whatever the order, also where records are sparse or missing',
    () => {
      fc.assert(
        fc.property(journey, delivery, fc.constantFrom(0.2, 1), (trip, way, disorder) => {
          const plan = planFor(trip, unnumbered);
          const reports = backfilled(recordsOf(trip).map(hashed), way);
          const inOrder = folded(
            plan,
            reports.map((one) => [one]),
          );
          const arrived = folded(plan, deliver(reports, way, disorder));
          expect(said(arrived)).toEqual(said(inOrder));
          expect(arrived.track.state).toEqual(inOrder.track.state);
        }),
        runs(40, 6_000),
      );
    },
    timeout,
  );

  it('is never told that records are missing', () => {
    const say = reporter();
    const reports = Array.from({ length: 40 }, (_, i) =>
      say(`08:${10 + Math.floor(i / 2)}:${i % 2 ? 30 : 10}`, onRoad(1 + i / 3)),
    );
    const rules = (plan: TripPlan, records: TrackedReport[]) =>
      [...folded(plan, [records]).alarms.values()].map(({ rule }) => rule);
    expect(rules(planOf(), [...reports.slice(0, 9), ...reports.slice(20)].map(hashed))).not.toContain(
      'seal.identity-mismatch',
    );
    expect(rules(planOf(unnumbered), reports.map(hashed))).toEqual([]);
    const ofOneSecond = reports.map((one, i) => ({
      ...hashed(one),
      timeMs: reports[i & ~1]!.timeMs,
      boot: hashed(reports[i & ~1]!).boot,
    }));
    expect(rules(planOf(unnumbered), ofOneSecond)).not.toContain('comms.sequence-gap');
    expect(rules(planOf(), ofOneSecond)).toContain('comms.sequence-gap');
  });

  it('parked in another yard for over 15 min, seen every minute, has arrived in the wrong place', () => {
    const yard = square('other-yard', 'yard', 20);
    const say = reporter();
    const parked = Array.from({ length: 18 }, (_, i) => say(`09:${10 + i}`, onRoad(20)));
    const there = [say('08:05', onRoad(2)), say('08:30', onRoad(10)), ...parked].map(hashed);
    const ledger = folded(planOf({ ...unnumbered, known: [yard] }), [there.toReversed()]);
    expect([...ledger.alarms.values()].map(({ rule, phase }) => `${rule} ${phase}`)).toContain(
      'route.wrong-destination open',
    );
  });
});
