import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { at, clock, Ledger, onRoad, planOf, reporter, square } from '../tracker/trip.ts';

/*
 * Restricted areas that are crossed between two fixes or entered together: traccar/traccar PR #4316 with issue #4277,
 * traccar/traccar#3897, #4223.
 */

/** A from kilometre 20 to 20.4 across the corridor, B over the east half of A and 200 m more, C at kilometre 24. */
const AREAS = [
  square('a', 'restricted', 20.2, 200),
  square('b', 'restricted', 20.4, 200),
  square('c', 'restricted', 22, 200),
];

function driven(known: typeof AREAS, ...fixes: [seconds: number, km: number][]): Ledger {
  const make = reporter();
  const ledger = new Ledger(planOf({ known }));
  for (const [seconds, km] of fixes) ledger.take(make(at('08:20') + seconds * 1_000, onRoad(km)));
  return ledger;
}

const told = (ledger: Ledger) => ledger.of('route.restricted-area').map((fact) => fact.evidence.placeId);

describe('restricted areas', () => {
  it('90 s apart on both sides of one: told', () => {
    expect(told(driven([AREAS[0]!], [0, 19.3], [90, 21.3]))).toEqual(['a']);
  });

  it('150 s apart: told, because the area lies across the whole corridor', () => {
    expect(told(driven([AREAS[0]!], [0, 18.5], [150, 21.8]))).toEqual(['a']);
  });

  it('150 s apart with room beside the area within the corridor: not told', () => {
    expect(told(driven([square('a', 'restricted', 20.2, 60)], [0, 18.5], [150, 21.8]))).toEqual([]);
  });

  it('eleven minutes apart: not told', () => {
    expect(told(driven([AREAS[0]!], [0, 18.5], [660, 21.8]))).toEqual([]);
  });

  it('in two at once, then in the second, then past a third: all three are told, each with its own times', () => {
    const ledger = driven(AREAS, [0, 19], [60, 20.3], [75, 20.5], [150, 23]);
    const alarms = ledger.of('route.restricted-area');
    const ofPlace = (id: string) => alarms.find((fact) => fact.evidence.placeId === id)!;
    expect(told(ledger).toSorted()).toEqual(['a', 'b', 'c']);
    expect([clock(ofPlace('a').startedMs), clock(ofPlace('a').endedMs)]).toEqual(['08:21:00', '08:21:15']);
    expect([clock(ofPlace('b').startedMs), clock(ofPlace('b').endedMs)]).toEqual(['08:21:00', '08:22:30']);
    expect(clock(ofPlace('c').startedMs)).toBe('08:22:30');
    expect(new Set(alarms.map(({ alarmId }) => alarmId)).size).toBe(3);
  });

  it('are the same alarms whatever the order of arrival', () => {
    const make = reporter();
    const fixes: [number, number][] = [
      [0, 19],
      [60, 20.3],
      [75, 20.5],
      [150, 23],
    ];
    const records = fixes.map(([seconds, km]) => make(at('08:20') + seconds * 1_000, onRoad(km)));
    const results = [records, records.toReversed()].map((order) => {
      const ledger = new Ledger(planOf({ known: AREAS }));
      for (const report of order) ledger.take(report);
      return ledger
        .of('route.restricted-area')
        .map(({ alarmId, startedMs, endedMs }) => ({ alarmId, startedMs, endedMs }));
    });
    expect(results[1]!.toSorted((a, b) => (a.alarmId < b.alarmId ? -1 : 1))).toEqual(
      results[0]!.toSorted((a, b) => (a.alarmId < b.alarmId ? -1 : 1)),
    );
  });
});

const DRIVE = fc.record({
  /** Each from `fromM` on, so long along the road and across all of the corridor. */
  areas: fc.array(
    fc.record({ fromM: fc.integer({ min: 300, max: 18_000 }), halfM: fc.integer({ min: 250, max: 700 }) }),
    {
      minLength: 1,
      maxLength: 8,
    },
  ),
  /** Seconds between fixes, at 80 km/h. */
  gaps: fc.array(fc.integer({ min: 10, max: 240 }), { minLength: 4, maxLength: 40 }),
});

it('every restricted area that the truck drove through is told, once, and no other, however they overlap', () => {
  fc.assert(
    fc.property(DRIVE, ({ areas, gaps }) => {
      const centreKm = ({ fromM, halfM }: { fromM: number; halfM: number }) => 5 + (fromM + halfM) / 1_000;
      const known = areas.map((area, i) => square(`area-${i}`, 'restricted', centreKm(area), area.halfM));
      let seconds = 0;
      const fixes = [0, ...gaps].map((gap): [number, number] => {
        seconds += gap;
        return [seconds, 5 + (seconds * 80) / 3_600];
      });
      const reachedM = (fixes.at(-1)![1] - 5) * 1_000;
      const ledger = driven(known, ...fixes);
      const ids = told(ledger);
      expect(ids.length).toBe(new Set(ids).size);
      areas.forEach((area, i) => {
        // The last one is told once the truck is past it, or seen inside.
        if (reachedM > area.fromM + 2 * area.halfM + 20) expect(ids).toContain(`area-${i}`);
        if (reachedM < area.fromM - 20) expect(ids).not.toContain(`area-${i}`);
      });
    }),
    { numRuns: 60 },
  );
});
