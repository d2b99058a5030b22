import { describe, expect, it } from 'vitest';
import { advance, alarmsOf, liveness, startTrack, type TrackedReport, tick, track } from '../../src/tracker/index.ts';
import { at, drive, Ledger, LOCK, OTHER_LOCK, onRoad, planOf, reporter } from './trip.ts';

const detour = (km: number) => (km > 40 && km < 44 ? 1_500 : 0);

describe('a trip in bounded memory', () => {
  const all = drive(reporter(), '08:00', { fromKm: 0, toKm: 99, kmh: 60, everyS: 5, offM: detour });

  it('keeps 16 records and about a dozen checkpoints of at most some KB', () => {
    const ledger = new Ledger(planOf());
    for (const report of all) ledger.take(report);
    expect(all.length).toBeGreaterThan(1_000);
    expect(ledger.track.recent).toHaveLength(16);
    expect(ledger.track.checkpoints.length).toBeLessThan(14);
    expect(ledger.reads).toBe(0);
    expect(JSON.stringify(ledger.track.state).length).toBeLessThan(8_000);
    expect(JSON.parse(JSON.stringify(ledger.track.state))).toEqual(ledger.track.state);
  });

  it('tells the same whether or not it remembers what it told last', () => {
    const plan = planOf();
    const mixed = all.map((report, i) => (i % 7 === 3 ? { ...report, battery: { percent: 40 - i / 50 } } : report));
    let [quick, thorough] = [startTrack(plan), startTrack(plan)];
    for (const [i, report] of mixed.entries()) {
      if (i % 11 === 5) continue;
      const arrived = i % 11 === 6 ? [report, mixed[i - 1]!] : [report];
      const a = advance(plan, quick, arrived);
      const b = advance(plan, { ...thorough, publishedBy: undefined }, arrived);
      if (!a.ok || !b.ok) throw new Error('in order, and asked for more');
      expect([a.changes, a.withdrawn]).toEqual([b.changes, b.withdrawn]);
      [quick, thorough] = [a.track, b.track];
    }
    expect(quick.published).toEqual(thorough.published);
    expect(quick.published.map(({ rule }) => rule)).toContain('route.deviation');
  });

  it('a record that up to eight have overtaken is judged from memory', () => {
    for (let count = 30; count < 60; count++) {
      for (let overtaken = 1; overtaken <= 8; overtaken++) {
        const late = all[count - overtaken]!;
        const ledger = new Ledger(planOf());
        for (const report of all.slice(0, count + 1)) if (report !== late) ledger.take(report);
        ledger.take(late);
        expect([overtaken, ledger.reads]).toEqual([overtaken, 0]);
      }
    }
  });

  it('a record older than memory asks for the records since the checkpoint before it, not for the whole trip', () => {
    const ledger = new Ledger(planOf());
    const missing = all[900]!;
    ledger.take(...all.filter((report) => report !== missing));
    const asked = advance(ledger.plan, ledger.track, [missing]);
    if (asked.ok) throw new Error('expected a question');
    expect(asked.needFromMs).toBeLessThan(missing.timeMs);
    expect(asked.needFromMs).toBeGreaterThan(all[500]!.timeMs);
    ledger.take(missing);
    expect(ledger.track.state).toEqual(new Ledger(planOf()).take(...all).track.state);
  });

  it('a blind stretch sent afterwards, newest first and then oldest first, opens its detour late', () => {
    const blind = all.filter((_, i) => i > 460 && i < 560).map((report) => ({ ...report, kind: 'backfill' as const }));
    const ledger = new Ledger(planOf());
    ledger.take(...all.slice(0, 461));
    for (const report of all.slice(560, 600)) ledger.take(report);
    expect(ledger.of('route.deviation')).toEqual([]);
    for (let i = 0; i < blind.length; i += 20) ledger.take(...blind.slice(i, i + 20));
    expect(ledger.one('route.deviation')).toMatchObject({ detectedLate: true, phase: 'returned', active: true });
    expect(ledger.withdrawn.filter((fact) => fact.kind === 'latched' && fact.phase !== 'provisional')).toEqual([]);
  });

  it('what was seen live stays told live when older records refine its times', () => {
    const ledger = new Ledger(planOf());
    const off = all.filter((_, i) => i >= 480 && i < 530);
    ledger.take(...all.slice(0, 470), ...off.slice(20, 30));
    const before = ledger.one('route.deviation');
    ledger.take(...off.slice(0, 20).map((report) => ({ ...report, kind: 'backfill' as const })));
    const after = ledger.one('route.deviation');
    expect(after?.startedMs).toBeLessThan(before?.startedMs ?? 0);
    expect([before?.detectedLate, after?.detectedLate]).toEqual([false, false]);
    expect(after?.alarmId).toBe(before?.alarmId);
  });

  it('goes on from a stored checkpoint as if it had never stopped', () => {
    const ledger = new Ledger(planOf()).take(...all.slice(0, 500));
    const { timeMs, state } = JSON.parse(JSON.stringify(ledger.track.checkpoints.at(-1)));
    const resumed = advance(
      ledger.plan,
      startTrack(ledger.plan, { timeMs, state }),
      all.filter((r) => r.timeMs > timeMs),
    );
    expect(resumed.ok && resumed.track.state).toEqual(new Ledger(planOf()).take(...all).track.state);
  });
});

describe('a change of the plan', () => {
  it('an unlocking authorised after the lock opened is judged again from then on', () => {
    const plan = planOf();
    const make = reporter();
    const reports = [
      make('08:59', onRoad(100)),
      make('09:00:10', onRoad(100), { seal: { rope: 'inserted', motor: 'unlocked', cover: 'closed' } }),
    ];
    const first = advance(planOf({ unlockAuthorisedAtMs: at('09:00') }), startTrack(plan), reports);
    expect(first.ok && first.changes).toEqual([]);
  });

  it('a sealing, a departure or a limit that becomes known afterwards is judged again from the first record it concerns', () => {
    const make = reporter();
    const reports = drive(make, '08:10', { fromKm: 10, toKm: 14, offM: (km) => (km > 11 && km < 12.5 ? 900 : 0) });
    const { sealedAtMs: _, ...unsealed } = planOf();
    const before = advance(unsealed, startTrack(unsealed), reports);
    if (!before.ok) throw new Error('expected to fit in memory');
    expect(before.changes).toEqual([]);
    for (const now of [planOf(), planOf({ departedAtMs: at('08:05') })]) {
      const asked = advance(now, before.track, []);
      const after = asked.ok ? asked : advance(now, before.track, [], reports);
      if (!after.ok) throw new Error('expected an answer');
      expect(after.changes.map((fact) => fact.rule)).toContain('route.deviation');
      expect(after.track.state).toEqual(new Ledger(now).take(...reports).track.state);
      const moved = planOf({ departedAtMs: at('08:06') });
      const again = advance(moved, after.track, [], reports);
      expect(again.ok && again.track.state.departedAtMs).toBe(at('08:06'));
    }
  });

  it('a disposal leaves what was going on settled and raises what begins after it under a new id', () => {
    const make = reporter();
    const plan = planOf();
    const ledger = new Ledger(plan).take(
      ...drive(make, '08:10', { fromKm: 10, toKm: 14, offM: (km) => (km > 11 && km < 12.5 ? 900 : 0) }),
    );
    const first = ledger.one('route.deviation');
    const [excursion] = (first?.evidence.excursions ?? []) as { fromMs: number; toMs: number }[];
    plan.disposals.push({
      rule: 'route.deviation',
      alarmId: first?.alarmId ?? '',
      ordinal: 0,
      spans: [[excursion?.fromMs ?? 0, excursion?.toMs ?? 0]],
      atMs: at('08:20'),
    });
    expect(alarmsOf(plan, ledger.track.state).map(({ alarmId, active }) => [alarmId, active])).toEqual([
      [first?.alarmId, false],
    ]);
    ledger.take(...drive(make, '08:30', { fromKm: 20, toKm: 24, offM: (km) => (km > 21 && km < 22.5 ? 900 : 0) }));
    const [, second] = ledger.of('route.deviation');
    expect(second).toMatchObject({ active: true, phase: 'returned' });
    expect(second?.alarmId).not.toBe(first?.alarmId);
  });

  it('a record that comes late, between what was disposed of and what was proven after it, takes nothing back', () => {
    const make = reporter();
    const plan = planOf();
    const [first, second, late, inside, again, proof] = [
      make('08:10:00', onRoad(10, 260)),
      make('08:10:30', onRoad(10.5, 260)),
      make('08:11:00', onRoad(11, 260)),
      make('08:11:10', onRoad(11.2)),
      make('08:11:30', onRoad(11.5, 260)),
      make('08:11:40', onRoad(11.7, 260)),
    ] as const;
    const ledger = new Ledger(plan).take(first, second);
    const alarmId = ledger.one('route.deviation')?.alarmId ?? '';
    const spans: [number, number, string][] = [[first.timeMs, second.timeMs, LOCK]];
    plan.disposals.push({ rule: 'route.deviation', alarmId, ordinal: 0, spans, atMs: at('08:10:40') });
    ledger.take(inside, again, proof);
    const red = () => alarmsOf(plan, ledger.track.state).filter(({ active }) => active);
    expect(red()).toMatchObject([{ rule: 'route.deviation', phase: 'open', startedMs: again.timeMs }]);
    const before = red()[0]?.alarmId;
    ledger.take(late);
    expect(red()).toMatchObject([{ alarmId: before, phase: 'open', startedMs: again.timeMs }]);
  });

  it('a second excursion before any disposal re-opens the same alarm and lists both', () => {
    const make = reporter();
    const ledger = new Ledger(planOf());
    ledger.take(...drive(make, '08:10', { fromKm: 10, toKm: 14, offM: (km) => (km > 11 && km < 12.5 ? 900 : 0) }));
    expect(ledger.one('route.deviation')?.phase).toBe('returned');
    ledger.take(...drive(make, '08:30', { fromKm: 20, toKm: 22, offM: (km) => (km > 21 ? 700 : 0) }));
    expect(ledger.one('route.deviation')).toMatchObject({ phase: 'open', active: true });
    expect(ledger.one('route.deviation')?.endedMs).toBeUndefined();
    expect(ledger.one('route.deviation')?.evidence.excursions).toHaveLength(2);
  });
});

describe('two trips of one lock', () => {
  it('late records of the first one leave the second as it was', () => {
    const make = reporter();
    const first = planOf({ unlockAuthorisedAtMs: at('09:30') });
    const second = planOf({ tripId: '5b0e1c9e-0000-4000-8000-000000000002', sealedAtMs: at('10:00') });
    const morning = drive(make, '08:00', { fromKm: 0, toKm: 99, offM: detour });
    const noon = drive(make, '10:05', { fromKm: 0, toKm: 30 });
    const span = (plan: typeof first, from: number, to: number, list: TrackedReport[]) =>
      new Ledger(plan).take(...list.filter((r) => r.timeMs >= from && r.timeMs < to));
    const hidden = morning.slice(55, 75);
    const one = span(
      first,
      0,
      at('10:00'),
      morning.filter((report) => !hidden.includes(report)),
    );
    const two = span(second, at('10:00'), at('24:00'), noon);
    const before = structuredClone(two.track.state);
    one.take(...hidden.map((report) => ({ ...report, kind: 'backfill' as const })));
    expect(one.one('route.deviation')).toMatchObject({ detectedLate: true });
    expect(two.track.state).toEqual(before);
    expect(two.rules()).toEqual([]);
  });
});

describe('progress', () => {
  it('departs with the second fix outside the origin, arrives in the destination, and expects the arrival by its pace', () => {
    const ledger = new Ledger(planOf()).take(
      ...drive(reporter(), '08:00', { fromKm: 0, toKm: 50, kmh: 60, everyS: 30 }),
    );
    const { departedAtMs, arrivedAtMs, doneM, totalM, etaMs } = ledger.track.state;
    expect([departedAtMs, arrivedAtMs]).toEqual([at('08:01:00'), undefined]);
    expect(totalM).toBeCloseTo(100_000, -3);
    expect(doneM).toBeCloseTo(50_000, -2);
    expect(Math.abs((etaMs ?? 0) - at('09:40'))).toBeLessThan(60_000);
    ledger.take(
      ...drive(reporter(), '08:50:30', { fromKm: 50.5, toKm: 100, kmh: 60, everyS: 30, extra: {} }).map((r, i) => ({
        ...r,
        seq: 500 + i,
      })),
    );
    expect(ledger.track.state.arrivedAtMs).toBe(at('09:40'));
  });

  it('one fix that jumps out of the origin is no departure', () => {
    const make = reporter();
    const ledger = new Ledger(planOf()).take(
      make('08:10', onRoad(0.1)),
      make('08:20', onRoad(0.9)),
      make('08:30', onRoad(0.1)),
    );
    expect(ledger.track.state.departedAtMs).toBeUndefined();
  });

  it('a trip taken over departs when it was said to', () => {
    const plan = planOf({ departedAtMs: at('07:00'), sealedAtMs: at('06:30') });
    const ledger = new Ledger(plan).take(...drive(reporter(), '07:10', { fromKm: 8, toKm: 12 }));
    expect(ledger.track.state.departedAtMs).toBe(at('07:00'));
  });
});

describe('the clock', () => {
  it('a single outside fix that nothing follows is confirmed after 60 s, and stays red when the next fix is inside', () => {
    const make = reporter();
    const ledger = new Ledger(planOf()).take(make('08:10:00', onRoad(10)), make('08:10:30', onRoad(10.6, 800)));
    expect(liveness(ledger.plan, ledger.track.state, at('08:11:29'))).toEqual([]);
    const told = tick(ledger.plan, ledger.track, at('08:11:30'));
    ledger.track = told.track;
    ledger.write(told);
    expect(ledger.one('route.deviation')).toMatchObject({ phase: 'open', confirmedMs: at('08:11:30') });
    ledger.take(make('08:12:00', onRoad(12)), make('08:12:30', onRoad(12.6)), make('08:16:00', onRoad(16)));
    expect(ledger.one('route.deviation')).toMatchObject({ phase: 'returned', active: true });
    expect(tick(ledger.plan, ledger.track, at('08:17')).withdrawn).toEqual([]);
  });

  it('a single glitch that the next fix explains goes back to green', () => {
    const make = reporter();
    const ledger = new Ledger(planOf()).take(make('08:10:00', onRoad(10)), make('08:10:30', onRoad(10.6, 800)));
    expect(ledger.one('route.deviation')).toMatchObject({ phase: 'provisional', active: true });
    ledger.take(make('08:11:00', onRoad(11.2)));
    expect(ledger.of('route.deviation')).toEqual([]);
    expect(ledger.withdrawn.map((fact) => fact.phase)).toEqual(['provisional']);
  });
});

describe('bad input', () => {
  const bad: [string, Partial<TrackedReport>][] = [
    ['NaN', { position: { lon: Number.NaN, lat: 30, source: 'gnss' } }],
    ['null island', { position: { lon: 0, lat: 0, source: 'gnss' } }],
    ['altitude as longitude', { position: { lon: 412, lat: 30, source: 'gnss' } }],
    ['a time that is no number', { timeMs: Number.NaN }],
    ['a time before everything', { timeMs: 1 }],
    ['time going backwards', { timeMs: at('08:09:30'), position: { ...onRoad(10, 5_000), source: 'gnss' } }],
    ['one instant at two places', { timeMs: at('08:10'), position: { ...onRoad(60, 5_000), source: 'gnss' } }],
    ['an altitude that could be a longitude', { position: { lon: 35.2, lat: 30, source: 'gnss' } }],
    ['an accuracy of NaN', { position: { ...onRoad(30, 5_000), accuracyM: Number.NaN, source: 'gnss' } }],
    ['a lock of another trip', { lockId: OTHER_LOCK, position: { ...onRoad(30, 5_000), source: 'gnss' } }],
    ['a cell fix far away', { position: { ...onRoad(30, 9_000), accuracyM: 900, source: 'cell' } }],
  ];

  it.each(bad)('%s never throws and never turns a truck red by itself', (_name, wrong) => {
    const make = reporter();
    const plan = planOf();
    const ledger = new Ledger(plan).take(make('08:10', onRoad(10)));
    const report = { ...make('08:10:30', onRoad(10.5)), ...wrong };
    ledger.take(report, make('08:11', onRoad(11)), make('08:11:30', onRoad(11.5)));
    const red = [...ledger.alarms.values()].filter(({ kind, phase }) => kind === 'latched' && phase !== 'provisional');
    expect(red).toEqual([]);
    expect(() => track(plan, ledger.track.state, report)).not.toThrow();
    expect(ledger.track.state.locks[LOCK]?.fix?.timeMs).toBe(at('08:11:30'));
  });
});
