import { describe, expect, it } from 'vitest';
import { resolveParams } from '../../src/params/resolve.ts';
import { liveness, tick } from '../../src/tracker/index.ts';
import { at, clock, type Extra, Ledger, onRoad, planOf, reporter, square } from './trip.ts';

/** time, kilometre, metres off, and the phase of the alarm after it (`-`: none) */
type Row = [time: string, km: number, offM: number, phase: string, extra?: Extra];

function follow(rows: Row[], plan = planOf()): Ledger {
  const make = reporter();
  const ledger = new Ledger(plan);
  for (const [time, km, offM, phase, extra] of rows) {
    ledger.take(make(time, onRoad(km, offM), extra));
    expect([time, ledger.one('route.deviation')?.phase ?? '-']).toEqual([time, phase]);
  }
  return ledger;
}

describe('route.deviation', () => {
  it('is provisional at the first outside fix, confirmed by the second, returned on re-entry, and stays active', () => {
    const ledger = follow([
      ['08:00:00', 0, 0, '-'],
      ['08:01:00', 1, 20, '-'],
      ['08:02:00', 2, 190, '-'],
      ['08:03:00', 3, 350, 'provisional'],
      ['08:03:30', 3.5, 900, 'open'],
      ['08:04:00', 4, 1_800, 'open'],
      ['08:05:00', 5, 195, 'open'],
      ['08:06:00', 6, 100, 'returned'],
      ['08:07:00', 7, 0, 'returned'],
    ]);
    const alarm = ledger.one('route.deviation');
    expect(alarm).toMatchObject({ active: true, kind: 'latched', severity: 'critical', detectedLate: false });
    expect(clock(alarm?.lastInsideMs)).toBe('08:02:00');
    expect(clock(alarm?.startedMs)).toBe('08:03:00');
    expect(clock(alarm?.confirmedMs)).toBe('08:03:30');
    expect(clock(alarm?.endedMs)).toBe('08:06:00');
    expect(alarm?.maxDistanceM).toBeCloseTo(1_800, -1);
    expect(ledger.rules()).toEqual(['route.deviation']);
  });

  it('a single glitch returns to green', () => {
    const ledger = follow([
      ['08:01:00', 1, 0, '-'],
      ['08:01:30', 1.6, 400, 'provisional'],
      ['08:02:00', 2.2, 0, '-'],
    ]);
    expect(ledger.withdrawn.map(({ phase }) => phase)).toEqual(['provisional']);
  });

  it('a jump of 2 km within 10 s, at whatever speed along the road, is red like a drive there', () => {
    follow([
      ['08:01:00', 40, 0, '-'],
      ['08:01:10', 42, 2_000, 'provisional'],
      ['08:01:20', 44, 2_000, 'open'],
      ['08:01:30', 46, 0, 'returned'],
    ]);
  });

  it('thirty records in a row at implausible speeds: the two that are outside are the deviation', () => {
    const ledger = new Ledger(planOf());
    const make = reporter();
    for (let i = 0; i < 30; i++)
      ledger.take(make(at('08:00') + i * 10_000, onRoad(i * 3, i === 20 || i === 21 ? 2_000 : 0)));
    const alarm = ledger.one('route.deviation');
    expect(alarm).toMatchObject({ phase: 'returned', active: true });
    expect([alarm?.lastInsideMs, alarm?.startedMs, alarm?.confirmedMs, alarm?.endedMs].map(clock)).toEqual([
      '08:03:10',
      '08:03:20',
      '08:03:30',
      '08:03:40',
    ]);
  });

  it('the first fix of a trip may be outside already', () => {
    const ledger = follow([
      ['08:01:00', 40, 700, 'provisional'],
      ['08:01:30', 41, 700, 'open'],
      ['08:02:00', 42, 0, 'returned'],
    ]);
    expect(ledger.one('route.deviation')?.lastInsideMs).toBeUndefined();
  });

  it('a wide pair with records missing between waits for them; a record without a fix is none that is missing', () => {
    const rows = (seq: number): Row[] => [
      ['08:01', 1, 0, '-', { seq: 1 }],
      ['08:05', 5, 700, 'provisional', { seq: 2 }],
      ['08:15', 6, 700, 'provisional', { seq: 3, fix: null }],
      ['08:25', 15, 700, seq === 4 ? 'open' : 'provisional', { seq }],
    ];
    follow(rows(4));
    const make = reporter();
    const ledger = follow(rows(5)).take(make('08:20', null, { seq: 4 }));
    expect(ledger.one('route.deviation')).toMatchObject({ phase: 'open', confirmedMs: at('08:25') });
  });

  it('an altitude taken for a longitude is never red, however often it comes', () => {
    const ledger = new Ledger(planOf());
    const make = reporter();
    const { lon, lat } = onRoad(10);
    ledger.take(make('08:10:00', { lon, lat }));
    for (let i = 1; i < 20; i++) ledger.take(make(at('08:10') + i * 30_000, { lon: 35.2, lat }));
    expect(tick(ledger.plan, ledger.track, at('08:25')).changes.filter(({ kind }) => kind === 'latched')).toEqual([]);
    expect(ledger.rules()).toEqual(['motion.impossible']);
  });
});

describe('route.deviation by the clock', () => {
  const confirmed = (ledger: Ledger, time: string) =>
    liveness(ledger.plan, ledger.track.state, at(time))
      .filter(({ rule }) => rule === 'route.deviation')
      .map(({ phase, confirmedMs, evidence }) => [phase, clock(confirmedMs), evidence.confirmedBy]);

  it('is confirmed 60 s after the first outside fix where nothing followed', () => {
    const ledger = follow([
      ['08:10:00', 10, 0, '-'],
      ['08:10:30', 10.6, 900, 'provisional'],
    ]);
    expect(confirmed(ledger, '08:11:29')).toEqual([]);
    expect(confirmed(ledger, '08:11:30')).toEqual([['open', '08:11:30', 'clock']]);
  });

  it('is told once more as the fold knows it, and then no more while nothing comes', () => {
    const ledger = follow([
      ['08:10:00', 10, 0, '-'],
      ['08:10:30', 10.6, 900, 'provisional'],
    ]);
    const look = (time: string) => {
      const ticked = tick(ledger.plan, ledger.track, at(time));
      ledger.track = ticked.track;
      return ticked.changes.map(({ evidence }) => (evidence.excursions as { confirmedMs?: number }[])[0]?.confirmedMs);
    };
    expect(look('08:11:30')).toEqual([undefined]);
    expect(look('08:11:35')).toEqual([at('08:11:30')]);
    expect(look('08:11:40')).toEqual([]);
    expect(look('08:11:45')).toEqual([]);
  });

  it('and where records without a fix, or at the edge, are all that follow', () => {
    const ledger = follow([
      ['08:10:00', 10, 0, '-'],
      ['08:10:30', 10.6, 900, 'provisional'],
      ['08:11:00', 11.2, 900, 'provisional', { fix: null }],
      ['08:11:20', 11.7, 190, 'provisional'],
    ]);
    expect(confirmed(ledger, '08:11:29')).toEqual([]);
    expect(confirmed(ledger, '08:11:30')).toEqual([['open', '08:11:30', 'clock']]);
  });

  it('but not while records are missing that may show the return', () => {
    const ledger = follow([
      ['08:10:00', 10, 0, '-', { seq: 1 }],
      ['08:10:30', 10.6, 900, 'provisional', { seq: 2 }],
      ['08:15:00', 16, 900, 'provisional', { seq: 9 }],
    ]);
    expect(confirmed(ledger, '08:15:59')).toEqual([]);
    expect(confirmed(ledger, '08:16:00')).toEqual([['open', '08:16:00', 'clock']]);
  });

  it('no other rule is: a point that nobody saw missed stays open', () => {
    const properties = { requiredPoints: [{ name: 'check', center: [onRoad(30).lon, 30.01], radiusM: 300 }] };
    const make = reporter();
    const ledger = new Ledger(planOf({ properties })).take(
      make('08:20', onRoad(25), { seq: 1 }),
      make('08:30', onRoad(35), { seq: 20 }),
    );
    expect(ledger.one('route.required-point-missed')?.phase).toBe('provisional');
    const told = liveness(ledger.plan, ledger.track.state, at('08:32'));
    expect(told.filter(({ kind }) => kind === 'latched')).toEqual([]);
  });
});

describe('places off the corridor where a truck may be', () => {
  it('a known service area beside the road keeps it green, and ends what its ramp began', () => {
    const known = [square('rest', 'service-area', 20, 200, 450)];
    const rows: Row[] = [
      ['08:20:00', 19.9, 0, '-'],
      ['08:20:30', 20, 450, '-'],
      ['08:21:00', 20, 460, '-'],
      ['08:21:30', 20.4, 260, 'provisional'],
      ['08:22:00', 20, 450, '-'],
      ['08:22:30', 21, 0, '-'],
    ];
    const ledger = follow(rows, planOf({ known }));
    expect(ledger.rules()).toEqual([]);
  });

  it('without the area the same truck is red, and an area more than 500 m beyond the edge is not on the route', () => {
    const rows = (offM: number): Row[] => [
      ['08:20:00', 19.9, 0, '-'],
      ['08:20:30', 20, offM, 'provisional'],
      ['08:21:00', 20, offM, 'open'],
    ];
    follow(rows(450));
    const far = [square('far', 'service-area', 20, 200, 900)];
    follow(rows(900), planOf({ known: far }));
  });

  it('a route that names no ends has them within 500 m of its first and last point', () => {
    follow([
      ['08:00:00', 0.1, 400, '-'],
      ['08:01:00', 0.2, 400, '-'],
      ['09:08:00', 99.8, 400, '-'],
      ['09:08:30', 99.9, 400, '-'],
    ]);
    follow([
      ['08:05:00', 0.5, 400, 'provisional'],
      ['08:05:30', 0.5, 400, 'open'],
    ]);
    follow([
      ['09:05:00', 99.5, 400, 'provisional'],
      ['09:05:30', 99.5, 400, 'open'],
    ]);
  });

  it('the destination is where it ends, though its yard lies beside the corridor', () => {
    const destination = { name: 'yard', center: [onRoad(99).lon, 29.99], radiusM: 600 };
    const ledger = follow(
      [
        ['09:00:00', 90, 0, '-'],
        ['09:05:00', 96, 700, 'provisional'],
        ['09:05:30', 97, 900, 'open'],
        ['09:08:00', 99, 1_100, 'returned'],
        ['09:08:30', 99, 1_110, 'returned'],
      ],
      planOf({ properties: { destination } }),
    );
    expect(clock(ledger.track.state.arrivedAtMs)).toBe('09:08:00');
    expect(clock(ledger.one('route.deviation')?.endedMs)).toBe('09:08:00');
  });
});

describe('what a leg says', () => {
  const legs = [{ fromM: 20_000, toM: 40_000, halfWidthM: 80 }];

  it('its half-width is the corridor there', () => {
    follow(
      [
        ['08:10:00', 10, 150, '-'],
        ['08:25:00', 25, 150, 'provisional'],
        ['08:25:30', 25.5, 150, 'open'],
        ['08:45:00', 45, 150, 'returned'],
      ],
      planOf({ properties: { legs } }),
    );
  });

  it('its parameters reach the rules that the geofence judges, and those of the tracker', () => {
    const params = {
      'route.deviation': { accuracyCapM: 0 },
      'time.unapproved-stop': { maxStopMin: 3 },
    };
    const plan = planOf({ params: resolveParams({ legs: [{ fromM: 20_000, toM: 40_000, params }] }) });
    const wide: Extra = { fix: { ...onRoad(25, 280), accuracyM: 100, source: 'gnss' } };
    const before: Extra = { fix: { ...onRoad(10, 280), accuracyM: 100, source: 'gnss' } };
    const ledger = follow(
      [
        ['08:10:00', 10, 280, '-', before],
        ['08:25:00', 25, 280, 'provisional', wide],
        ['08:25:30', 25, 280, 'open', wide],
        ['08:26:00', 25, 0, 'returned'],
        ['08:29:30', 25, 0, 'returned'],
      ],
      plan,
    );
    expect(ledger.one('time.unapproved-stop')).toMatchObject({ active: true, evidence: { limitMin: 3 } });
  });
});
