import type { Alarm, SimulatedLock } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { compare, worst } from '../src/simulator/compare.ts';

const NOW = Date.parse('2026-11-21T05:00:00.000Z');
const LONG_AGO = '2026-11-21T04:00:00.000Z';
const TRIP = '5b0e2c8e-9d5c-4a55-8a2b-0d2f8a4ff001';
const lock = (rules: string[], fromAt = LONG_AGO): SimulatedLock => ({
  lockId: 'JT70100001',
  tripId: TRIP,
  offRoad: false,
  inFlash: 0,
  happened: rules.map((rule) => ({ rule, fromAt })),
  tolerated: ['comms.silent'],
});
const alarm = (rule: string, change: Partial<Alarm> = {}): Alarm => ({
  alarmId: TRIP,
  tripId: TRIP,
  lockId: 'JT70100001',
  rule,
  kind: 'latched',
  severity: 'critical',
  state: 'open',
  active: true,
  startedAt: LONG_AGO,
  raisedAt: LONG_AGO,
  detectedLate: false,
  evidence: {},
  ...change,
});
const words = (rules: string[], alarms: Alarm[], fromAt?: string) =>
  compare(lock(rules, fromAt), alarms, NOW).map(({ rule, word }) => `${rule} ${word}`);

describe('truth beside verdict', () => {
  it('agrees where what happened is said, and where nothing happened and nothing is said', () => {
    expect(words(['seal.rope-cut'], [alarm('seal.rope-cut')])).toEqual(['seal.rope-cut right']);
    expect(worst(compare(lock([]), [], NOW))).toBe('right');
  });

  it('says what nobody said, after the platform has had its time', () => {
    expect(words(['seal.rope-cut'], [])).toEqual(['seal.rope-cut missing']);
    expect(words(['seal.rope-cut'], [], new Date(NOW - 5_000).toISOString())).toEqual(['seal.rope-cut waiting']);
    expect(words(['route.deviation'], [alarm('route.deviation', { state: 'provisional' })])).toEqual([
      'route.deviation waiting',
    ]);
  });

  it('says what was said without a cause, but not what may be said, nor what is said of another trip', () => {
    expect(words([], [alarm('pair.separation')])).toEqual(['pair.separation unfounded']);
    expect(words([], [alarm('comms.silent'), alarm('seal.rope-cut', { state: 'provisional' })])).toEqual([]);
    expect(words([], [alarm('pair.separation', { tripId: '5b0e2c8e-9d5c-4a55-8a2b-0d2f8a4ff002' })])).toEqual([]);
  });

  it('calls a lock by the worst of it', () => {
    expect(worst(compare(lock(['seal.rope-cut']), [alarm('pair.separation')], NOW))).toBe('missing');
  });
});
