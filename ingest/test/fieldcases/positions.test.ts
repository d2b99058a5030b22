import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LockTable } from '../../src/feed/lock-table.ts';
import { credibleFix } from '../../src/record/credible-fix.ts';
import { liveness, type TrackedReport } from '../../src/tracker/index.ts';
import { at, drive, Ledger, LOCK, OTHER_LOCK, onRoad, planOf, reporter } from '../tracker/trip.ts';

/*
 * Positions that are no fixes, as receivers in the field report them. Sources are named at each case; the numbers are
 * those of the reports, moved to the tests' road.
 */

const kmNorth = (km: number) => ({ lon: onRoad(10).lon, lat: 30 + km / 111.195 });

/** Ten minutes on the road at 80 km/h from kilometre 0, then the records of the case. */
function after(records: (make: ReturnType<typeof reporter>) => TrackedReport[], plan = planOf()): Ledger {
  const make = reporter();
  const ledger = new Ledger(plan);
  for (const report of drive(make, '08:00:30', { fromKm: 0.6, toKm: 10 })) ledger.take(report);
  for (const report of records(make)) ledger.take(report);
  return ledger;
}

describe('one position', () => {
  const good = { lon: 120.2, lat: 29.3, source: 'gnss' as const, satellites: 11 };

  it.each([
    // Teltonika wiki, page Codec; Navixy, "Why the platform may consider telematics data invalid"; traccar#3292
    ['no satellites', { ...good, satellites: 0 }],
    // home-assistant/core#1270
    ['cell', { ...good, source: 'cell' as const }],
    ['wifi', { ...good, source: 'wifi' as const }],
    // fulup-bzh/GeoGate#65
    ['0, 0', { ...good, lon: 0, lat: 0 }],
    ['near 0, 0', { ...good, lon: 0.02, lat: -0.03 }],
    // Ai-Thinker-Open/GPRS_C_SDK#351
    ['a factory place', { ...good, lon: 113.83058, lat: 22.607593 }],
    // dragino/LGT-92_-LoRa_GPS_Tracker#26
    ['another one', { ...good, lon: 24.35, lat: 24.35 }],
    ['out of range', { ...good, lat: 91 }],
    ['not a number', { ...good, lon: Number.NaN }],
  ])('that is %s is no fix', (_name, position) => expect(credibleFix(position)).toBe(false));

  it('with satellites, or that does not say how many, is one', () => {
    const { satellites: _, ...silent } = good;
    expect([credibleFix(good), credibleFix(silent), credibleFix(undefined)]).toEqual([true, true, false]);
  });
});

describe('the last place again, while time goes on', () => {
  /** 34 records, 30 s apart, then one 8 km on. */
  const repeats = (extra: object) => (make: ReturnType<typeof reporter>) => [
    ...Array.from({ length: 34 }, (_, i) =>
      make(at('08:08:00') + i * 30_000, null, { fix: { ...onRoad(9.9), source: 'gnss', ...extra } }),
    ),
    make('08:25:30', onRoad(18)),
  ];

  it.each([
    ['with no satellites and no speed', { satellites: 0, speedKmh: 0 }],
    ['at 80 km/h to the last digit', { speedKmh: 80 }],
  ])('%s is told as no fix after ten minutes, and is no stop and no impossible motion', (_name, extra) => {
    const ledger = after(repeats(extra));
    expect(ledger.rules()).toEqual(['comms.no-fix']);
  });

  it('of a truck that stands is a fix, and the stop is told', () => {
    const ledger = after((make) => repeats({ satellites: 9, speedKmh: 0 })(make).slice(0, -1));
    expect(ledger.rules()).toEqual(['time.unapproved-stop']);
  });

  it('at 80 km/h beside the road is one outside fix, and no proof of a deviation', () => {
    const ledger = after((make) =>
      Array.from({ length: 6 }, (_, i) =>
        make(at('08:08:00') + i * 30_000, null, { fix: { ...onRoad(9.9, 600), source: 'gnss', speedKmh: 80 } }),
      ),
    );
    expect(ledger.one('route.deviation')?.phase).toBe('provisional');
  });

  it('of one of two locks is no separation', () => {
    const make = reporter();
    const ledger = new Ledger(planOf({ locks: [LOCK, OTHER_LOCK] }));
    for (let i = 0; i < 20; i++) {
      const timeMs = at('08:01') + i * 30_000;
      const fix = { ...onRoad(1), source: 'gnss' as const, speedKmh: 80 };
      ledger.take(make(timeMs, null, { fix }));
      ledger.take(make(timeMs + 1_000, onRoad(1 + i * 0.667), { lockId: OTHER_LOCK }));
    }
    expect(ledger.of('pair.separation').filter(({ phase }) => phase !== 'provisional')).toEqual([]);
  });
});

describe('a fix that admits its error', () => {
  // home-assistant/core#1270 (accuracy 2200), home-assistant/android#497
  it('600 m off ± 2,200 m is provisional however often it comes, also by the clock', () => {
    const ledger = after((make) =>
      ['08:08:00', '08:08:30', '08:09:00', '08:09:30'].map((clock) =>
        make(clock, null, { fix: { ...onRoad(10, 600), accuracyM: 2_200, source: 'gnss' } }),
      ),
    );
    expect(ledger.one('route.deviation')).toMatchObject({ phase: 'provisional', evidence: { doubt: 'accuracy' } });
    expect(liveness(ledger.plan, ledger.track.state, at('08:12')).map(({ rule }) => rule)).not.toContain(
      'route.deviation',
    );
  });

  it('600 m off ± 60 m, twice, is red', () => {
    const ledger = after((make) =>
      ['08:08:00', '08:08:30'].map((clock) =>
        make(clock, null, { fix: { ...onRoad(10, 600), accuracyM: 60, source: 'gnss' } }),
      ),
    );
    expect(ledger.one('route.deviation')?.phase).toBe('open');
  });
});

describe('a jump there and back', () => {
  const spike = (make: ReturnType<typeof reporter>, extra: object = {}) =>
    ['08:08:00', '08:08:30', '08:09:00', '08:09:30'].map((clock) =>
      make(clock, null, { fix: { ...kmNorth(89), source: 'gnss', ...extra } }),
    );

  // home-assistant/core#103898, vitalidze/traccar-web#1137: four fixes in a row 90 km off
  it('of 89 km is loud and not red', () => {
    const ledger = after((make) => [...spike(make), ...drive(make, '08:10:00', { fromKm: 12, toKm: 16 })]);
    expect(ledger.rules()).toContain('motion.impossible');
    expect(ledger.of('route.deviation').filter(({ phase }) => phase !== 'provisional')).toEqual([]);
  });

  it('is provisional while it lasts, and the clock does not make it red', () => {
    const ledger = after((make) => spike(make));
    expect(ledger.one('route.deviation')).toMatchObject({ phase: 'provisional', evidence: { doubt: 'leap' } });
    expect(liveness(ledger.plan, ledger.track.state, at('08:10:30')).map(({ rule }) => rule)).not.toContain(
      'route.deviation',
    );
  });

  it('that lasts for five minutes is red', () => {
    const stay = (make: ReturnType<typeof reporter>) =>
      Array.from({ length: 12 }, (_, i) => make(at('08:08') + i * 30_000, kmNorth(89)));
    expect(after(stay).one('route.deviation')?.phase).toBe('open');
  });

  it('is a drive, and red, if the records before it come late', () => {
    const make = reporter();
    const out = Array.from({ length: 30 }, (_, i) => make(at('08:08') + i * 30_000, kmNorth(0.6 * (i + 1))));
    const ledger = new Ledger(planOf());
    for (const report of drive(reporter(), '08:00:30', { fromKm: 0.6, toKm: 10, extra: { boot: 0 } }))
      ledger.take(report);
    for (const report of out.slice(-2)) ledger.take(report);
    expect(ledger.one('route.deviation')?.phase).toBe('provisional');
    for (const report of out.slice(0, -2)) ledger.take(report);
    expect(ledger.one('route.deviation')).toMatchObject({ phase: 'open', startedMs: at('08:08') });
  });

  it('factory place with no satellites, twice, is nothing', () => {
    const ledger = after((make) =>
      ['08:08:00', '08:08:30'].map((clock) =>
        make(clock, null, { fix: { lon: 113.83058, lat: 22.607593, satellites: 0, source: 'gnss' } }),
      ),
    );
    expect(ledger.rules()).toEqual([]);
  });
});

describe('the wall', () => {
  const row = (lock_id: string) => ({
    lock_id,
    model: 'test',
    created_at: new Date(0),
    retired_at: null,
    simulated: false,
    blocked_reason: null,
    blocked_by: null,
    last_time: null,
    last_received: null,
    last_report: null,
    last_fix: null,
    trip_id: null,
    left_out_count: 0,
    left_out: null,
    profile: null,
    wire_id: null,
    numbered: true,
    networks: [],
  });

  // home-assistant/core#1270, GeoGate#65, arteck/ioBroker.traccar#143 (cell and satellite position in one second)
  it.each([
    ['a cell 1.2 km off', 1_000, { lon: 120.0126, lat: 31.32, source: 'cell' as const }],
    ['0, 0', 1_000, { lon: 0, lat: 0, source: 'gnss' as const }],
    ['a cell in the same second', 0, { lon: 120.0126, lat: 31.32, source: 'cell' as const }],
  ])('keeps the last credible place after %s, with the mark of no fix', (_name, laterMs, position) => {
    const table = new LockTable();
    table.put(row(LOCK));
    const fix = { lon: 120, lat: 29.3, source: 'gnss' as const };
    table.see(LOCK, { timeMs: 5_000, position: fix });
    table.see(LOCK, { timeMs: 5_000 + laterMs, position });
    expect(table.get(LOCK)).toMatchObject({ position: fix, noFix: true, fixMs: 5_000 });
  });
});

describe('dirt among the records of a trip', () => {
  const dirt = fc.constantFrom('zero-sat', 'null-island', 'cell', 'factory', 'spike');
  const trip = fc.record({
    detourKm: fc.option(fc.integer({ min: 20, max: 40 }), { nil: undefined }),
    dirty: fc.array(fc.tuple(fc.integer({ min: 3, max: 110 }), dirt), { maxLength: 8 }),
  });

  function soil(reports: TrackedReport[], dirty: [number, string][]): TrackedReport[] {
    const kinds = new Map(dirty);
    return reports.map((report, i) => {
      const kind = kinds.get(i);
      if (kind === undefined) return report;
      const place = {
        'zero-sat': { ...reports[i - 1]!.position!, satellites: 0, speedKmh: 0 },
        'null-island': { lon: 0, lat: 0, source: 'gnss' as const },
        cell: { lon: report.position!.lon, lat: 30.02, accuracyM: 1_500, source: 'cell' as const },
        factory: { lon: 113.83058, lat: 22.607593, source: 'gnss' as const },
        spike: { lon: report.position!.lon, lat: 30.8, source: 'gnss' as const },
      }[kind]!;
      return { ...report, position: place };
    });
  }

  it('leaves the latched alarms of the same trip without it', () => {
    fc.assert(
      fc.property(trip, ({ detourKm, dirty }) => {
        const offM = (km: number) => (detourKm !== undefined && km >= detourKm && km < detourKm + 15 ? 900 : 0);
        const clean = drive(reporter(), '08:01', { fromKm: 0.7, toKm: 80, offM });
        const [pure, soiled] = [clean, soil(clean, dirty)].map((reports) => {
          const ledger = new Ledger(planOf());
          for (const report of reports) ledger.take(report);
          return [...ledger.alarms.values()]
            .filter(({ kind, phase }) => kind === 'latched' && phase !== 'provisional')
            .map(({ rule, alarmId, active }) => ({ rule, alarmId, active }));
        });
        expect(soiled).toEqual(pure);
      }),
      { numRuns: 40 },
    );
  });
});
