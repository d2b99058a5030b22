import { describe, expect, it } from 'vitest';
import { resolveParams } from '../../src/params/resolve.ts';
import { liveness, tick } from '../../src/tracker/index.ts';
import { at, clock, drive, type Extra, Ledger, onRoad, planOf, reporter } from './trip.ts';

const dark: Extra = { fix: null };
const says = (extra: Extra) => extra;

/** time, what the lock says, and `severity phase` of the rule's newest alarm after it (`-`: none) */
type Row = [time: string, extra: Extra, expected: string];

function follow(rule: string, rows: Row[], plan = planOf()): Ledger {
  const make = reporter();
  const ledger = new Ledger(plan);
  for (const [time, extra, expected] of rows) {
    ledger.take(make(time, onRoad(30), extra));
    const alarm = ledger.of(rule).at(-1);
    expect([time, alarm ? `${alarm.severity} ${alarm.active ? alarm.phase : 'over'}` : '-']).toEqual([time, expected]);
  }
  return ledger;
}

describe('comms.silent', () => {
  // mode, minutes without a record, silent?
  it.each([
    ['sealed', 3, false],
    ['sealed', 3.1, true],
    ['awake', 3.1, true],
    ['sleep', 59, false],
    ['sleep', 61, true],
    ['deep-sleep', 600, false],
    [undefined, 3.1, true],
  ] as const)('%s: after %d min %s', (mode, minutes, silent) => {
    const plan = planOf();
    const ledger = new Ledger(plan).take(reporter()('08:10', onRoad(30), mode ? { mode } : {}));
    const now = liveness(plan, ledger.track.state, at('08:10') + minutes * 60_000);
    expect(now.map((fact) => fact.rule)).toEqual(silent ? ['comms.silent'] : []);
  });

  it('raised by the clock, ended by the next record, gone when late records fill the time', () => {
    const make = reporter();
    const ledger = new Ledger(planOf());
    const [first, ...rest] = Array.from({ length: 21 }, (_, i) => make(at('08:10') + i * 30_000, onRoad(30)));
    const newest = rest.pop();
    ledger.take(first!);
    const raised = tick(ledger.plan, ledger.track, at('08:15'));
    ledger.track = raised.track;
    ledger.write(raised);
    expect(ledger.one('comms.silent')).toMatchObject({ active: true, phase: 'open', startedMs: at('08:10') });
    ledger.take(newest!);
    expect(ledger.one('comms.silent')).toMatchObject({ active: false, endedMs: at('08:20') });
    ledger.take(...rest.map((report) => ({ ...report, kind: 'backfill' as const })));
    expect(ledger.of('comms.silent')).toEqual([]);
  });
});

describe('comms.silent on a leg with an interval of its own', () => {
  const params = { 'comms.silent': { leastMin: 20 } };
  const plan = () => planOf({ params: resolveParams({ legs: [{ fromM: 20_000, toM: 40_000, params }] }) });

  it.each([
    [30, 10, []],
    [30, 21, ['comms.silent']],
    [50, 10, ['comms.silent']],
  ] as const)(
    'last seen at kilometre %d, %d min ago: %j, by the clock and by the record that comes',
    (km, minutes, told) => {
      const make = reporter();
      const ledger = new Ledger(plan()).take(make('08:09', onRoad(km - 1)), make('08:10', onRoad(km)));
      const laterMs = at('08:10') + minutes * 60_000;
      expect(liveness(ledger.plan, ledger.track.state, laterMs).map(({ rule }) => rule)).toEqual(told);
      ledger.take(make(laterMs, onRoad(45)));
      expect(ledger.rules().filter((rule) => rule === 'comms.silent')).toEqual(told);
    },
  );
});

describe('comms.no-fix', () => {
  it('opens after 10 min of records without a fix, is major after 30, and ends with a fix; a cell position is none', () => {
    const cell: Extra = { fix: { ...onRoad(30), source: 'cell', accuracyM: 900 } };
    const ledger = follow('comms.no-fix', [
      ['08:10', {}, '-'],
      ['08:11', dark, '-'],
      ['08:20', cell, '-'],
      ['08:21', dark, 'minor open'],
      ['08:41', dark, 'major open'],
      ['08:42', {}, 'major over'],
    ]);
    expect(clock(ledger.one('comms.no-fix')?.startedMs)).toBe('08:11:00');
  });
});

describe('comms.jamming', () => {
  it('is latched by the lock’s own flag', () => {
    follow('comms.jamming', [
      ['08:10', {}, '-'],
      ['08:11', says({ events: [{ type: 'jamming' }] }), 'major open'],
      ['08:12', {}, 'major returned'],
    ]);
  });

  it('is latched where radio and GNSS went together and came back off the route with no record missing', () => {
    const make = reporter();
    const ledger = new Ledger(planOf()).take(...drive(make, '08:10', { fromKm: 10, toKm: 12 }));
    const blind = Array.from({ length: 10 }, (_, i) => make(at('08:12') + i * 30_000, null, { kind: 'backfill' }));
    const back = make('08:17:00', onRoad(18, 2_500));
    ledger.take(back);
    ledger.take(...blind.filter((_, i) => i !== 4));
    expect(ledger.of('comms.jamming')).toEqual([]);
    ledger.take(blind[4]!);
    expect(ledger.one('comms.jamming')).toMatchObject({ active: true, evidence: { sign: 'lost-together' } });
  });

  it('a lock that was heard while it had no fix was not jammed', () => {
    const make = reporter();
    const ledger = new Ledger(planOf()).take(...drive(make, '08:10', { fromKm: 10, toKm: 12 }));
    for (let i = 0; i < 10; i++) {
      ledger.take(make(at('08:12') + i * 30_000, null, { kind: i === 4 ? 'live' : 'backfill' }));
    }
    ledger.take(make('08:17:00', onRoad(18, 2_500)));
    expect(ledger.of('comms.jamming')).toEqual([]);
  });

  it('a tunnel that ends on the route is none', () => {
    const make = reporter();
    const ledger = new Ledger(planOf()).take(...drive(make, '08:10', { fromKm: 10, toKm: 12 }));
    for (let i = 0; i < 10; i++) ledger.take(make(at('08:12') + i * 30_000, null, { kind: 'backfill' }));
    ledger.take(make('08:17:00', onRoad(18)));
    expect(ledger.of('comms.jamming')).toEqual([]);
  });
});

describe('comms.clock', () => {
  it('opens where fix times go against the numbering, or are not those that the lock sent', () => {
    follow('comms.clock', [
      ['08:10', { seq: 10 }, '-'],
      ['08:11', { seq: 9 }, 'minor open'],
      ['08:12', { seq: 11 }, 'minor over'],
      ['08:13', { seq: 12, sentMs: at('08:14:30'), clockFault: 'ahead' }, 'minor open'],
    ]);
  });

  it('a serial number that wraps, and a restart, are in order', () => {
    follow('comms.clock', [
      ['08:10', { seq: 0xffff_ffff }, '-'],
      ['08:11', { seq: 0 }, '-'],
      ['08:12', { seq: 1, boot: 2 }, '-'],
      ['08:13', { seq: 2, boot: 1 }, 'minor open'],
    ]);
  });
});

describe('comms.sequence-gap', () => {
  it('tells how many records are missing, and goes when they come', () => {
    const make = reporter();
    const all = Array.from({ length: 12 }, (_, i) => make(at('08:10') + i * 30_000, onRoad(30)));
    const ledger = new Ledger(planOf()).take(...all.slice(0, 3), ...all.slice(8));
    expect(ledger.one('comms.sequence-gap')).toMatchObject({ severity: 'minor', evidence: { missing: 5 } });
    ledger.take(...all.slice(3, 6));
    expect(ledger.one('comms.sequence-gap')?.evidence.missing).toBe(2);
    ledger.take(...all.slice(6, 8));
    expect(ledger.of('comms.sequence-gap')).toEqual([]);
  });
});

describe('comms.late-batch', () => {
  it('is one entry for a run of records that came late', () => {
    const ledger = follow('comms.late-batch', [
      ['08:10', {}, '-'],
      ['08:11', { kind: 'backfill' }, 'info over'],
      ['08:12', { receivedMs: at('08:23') }, 'info over'],
      ['08:13', {}, 'info over'],
    ]);
    expect(ledger.one('comms.late-batch')?.evidence).toEqual({ count: 2 });
  });
});

describe('power', () => {
  const battery = (percent: number): Extra => ({ battery: { percent } });

  it('only the worst of the three levels stands; charging ends it', () => {
    const make = reporter();
    const ledger = new Ledger(planOf());
    // time, battery, the level that stands
    const table: [string, Extra, string[]][] = [
      ['08:10', battery(31), []],
      ['08:11', battery(30), ['power.low']],
      ['08:12', battery(31), ['power.low']],
      ['08:13', battery(33), []],
      ['08:14', battery(15), ['power.very-low']],
      ['08:15', battery(5), ['power.deep-sleep']],
      ['08:16', {}, ['power.deep-sleep']],
      ['08:17', { battery: { charging: true } }, []],
      ['08:18', { mode: 'deep-sleep' }, ['power.deep-sleep']],
    ];
    for (const [time, extra, standing] of table) {
      ledger.take(make(time, onRoad(30), extra));
      const active = [...ledger.alarms.values()].filter((fact) => fact.active).map((fact) => fact.rule);
      expect([time, active]).toEqual([time, standing]);
    }
  });
});
