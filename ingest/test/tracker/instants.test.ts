import { describe, expect, it } from 'vitest';
import { advance, startTrack, type TripPlan } from '../../src/tracker/index.ts';
import { at, drive, Ledger, LOCK, OTHER_LOCK, onRoad, planOf, reporter } from './trip.ts';

/** Where two things happen in the same millisecond, none of them may be lost, doubled or judged before the other. */
describe('records of one instant', () => {
  it('one that comes late is folded in where it belongs', () => {
    const make = reporter();
    const plan = () => planOf({ locks: [LOCK, OTHER_LOCK] });
    const pairs = Array.from({ length: 20 }, (_, i) => [
      make(at('08:10') + i * 30_000, onRoad(10 + i / 2)),
      make(at('08:10') + i * 30_000, onRoad(10 + i / 2 + (i < 5 ? 0 : 3)), { lockId: OTHER_LOCK }),
    ]);
    for (const reports of [pairs.flat(), pairs.flat().slice(1)]) {
      const inOrder = new Ledger(plan());
      for (const report of reports) inOrder.take(report);
      expect(inOrder.one('pair.separation')).toMatchObject({ phase: 'open', lockId: OTHER_LOCK });
      for (const late of reports) {
        const ledger = new Ledger(plan());
        for (const report of reports) if (report !== late) ledger.take(report);
        ledger.take(late);
        expect(ledger.track.state).toEqual(inOrder.track.state);
        expect(ledger.one('pair.separation')).toEqual(inOrder.one('pair.separation'));
      }
    }
  });

  it('two of one lock are judged by their numbers, whichever comes first', () => {
    const make = reporter();
    const reports = [
      make('08:10:00', onRoad(10)),
      make('08:10:30', onRoad(10.5)),
      make('08:10:30', onRoad(10.6, 900)),
      make('08:11:00', onRoad(11, 900)),
      make('08:11:30', onRoad(11.5)),
    ];
    const inOrder = new Ledger(planOf()).take(...reports);
    expect(inOrder.one('route.deviation')).toMatchObject({ phase: 'returned', startedMs: at('08:10:30') });
    for (const late of reports) {
      const ledger = new Ledger(planOf());
      for (const report of reports) if (report !== late) ledger.take(report);
      ledger.take(late);
      expect(ledger.track.state).toEqual(inOrder.track.state);
    }
  });
});

describe('a record of a checkpoint’s instant', () => {
  const all = drive(reporter(), '08:00', { fromKm: 0, toKm: 20, kmh: 60, everyS: 5 });

  it('after a restart asks for the records of that instant', () => {
    const plan = planOf({ locks: [LOCK, OTHER_LOCK] });
    const before = new Ledger(plan).take(...all.slice(0, 20));
    const { state } = before.track;
    const other = { ...all[19]!, lockId: OTHER_LOCK };
    const answer = advance(plan, startTrack(plan, { timeMs: state.lastTimeMs, state }), [other]);
    expect(answer).toEqual({ ok: false, needFromMs: 0 });
  });

  it('that just followed it is judged from memory: nothing is read again', () => {
    const late = all[112]!;
    const ledger = new Ledger(planOf());
    for (const report of all.slice(0, 129)) if (report !== late) ledger.take(report);
    expect(ledger.track.recentFromMs).toBe(all[111]?.timeMs);
    ledger.take(late);
    expect(ledger.reads).toBe(0);
    expect(ledger.track.state).toEqual(new Ledger(planOf()).take(...all.slice(0, 129)).track.state);
  });
});

describe('a sealing or an opening at the very time of a record', () => {
  const make = reporter();
  const open = { seal: { rope: 'inserted', motor: 'unlocked', cover: 'closed' } } as const;
  const reports = Array.from({ length: 6 }, (_, i) => make(at('08:10') + i * 60_000, onRoad(10 + i), open));
  const { sealedAtMs: _, ...unsealed } = planOf();
  const changes = reports.flatMap(({ timeMs }): [TripPlan, TripPlan][] => [
    [unsealed, planOf({ sealedAtMs: timeMs })],
    [planOf(), planOf({ unlockAuthorisedAtMs: timeMs + 30_000 })],
  ]);

  it.each([0, 1])('concerns that record, be it known with %d records more', (more) => {
    for (const [before, now] of changes) {
      const known = reports.slice(0, reports.length - more);
      const ledger = new Ledger(before).take(...known);
      const after = advance(now, ledger.track, reports.slice(known.length), known);
      if (!after.ok) throw new Error('expected an answer');
      expect(after.track.state).toEqual(new Ledger(now).take(...reports).track.state);
    }
  });
});
