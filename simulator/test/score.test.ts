import type { Alarm, PassageAnswer } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { Thresholds } from '../src/scenario/scenario.ts';
import type { TripTruth } from '../src/scenario/truth.ts';
import type { Evidence } from '../src/score/evidence.ts';
import { percentiles, score } from '../src/score/score.ts';
import { scoreTable } from '../src/score/table.ts';

const START = Date.parse('2026-11-21T05:00:00.000Z');
const TRUTH: TripTruth = {
  scenario: 'the-ramp',
  expected: [{ rule: 'route.deviation', span: { fromMs: START, toMs: START + 1_200_000 } }],
  tolerated: ['comms.silent'],
  verdict: 'alarm',
  acknowledged: ['L/1/0', 'L/1/1'],
  quarantined: 0,
};
const ALARM: Alarm = {
  alarmId: '5b0e2c8e-9d5c-4a55-8a2b-0d2f8a4ff001',
  lockId: 'L',
  rule: 'route.deviation',
  kind: 'latched',
  severity: 'critical',
  state: 'returned',
  active: true,
  startedAt: new Date(START + 10_000).toISOString(),
  confirmedAt: new Date(START + 40_000).toISOString(),
  raisedAt: new Date(START + 40_000).toISOString(),
  detectedLate: true,
  evidence: {},
};

function trip(change: {
  truth?: Partial<TripTruth>;
  alarms?: Alarm[];
  shown?: string[];
  verdict?: 'alarm' | 'release';
}): Evidence {
  const { truth = {}, alarms = [ALARM], shown = ['L/1/0', 'L/1/1'], verdict = 'alarm' } = change;
  const answer: PassageAnswer = {
    passageId: 'p',
    verdict,
    code: 'N',
    lane: 'inspection',
    reasons: [],
    writtenOff: false,
    display: '',
    decidedInMs: 1,
  };
  const played = {
    tripId: 't',
    lockIds: ['L'],
    sent: [],
    departedMs: START,
    endMs: START,
    truth: { ...TRUTH, ...truth },
    answer,
  };
  return { played, alarms, shown };
}

const scored = (evidence: Evidence[], found = 0) => score(evidence, found, Thresholds.parse({}));

describe('the score', () => {
  it('passes where everything is said and nothing else, with delays by fix time', () => {
    const result = scored([trip({})]);
    expect(result.failures).toEqual([]);
    expect(result.rules[0]).toMatchObject({
      expected: 1,
      raised: 1,
      startDelayS: { p50: 10 },
      confirmDelayS: { p99: 30 },
    });
    expect(scoreTable(result)).toContain('PASS');
  });

  it.each([
    ['a rule that was broken', trip({ alarms: [] }), /recall 0.000/],
    [
      'an alarm at the wrong time',
      trip({ alarms: [{ ...ALARM, startedAt: new Date(START - 900_000).toISOString() }] }),
      /recall/,
    ],
    ['a provisional alarm only', trip({ alarms: [{ ...ALARM, state: 'provisional' }] }), /recall/],
    [
      'a critical alarm without a cause',
      trip({ alarms: [ALARM, { ...ALARM, rule: 'seal.rope-cut' }] }),
      /without a cause/,
    ],
    ['a record that was acknowledged and is not there', trip({ shown: ['L/1/0'] }), /1 acknowledged records/],
    ['a record that is there twice', trip({ shown: ['L/1/0', 'L/1/1', 'L/1/1'] }), /stored twice/],
    ['a wrong answer at the gate', trip({ verdict: 'release' }), /1 verdicts/],
    ['a payload that vanished', trip({ truth: { quarantined: 1 } }), /quarantine holds 0 of 1/],
  ])('fails for %s', (_what, evidence, why) => {
    const result = scored([evidence]);
    expect(result.failures.join()).toMatch(why);
    expect(scoreTable(result)).toContain('FAIL');
  });

  it('fails where a gate takes longer than the scenario allows', () => {
    const within = (gateP95Ms: number) => score([trip({})], 0, Thresholds.parse({ gateP95Ms })).failures;
    expect(within(0.5).join()).toMatch(/takes 1 ms \(p95\), at most 0.5 ms/);
    expect(within(1)).toEqual([]);
  });

  it('fails where nothing was played', () => {
    expect(scored([]).failures).not.toEqual([]);
  });

  it('lets a tolerated rule speak or be silent', () => {
    const silent: Alarm = { ...ALARM, rule: 'comms.silent', severity: 'major' };
    expect(
      scored([trip({ alarms: [ALARM, silent] })]).rules.find(({ rule }) => rule === 'comms.silent')?.unfounded,
    ).toBe(0);
  });

  it('reckons percentiles by nearest rank', () => {
    expect(percentiles(Array.from({ length: 100 }, (_, i) => i + 1))).toEqual({ p50: 50, p95: 95, p99: 99 });
    expect(percentiles([])).toBeUndefined();
  });
});
