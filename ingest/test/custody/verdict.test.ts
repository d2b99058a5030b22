import type { PassageQuestion } from '@sealwatch/schemas';
import { describe, expect, test } from 'vitest';
import type { GateAlarm, GateTrip } from '../../src/custody/gate-facts.ts';
import { DEFAULT_GATE_PARAMS } from '../../src/custody/params.ts';
import { decide } from '../../src/custody/verdict.ts';

const NOW_MS = Date.parse('2026-11-21T09:10:11.000Z');
const PLATE = '浙G12345';
const BOX = 'MSKU9070323';
const LOCK = 'JT70100001';

const SEAL = { rope: 'inserted', motor: 'locked', cover: 'closed' } as const;

function trip(change: Partial<GateTrip> = {}): GateTrip {
  return {
    tripId: 'trip-1',
    status: 'arrived',
    risk: 0,
    plates: [PLATE],
    units: [{ containerNo: BOX, lockId: LOCK }],
    locks: [{ lockId: LOCK, seal: SEAL, sealTimeMs: NOW_MS - 30_000 }],
    alarms: [],
    inherited: [],
    writtenOff: false,
    ...change,
  };
}

function question(change: Partial<PassageQuestion> = {}): PassageQuestion {
  return {
    passageId: 'p1',
    direction: 'in',
    at: '2026-11-21T09:10:11.000Z',
    plate: { text: PLATE, confident: true },
    containers: [{ no: BOX, confident: true }],
    lockIds: [LOCK],
    ...change,
  };
}

const OTHER_BOX = 'CSQU3054383';
const sealed = (seal: object) => [{ lockId: LOCK, seal: { ...SEAL, ...seal }, sealTimeMs: NOW_MS }];
const alarm = (change: Partial<GateAlarm>): GateAlarm => ({
  rule: 'route.deviation',
  kind: 'latched',
  severity: 'critical',
  provisional: false,
  ...change,
});
const without = (...keys: (keyof PassageQuestion)[]) =>
  Object.fromEntries(
    Object.entries(question()).filter(([key]) => !keys.includes(key as keyof PassageQuestion)),
  ) as PassageQuestion;

function verdict(q: PassageQuestion, t: GateTrip | undefined) {
  const answer = decide({
    question: q,
    candidates: t ? [t] : [],
    registeredLocks: [LOCK, 'JT70100002'],
    nowMs: NOW_MS,
  });
  return `${answer.code} ${answer.reasons.map((r) => `${r.rule}${r.laneCode ? `[${r.laneCode}]` : ''}`).join(' ')}`.trim();
}

/** What a customs officer reads: what stands at the barrier → what the gate answers, and why. */
const CASES: [what: string, q: PassageQuestion, t: GateTrip | undefined, answer: string][] = [
  ['everything read and right', question(), trip(), 'Y'],
  ['its arrival not yet seen by a fix', question(), trip({ status: 'in-transit' }), 'Y'],
  ['going out sealed', question({ direction: 'out' }), trip({ status: 'sealed' }), 'Y'],
  ['coming in though it never left', question(), trip({ status: 'sealed' }), 'M gate.not-under-way'],
  // what was read
  ['no plate read', without('plate'), trip(), 'M gate.plate-missing'],
  ['no container read', question({ containers: [] }), trip(), 'M gate.container-missing'],
  ['no lock read', question({ lockIds: [] }), trip(), 'M gate.lock-missing'],
  [
    'only the lock read',
    { ...without('plate'), containers: [] },
    trip(),
    'M gate.plate-missing gate.container-missing',
  ],
  ['another plate, surely', question({ plate: { text: '浙G99999', confident: true } }), trip(), 'N gate.plate'],
  [
    'another plate, in doubt',
    question({ plate: { text: '浙G99999', confident: false } }),
    trip(),
    'M gate.plate-doubtful',
  ],
  ['I read for 1', question({ plate: { text: '浙GI2345', confident: true } }), trip(), 'M gate.plate-doubtful'],
  ['full width and a dot', question({ plate: { text: '浙Ｇ·12345', confident: true } }), trip(), 'Y'],
  [
    'the trailer’s plate',
    question({ plate: { text: '浙G1234挂', confident: true } }),
    trip({ plates: [PLATE, '浙G1234挂'] }),
    'Y',
  ],
  ['the right plate though in doubt', question({ plate: { text: PLATE, confident: false } }), trip(), 'Y'],
  ['another box, surely', question({ containers: [{ no: OTHER_BOX, confident: true }] }), trip(), 'N gate.container'],
  [
    'another box, in doubt',
    question({ containers: [{ no: OTHER_BOX, confident: false }] }),
    trip(),
    'M gate.container-doubtful',
  ],
  [
    'a box number with a wrong check digit',
    question({ containers: [{ no: 'MSKU9070324', confident: true }] }),
    trip(),
    'M gate.container-doubtful',
  ],
  ['another lock', question({ lockIds: ['JT70100002'] }), trip(), 'N gate.lock'],
  ['a lock nobody registered', question({ lockIds: ['JT99999999'] }), trip(), 'N gate.lock-unregistered[x]'],
  ['a second, unregistered lock', question({ lockIds: [LOCK, 'JT99999999'] }), trip(), 'N gate.lock-unregistered[x]'],
  // two boxes
  [
    'one of two boxes and locks',
    question(),
    trip({
      units: [
        { containerNo: BOX, lockId: LOCK },
        { containerNo: OTHER_BOX, lockId: 'JT70100002' },
      ],
      locks: [
        { lockId: LOCK, seal: SEAL, sealTimeMs: NOW_MS },
        { lockId: 'JT70100002', seal: SEAL, sealTimeMs: NOW_MS },
      ],
    }),
    'M gate.container-missing gate.lock-missing',
  ],
  // the seal
  ['rope pulled', question(), trip({ locks: sealed({ rope: 'pulled' }) }), 'N seal.not-intact[1]'],
  ['rope cut', question(), trip({ locks: sealed({ rope: 'cut' }) }), 'N seal.not-intact[1]'],
  ['motor unlocked', question(), trip({ locks: sealed({ motor: 'unlocked' }) }), 'N seal.not-intact[1]'],
  ['motor stuck', question(), trip({ locks: sealed({ motor: 'stuck' }) }), 'N seal.not-intact[1]'],
  ['cover opened', question(), trip({ locks: sealed({ cover: 'opened' }) }), 'N seal.not-intact[1]'],
  ['seal never told', question(), trip({ locks: [{ lockId: LOCK }] }), 'M seal.unknown'],
  [
    'seal told 11 min ago',
    question(),
    trip({ locks: [{ lockId: LOCK, seal: SEAL, sealTimeMs: NOW_MS - 660_000 }] }),
    'M seal.stale',
  ],
  // risk
  ['red', question(), trip({ risk: 2, alarms: [alarm({})] }), 'N gate.trip-flagged'],
  [
    'red twice',
    question(),
    trip({ risk: 2, alarms: [alarm({}), alarm({ rule: 'seal.rope-cut' })] }),
    'N gate.trip-flagged gate.trip-flagged',
  ],
  [
    'amber',
    question(),
    trip({ risk: 1, alarms: [alarm({ severity: 'major', rule: 'comms.jamming' })] }),
    'M gate.trip-amber',
  ],
  [
    'a deviation not yet confirmed',
    question(),
    trip({ alarms: [alarm({ provisional: true })] }),
    'M gate.alarm-provisional',
  ],
  [
    'one level alarm, still green',
    question(),
    trip({ alarms: [alarm({ kind: 'level', severity: 'major', rule: 'comms.silent' })] }),
    'Y',
  ],
  [
    'red, and nothing but the plate read',
    question({ containers: [], lockIds: [] }),
    trip({ risk: 2, alarms: [alarm({})] }),
    'N gate.container-missing gate.lock-missing gate.trip-flagged',
  ],
  // permission
  ['on hold', question(), trip({ holdReason: '布控' }), 'N gate.hold[w]'],
  ['not released', question(), trip({ status: 'declared' }), 'N gate.no-release[z]'],
  ['not sealed', question(), trip({ status: 'hung' }), 'M gate.not-under-way'],
  ['already written off', question(), trip({ status: 'verified', writtenOff: true }), 'M gate.written-off'],
  // time
  ['within the limit', question(), trip({ departedAtMs: NOW_MS - 7 * 3_600_000, timeLimitMin: 480 }), 'Y'],
  ['over the limit', question(), trip({ departedAtMs: NOW_MS - 9 * 3_600_000, timeLimitMin: 480 }), 'M time.overdue'],
  [
    'over the limit by more than half',
    question(),
    trip({ departedAtMs: NOW_MS - 13 * 3_600_000, timeLimitMin: 480 }),
    'N time.overdue',
  ],
  [
    'over the limit by more than a share set tighter',
    question(),
    trip({
      departedAtMs: NOW_MS - 9 * 3_600_000,
      timeLimitMin: 480,
      params: { ...DEFAULT_GATE_PARAMS, 'gate.overdue': { inspectShare: 0.1 } },
    }),
    'N time.overdue',
  ],
  [
    'a seal state older than is set to be fresh',
    question(),
    trip({
      locks: [{ lockId: LOCK, seal: SEAL, sealTimeMs: NOW_MS - 180_000 }],
      params: { ...DEFAULT_GATE_PARAMS, 'gate.seal': { freshMin: 2 } },
    }),
    'M seal.stale',
  ],
  [
    'a seal state within a freshness set wider',
    question(),
    trip({
      locks: [{ lockId: LOCK, seal: SEAL, sealTimeMs: NOW_MS - 1_200_000 }],
      params: { ...DEFAULT_GATE_PARAMS, 'gate.seal': { freshMin: 30 } },
    }),
    'Y',
  ],
  // weight: the greater of 5 % and 1 t
  ['weight as declared', question({ grossWeightKg: 30_200 }), trip({ grossWeightKg: 30_000 }), 'Y'],
  ['weight at the tolerance', question({ grossWeightKg: 31_500 }), trip({ grossWeightKg: 30_000 }), 'Y'],
  ['too heavy', question({ grossWeightKg: 31_501 }), trip({ grossWeightKg: 30_000 }), 'N gate.weight[q]'],
  ['too light', question({ grossWeightKg: 9_000 }), trip({ grossWeightKg: 10_001 }), 'N gate.weight[q]'],
  ['not weighed though declared', question(), trip({ grossWeightKg: 30_000 }), 'M gate.weight-missing[q]'],
  [
    'a weight beyond a tolerance set tighter',
    question({ grossWeightKg: 30_500 }),
    trip({
      grossWeightKg: 30_000,
      params: { ...DEFAULT_GATE_PARAMS, 'gate.weight': { toleranceShare: 0.01, toleranceKg: 100 } },
    }),
    'N gate.weight[q]',
  ],
  [
    'a weight within a tolerance set wider',
    question({ grossWeightKg: 32_000 }),
    trip({
      grossWeightKg: 30_000,
      params: { ...DEFAULT_GATE_PARAMS, 'gate.weight': { toleranceShare: 0.1, toleranceKg: 0 } },
    }),
    'Y',
  ],
  ['weighed though not declared', question({ grossWeightKg: 30_200 }), trip(), 'Y'],
  // no trip
  ['no such trip, surely read', question(), undefined, 'N gate.no-trip[z]'],
  [
    'no such trip, plate in doubt',
    { ...without('plate'), plate: { text: PLATE, confident: false }, containers: [], lockIds: [] },
    undefined,
    'M gate.no-trip[z]',
  ],
  ['nothing read at all', { ...without('plate'), containers: [], lockIds: [] }, undefined, 'M gate.no-trip[z]'],
];

describe('the gate’s answer', () => {
  test.each(CASES)('%s', (_what, q, t, answer) => {
    expect(verdict(q, t)).toBe(answer);
  });

  test('names the alarms in both languages', () => {
    const { reasons } = decide({
      question: question(),
      candidates: [trip({ risk: 2, alarms: [alarm({})] })],
      registeredLocks: [LOCK],
      nowMs: NOW_MS,
      ruleText: () => ({ zh: '偏离路线', en: 'left the planned route' }),
    });
    expect(reasons[0]?.text).toBe(
      '行程有未处置报警：偏离路线 (route.deviation) / alarm not disposed of: left the planned route (route.deviation)',
    );
  });

  test('takes the trip that most of what was read belongs to', () => {
    const other = trip({
      tripId: 'trip-2',
      plates: [PLATE],
      units: [{ containerNo: OTHER_BOX, lockId: 'JT70100002' }],
    });
    const facts = { question: question(), registeredLocks: [LOCK], nowMs: NOW_MS };
    expect(decide({ ...facts, candidates: [other, trip()] }).tripId).toBe('trip-1');
    const twins = decide({
      ...facts,
      question: question({ containers: [], lockIds: [] }),
      candidates: [other, trip()],
    });
    expect([twins.code, twins.reasons[0]?.rule, twins.tripId]).toEqual(['M', 'gate.ambiguous', undefined]);
  });
});
