import { describe, expect, it } from 'vitest';
import { at, clock, type Extra, Ledger, LOCK, onRoad, planOf, reporter, SHUT, square } from './trip.ts';

/** time, what the lock says, and the seal rules that stand after it */
type Row = [time: string, extra: Extra, rules: string[]];

const seal = (parts: object): Extra => ({ seal: { ...SHUT, ...parts } });
const events = (...list: NonNullable<Extra['events']>): Extra => ({ events: list });

/** On the road at kilometre 30, sealed at 08:00. */
function follow(rows: Row[], plan = planOf(), km = 30): Ledger {
  const make = reporter();
  const ledger = new Ledger(plan);
  for (const [time, extra, rules] of rows) {
    ledger.take(make(time, onRoad(km), extra));
    expect([time, ...ledger.rules().filter((rule) => rule.startsWith('seal.'))]).toEqual([time, ...rules]);
  }
  return ledger;
}

const OUTSIDE = 'seal.unlocked-outside-place';
const OPENED = 'seal.opened-in-transit';

describe('seal rules, from sealing until an opening is authorised', () => {
  it('seal.opened-in-transit: motor unlocked, rope pulled or an unlock carried out, whatever the source', () => {
    for (const open of [
      seal({ motor: 'unlocked' }),
      seal({ rope: 'pulled' }),
      events({ type: 'unlock', source: 'card', card: '0001', verified: true }),
      events({ type: 'unlock', source: 'key' }),
    ]) {
      const ledger = follow([
        ['07:59:00', open, []],
        ['08:00:00', {}, []],
        ['08:10:00', open, [OPENED, OUTSIDE]],
        ['08:10:30', open, [OPENED, OUTSIDE]],
      ]);
      expect(ledger.one(OPENED)).toMatchObject({ phase: 'open', active: true, severity: 'critical', lockId: LOCK });
      expect(clock(ledger.one(OPENED)?.confirmedMs)).toBe('08:10:00');
    }
  });

  it('stays red when the lock is shut again, and seal.reclosed is raised beside it', () => {
    const ledger = follow([
      ['08:00:00', {}, []],
      ['08:10:00', seal({ motor: 'unlocked' }), [OPENED, OUTSIDE]],
      ['08:11:00', {}, [OPENED, 'seal.reclosed', OUTSIDE]],
      ['09:00:00', {}, [OPENED, 'seal.reclosed', OUTSIDE]],
    ]);
    expect(ledger.one(OPENED)).toMatchObject({ phase: 'returned', active: true, endedMs: at('08:11') });
    expect(clock(ledger.one('seal.reclosed')?.startedMs)).toBe('08:11:00');
  });

  it('seal.reclosed: a risen use counter tells it although no record saw the lock open', () => {
    follow([
      ['08:00:00', seal({ useCount: 381 }), []],
      ['08:10:00', seal({ useCount: 381 }), []],
      ['08:11:00', seal({ useCount: 382 }), ['seal.reclosed']],
    ]);
  });

  it('seal.identity-mismatch: a use counter that falls, or one identity with two bodies', () => {
    follow([
      ['08:00:00', seal({ useCount: 381 }), []],
      ['08:10:00', seal({ useCount: 112 }), ['seal.identity-mismatch']],
    ]);
    const conflict = { lockId: LOCK, boot: 1, seq: 7, timeMs: at('08:07') };
    const ledger = follow([['08:08:00', {}, ['seal.identity-mismatch']]], planOf({ identityConflicts: [conflict] }));
    expect(clock(ledger.one('seal.identity-mismatch')?.startedMs)).toBe('08:07:00');
  });

  it('seal.rope-cut and seal.case-opened: one record is enough, and both stay', () => {
    const ledger = follow([
      ['08:00:00', {}, []],
      ['08:10:00', seal({ rope: 'cut' }), ['seal.rope-cut']],
      ['08:11:00', seal({ cover: 'opened' }), ['seal.case-opened', 'seal.rope-cut']],
      ['08:12:00', {}, ['seal.case-opened', 'seal.rope-cut']],
    ]);
    expect(ledger.one('seal.rope-cut')).toMatchObject({ active: true, phase: 'returned' });
  });

  it('a lock that tells whole seconds has opened after the unlock that was authorised within the same second', () => {
    const told = (unlockAuthorisedAtMs: number) => {
      const ledger = new Ledger(planOf({ unlockAuthorisedAtMs }));
      const make = reporter();
      const late = { kind: 'backfill', receivedMs: at('09:00') + 2_000 };
      ledger.take(make(at('08:59'), onRoad(100)));
      ledger.take(make(at('09:00'), onRoad(100), { ...late, seal: { ...SHUT, motor: 'unlocked' } }));
      return ledger.rules();
    };
    expect(told(at('09:00') + 999)).not.toContain('seal.opened-in-transit');
    expect(told(at('09:00') + 1_001)).toContain('seal.opened-in-transit');
  });

  it('an authorised opening at the destination raises nothing; anywhere else it is outside the designated place', () => {
    const authorised = planOf({ unlockAuthorisedAtMs: at('09:00') });
    const open: Row[] = [
      ['08:59:00', {}, []],
      ['09:00:10', seal({ motor: 'unlocked' }), []],
      ['09:00:40', {}, []],
    ];
    follow(open, authorised, 100);
    follow(
      [
        ['08:59:00', {}, []],
        ['09:00:10', seal({ motor: 'unlocked' }), [OUTSIDE]],
      ],
      authorised,
      40,
    );
    follow(open, planOf({ unlockAuthorisedAtMs: at('09:00'), known: [square('gate-1', 'gate', 40)] }), 40);
  });

  it('seal.unsealed-before-verification: opened at the destination before anybody verified', () => {
    follow(
      [
        ['08:59:00', {}, []],
        ['09:00:00', seal({ motor: 'unlocked' }), [OPENED, 'seal.unsealed-before-verification']],
      ],
      planOf(),
      100,
    );
  });

  it('seal.unlock-refused: refused with Jointech code 99 is no opening; minor at first, major at the third in 10 min', () => {
    const refused = events({
      type: 'unlock',
      source: 'card',
      card: '0008627839',
      verified: false,
      reason: 'outside-area',
    });
    const ledger = follow([
      ['08:10:00', refused, ['seal.unlock-refused']],
      ['08:12:00', {}, ['seal.unlock-refused']],
      ['08:14:00', refused, ['seal.unlock-refused']],
    ]);
    expect(ledger.one('seal.unlock-refused')).toMatchObject({ severity: 'minor', active: false });
    ledger.take(reporter()('08:19:00', onRoad(30), { ...refused, seq: 9 }));
    expect(ledger.one('seal.unlock-refused')).toMatchObject({ severity: 'major', evidence: { count: 3 } });
  });

  it('seal.unauthorised-card: one is minor, a later one another alarm, three within 10 min major', () => {
    const card = events({ type: 'illegal-card', card: '77' });
    const ledger = follow([
      ['08:10:00', card, ['seal.unauthorised-card']],
      ['08:30:00', card, ['seal.unauthorised-card']],
      ['08:33:00', card, ['seal.unauthorised-card']],
      ['08:36:00', card, ['seal.unauthorised-card']],
      ['08:50:00', {}, ['seal.unauthorised-card']],
    ]);
    const told = ledger.of('seal.unauthorised-card').map((fact) => [clock(fact.startedMs), fact.severity]);
    expect(told).toEqual([
      ['08:10:00', 'minor'],
      ['08:30:00', 'major'],
    ]);
  });

  it('seal.wrong-password: the lock counts; five are major', () => {
    const ledger = follow([['08:10:00', events({ type: 'wrong-password', count: 2 }), ['seal.wrong-password']]]);
    expect(ledger.one('seal.wrong-password')?.severity).toBe('minor');
    ledger.take(reporter()('08:12:00', onRoad(30), { ...events({ type: 'wrong-password', count: 3 }), seq: 2 }));
    expect(ledger.one('seal.wrong-password')).toMatchObject({ severity: 'major', evidence: { count: 5 } });
  });

  it('seal.motor-stuck: as long as it is stuck', () => {
    const ledger = follow([
      ['08:10:00', seal({ motor: 'stuck' }), ['seal.motor-stuck']],
      ['08:11:00', seal({ motor: 'stuck' }), ['seal.motor-stuck']],
    ]);
    expect(ledger.one('seal.motor-stuck')).toMatchObject({ active: true, phase: 'open' });
    ledger.take(reporter()('08:12:00', onRoad(30), { seq: 3 }));
    expect(ledger.one('seal.motor-stuck')).toMatchObject({ active: false, endedMs: at('08:12') });
  });

  it('seal.long-unlocked: after 120 min open, since it was opened', () => {
    const plan = planOf({ unlockAuthorisedAtMs: at('09:00') });
    const open = seal({ motor: 'unlocked' });
    const ledger = follow(
      [
        ['09:05:00', open, []],
        ['11:04:00', open, []],
        ['11:05:00', open, ['seal.long-unlocked']],
      ],
      plan,
      100,
    );
    expect(clock(ledger.one('seal.long-unlocked')?.startedMs)).toBe('09:05:00');
  });
});
