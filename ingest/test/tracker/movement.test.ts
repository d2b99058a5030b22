import { describe, expect, it } from 'vitest';
import { alarmsOf, startTrack } from '../../src/tracker/index.ts';
import { at, clock, drive, Ledger, LOCK, OTHER_LOCK, onRoad, planOf, reporter, square } from './trip.ts';

/** time, kilometre, metres off, and the state of the rule's alarm after it (`-`: none) */
type Row = [time: string, km: number, offM: number, expected: string];

function follow(rule: string, rows: Row[], plan = planOf()): Ledger {
  const make = reporter();
  const ledger = new Ledger(plan);
  for (const [time, km, offM, expected] of rows) {
    ledger.take(make(time, onRoad(km, offM)));
    const alarm = ledger.of(rule).at(-1);
    expect([time, alarm ? `${alarm.phase}${alarm.active ? '' : ' over'}` : '-']).toEqual([time, expected]);
  }
  return ledger;
}

describe('route.opposite-direction', () => {
  it('opens beyond 2 km back along the route, dated at the turn, and closes when it goes forward again', () => {
    const ledger = follow('route.opposite-direction', [
      ['08:10', 10, 0, '-'],
      ['08:11', 9, 0, '-'],
      ['08:12', 8.1, 0, '-'],
      ['08:13', 7.9, 0, 'open'],
      ['08:14', 7, 0, 'open'],
      ['08:15', 7.4, 0, 'open'],
      ['08:16', 8.2, 0, 'returned over'],
    ]);
    expect(clock(ledger.one('route.opposite-direction')?.startedMs)).toBe('08:10:00');
  });
});

describe('route.required-point-missed', () => {
  const plan = () =>
    planOf({ properties: { requiredPoints: [{ name: 'checkpoint', center: [onRoad(30).lon, 30.01], radiusM: 300 }] } });

  it('is proven by an unbroken run of close fixes past the point', () => {
    const ledger = new Ledger(plan()).take(...drive(reporter(), '08:00', { fromKm: 25, toKm: 35 }));
    expect(ledger.one('route.required-point-missed')).toMatchObject({
      phase: 'returned',
      active: true,
      severity: 'major',
    });
  });

  it('says nothing where the truck called at the point', () => {
    const call = (km: number) => (Math.abs(km - 30) < 0.4 ? -1_100 : 0);
    const ledger = new Ledger(plan()).take(
      ...drive(reporter(), '08:00', { fromKm: 25, toKm: 35, kmh: 40, offM: call }),
    );
    expect(ledger.of('route.required-point-missed')).toEqual([]);
  });

  it('stays provisional while records are missing, and goes when they show the visit', () => {
    const call = (km: number) => (Math.abs(km - 30) < 0.4 ? -1_100 : 0);
    const all = drive(reporter(), '08:00', { fromKm: 25, toKm: 35, kmh: 40, offM: call });
    const blind = all.slice(10, 22);
    const ledger = new Ledger(plan()).take(...all.slice(0, 10), ...all.slice(22));
    expect(ledger.one('route.required-point-missed')?.phase).toBe('provisional');
    ledger.take(...blind);
    expect(ledger.of('route.required-point-missed')).toEqual([]);
  });

  it('goes on from a checkpoint that tells points ahead by when they were seen alone', () => {
    const all = drive(reporter(), '08:00', { fromKm: 25, toKm: 35 });
    const whole = new Ledger(plan()).take(...all);
    const first = new Ledger(plan()).take(...all.slice(0, 5));
    const { state } = structuredClone({ state: first.track.state });
    const rule = state.rules['route.required-point-missed']!.by[LOCK]!;
    const { closeMs } = rule.memory as { closeMs: number };
    rule.memory = { closeMs, beforeMs: { 0: state.lastTimeMs } };
    const restored = new Ledger(plan());
    restored.track = startTrack(restored.plan, { timeMs: state.lastTimeMs, state });
    restored.take(...all.slice(5));
    expect(restored.of('route.required-point-missed')).toEqual(whole.of('route.required-point-missed'));
  });
});

describe('route.restricted-area', () => {
  it('is told at the entry, once for each, and between two fixes too', () => {
    const plan = planOf({ known: [square('depot', 'restricted', 20, 500), square('bunker', 'restricted', 25, 100)] });
    const ledger = follow(
      'route.restricted-area',
      [
        ['08:15:00', 19, 0, '-'],
        ['08:15:30', 19.8, 0, 'returned over'],
        ['08:16:00', 20.3, 0, 'returned over'],
        ['08:16:30', 21, 0, 'returned over'],
        ['08:20:00', 24.7, 0, 'returned over'],
        ['08:20:30', 25.4, 0, 'returned over'],
      ],
      plan,
    );
    const told = ledger.of('route.restricted-area').map((fact) => [clock(fact.startedMs), fact.evidence.placeId]);
    expect(told).toEqual([
      ['08:15:30', 'depot'],
      ['08:20:30', 'bunker'],
    ]);
  });
});

describe('route.wrong-destination', () => {
  const known = [square('other-port', 'port', 50, 1_000)];
  const stay = (minutes: number, everyMin = 3): Row[] =>
    Array.from({ length: minutes / everyMin + 1 }, (_, i) => [
      `09:${String(i * everyMin).padStart(2, '0')}`,
      50,
      0,
      '',
    ]);

  it('is red after more than 15 min in another known place', () => {
    const rows = stay(18).map(([time, km, off], i): Row => [time, km, off, i * 3 > 15 ? 'open' : '-']);
    const ledger = follow('route.wrong-destination', rows, planOf({ known }));
    expect(ledger.one('route.wrong-destination')?.evidence).toMatchObject({
      placeId: 'other-port',
      sinceMs: at('09:00'),
    });
  });

  it('a missing record leaves it open whether the truck was away; the record settles it', () => {
    const make = reporter();
    const all = stay(18).map(([time, km]) => make(time, onRoad(km)));
    const ledger = new Ledger(planOf({ known })).take(...all.filter((_, i) => i !== 3));
    expect(ledger.of('route.wrong-destination')).toEqual([]);
    ledger.take(all[3]!);
    expect(ledger.one('route.wrong-destination')?.phase).toBe('open');
  });

  it('a port that holds the destination, and an allowed stop, are no other places', () => {
    const rows = stay(30).map(([time, , off]): Row => [time, 99, off, '-']);
    follow('route.wrong-destination', rows, planOf({ known: [square('daxie', 'port', 99.5, 2_000)] }));
    const stop = [{ name: 'rest', center: [onRoad(50).lon, onRoad(50).lat], radiusM: 500 }];
    follow(
      'route.wrong-destination',
      stay(30).map(([t, km, off]): Row => [t, km, off, '-']),
      planOf({ known, properties: { allowedStops: stop } }),
    );
  });
});

describe('time.unapproved-stop', () => {
  it('opens after more than 15 min within 200 m, since the truck stood, and closes when two fixes show it gone', () => {
    const ledger = follow('time.unapproved-stop', [
      ['08:10', 10, 0, '-'],
      ['08:15', 14, 0, '-'],
      ['08:20', 14.05, 10, '-'],
      ['08:25', 14, 60, '-'],
      ['08:30', 14.02, 0, '-'],
      ['08:31', 14, 5, 'open'],
      ['08:40', 14.1, 5, 'open'],
      ['08:41', 15.3, 0, 'open'],
      ['08:42', 16.5, 0, 'returned over'],
    ]);
    const stop = ledger.one('time.unapproved-stop');
    expect([clock(stop?.startedMs), clock(stop?.endedMs)]).toEqual(['08:15:00', '08:41:00']);
  });

  it('one jump of the receiver does not end a stop', () => {
    follow('time.unapproved-stop', [
      ['08:15', 14, 0, '-'],
      ['08:16', 14, 0, '-'],
      ['08:25', 14.9, 0, '-'],
      ['08:26', 14, 0, '-'],
      ['08:32', 14, 0, 'open'],
      ['08:33', 14.9, 0, 'open'],
      ['08:34', 14, 0, 'open'],
    ]);
  });

  it('an allowed stop has its own longest stay', () => {
    const allowedStops = [{ name: '服务区', center: [onRoad(14).lon, onRoad(14).lat], radiusM: 500, maxStayMin: 40 }];
    follow(
      'time.unapproved-stop',
      [
        ['08:15', 14, 0, '-'],
        ['08:50', 14, 0, '-'],
        ['08:56', 14, 0, 'open'],
      ],
      planOf({ properties: { allowedStops } }),
    );
  });

  it('a queue that creeps below 5 km/h is a stop, and a slow climb is not', () => {
    const crawl = drive(reporter(), '08:10', { fromKm: 10, toKm: 11.2, kmh: 4, everyS: 60 });
    expect(new Ledger(planOf()).take(...crawl).one('time.unapproved-stop')?.active).toBe(true);
    const climb = drive(reporter(), '08:10', { fromKm: 10, toKm: 16, kmh: 12, everyS: 60 });
    expect(new Ledger(planOf()).take(...climb).of('time.unapproved-stop')).toEqual([]);
  });

  it('a stop at the origin before departure, and at the destination, is none', () => {
    follow('time.unapproved-stop', [
      ['08:00', 0.1, 0, '-'],
      ['08:50', 0.1, 0, '-'],
    ]);
    follow('time.unapproved-stop', [
      ['08:00', 99.9, 0, '-'],
      ['08:50', 99.9, 0, '-'],
    ]);
  });
});

describe('time.overdue', () => {
  it('opens when the limit since the departure is over, is critical half of it later, and ends on arrival', () => {
    const ledger = follow(
      'time.overdue',
      [
        ['08:00', 0, 0, '-'],
        ['08:05', 1, 0, '-'],
        ['08:06', 2, 0, '-'],
        ['09:05', 50, 0, '-'],
        ['09:06', 51, 0, 'open'],
        ['09:36', 80, 0, 'open'],
        ['09:50', 99.8, 0, 'returned over'],
      ],
      planOf({ timeLimitMin: 60 }),
    );
    expect(ledger.one('time.overdue')).toMatchObject({ severity: 'critical', startedMs: at('09:05') });
  });
});

describe('motion.impossible', () => {
  it('is told where more than 1 km was covered faster than 150 km/h, once for a jump and back', () => {
    const ledger = follow('motion.impossible', [
      ['08:10:00', 10, 0, '-'],
      ['08:10:30', 10.7, 0, '-'],
      ['08:11:00', 30, 0, 'returned over'],
      ['08:11:30', 11.9, 0, 'returned over'],
    ]);
    expect(ledger.one('motion.impossible')).toMatchObject({ active: false, severity: 'major', evidence: { count: 2 } });
    expect(ledger.of('route.deviation')).toEqual([]);
  });

  it('half a kilometre in five seconds is noise', () => {
    follow('motion.impossible', [
      ['08:10:00', 10, 0, '-'],
      ['08:10:05', 10.5, 0, '-'],
      ['08:10:10', 10.1, 0, '-'],
    ]);
  });

  it('two places at one instant: named, never red', () => {
    const make = reporter();
    const ledger = new Ledger(planOf()).take(make('08:10', onRoad(10)), make('08:10', onRoad(60, 5_000)));
    expect(ledger.of('motion.impossible')).toHaveLength(1);
    expect(
      [...ledger.alarms.values()].filter((fact) => fact.severity === 'critical' && fact.phase !== 'provisional'),
    ).toEqual([]);
  });
});

describe('pair.separation', () => {
  const locks = [LOCK, OTHER_LOCK];
  const both = (make: ReturnType<typeof reporter>, time: string, km: number, apartKm: number) => [
    make(time, onRoad(km)),
    make(at(time) + 2_000, onRoad(km + apartKm), { lockId: OTHER_LOCK }),
  ];

  it('is red when two locks of a trip are more than 500 m apart for two fixes of each', () => {
    const make = reporter();
    const ledger = new Ledger(planOf({ locks })).take(
      ...both(make, '08:10:00', 10, 0.01),
      ...both(make, '08:10:30', 10.1, 0.8),
    );
    expect(ledger.one('pair.separation')?.phase).toBe('provisional');
    ledger.take(...both(make, '08:11:00', 10.2, 1.4));
    expect(ledger.one('pair.separation')).toMatchObject({ phase: 'open', active: true, severity: 'critical' });
    ledger.take(...both(make, '08:12:00', 10.3, 0.01));
    expect(ledger.one('pair.separation')).toMatchObject({ phase: 'returned', active: true });
  });

  it('that a person disposed of stays so, where a late record shows that the other lock was the first to be seen apart', () => {
    const make = reporter();
    const plan = planOf({ locks });
    const late = make('08:09:50', onRoad(11), { lockId: OTHER_LOCK });
    const ledger = new Ledger(plan).take(...both(make, '08:10:00', 10, 1), ...both(make, '08:10:30', 10.1, 1));
    const told = ledger.one('pair.separation');
    expect(told).toMatchObject({ phase: 'open', lockId: OTHER_LOCK });
    const atMs = at('08:10:40');
    const spans: [number, number, string][] = [[told?.startedMs ?? 0, at('08:10:32'), OTHER_LOCK]];
    plan.disposals.push({ rule: 'pair.separation', alarmId: told?.alarmId ?? '', ordinal: 0, spans, atMs });
    ledger.take(late);
    const facts = alarmsOf(plan, ledger.track.state).filter(({ rule }) => rule === 'pair.separation');
    expect(facts).toMatchObject([{ alarmId: told?.alarmId, active: false, lockId: LOCK }]);
  });

  it('two sightings within four seconds are one', () => {
    const make = reporter();
    const ledger = new Ledger(planOf({ locks }));
    ledger.take(...both(make, '08:10:00', 10, 2), ...both(make, '08:10:01', 10, 2), ...both(make, '08:10:03', 10, 2));
    expect(ledger.one('pair.separation')?.phase).toBe('provisional');
  });

  it('fixes half a minute apart at 80 km/h are one truck', () => {
    const make = reporter();
    const ledger = new Ledger(planOf({ locks }));
    for (let i = 0; i < 20; i++) {
      const km = 10 + (i * 80) / 120;
      ledger.take(make(at('08:10') + i * 30_000, onRoad(km)));
      ledger.take(make(at('08:10') + i * 30_000 + 15_000, onRoad(km + 80 / 240), { lockId: OTHER_LOCK }));
    }
    expect(ledger.of('pair.separation')).toEqual([]);
  });
});
