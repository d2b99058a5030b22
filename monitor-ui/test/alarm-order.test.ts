import type { Alarm, Trip } from '@sealwatch/schemas';
import { expect, it } from 'vitest';
import { byUrgency, holder, isQuiet, isRed, isUnattended, loudness } from '../src/feed/alarm-order.ts';

const alarm = (alarmId: string, raised: number, more: Partial<Alarm> = {}): Alarm => ({
  alarmId,
  lockId: 'JT70100001',
  rule: 'route.deviation',
  kind: 'latched',
  severity: 'critical',
  state: 'open',
  active: true,
  startedAt: new Date(raised).toISOString(),
  raisedAt: new Date(raised).toISOString(),
  detectedLate: false,
  evidence: {},
  ...more,
});

it('puts the newest red first, then other active alarms by severity, and what has ended last', () => {
  const list = [
    alarm('ended', 9_000, { active: false }),
    alarm('minor', 8_000, { kind: 'level', severity: 'minor' }),
    alarm('major', 7_000, { kind: 'level', severity: 'major' }),
    alarm('level-critical', 6_500, { kind: 'level', severity: 'critical' }),
    alarm('old-red', 1_000),
    alarm('new-red', 5_000),
  ];
  expect(list.sort(byUrgency).map((a) => a.alarmId)).toEqual([
    'new-red',
    'old-red',
    'level-critical',
    'major',
    'minor',
    'ended',
  ]);
});

it('is red from the provisional alarm on until a person disposes of it, also when the truck is back', () => {
  expect(isRed(alarm('a', 0, { state: 'provisional' }))).toBe(true);
  expect(isRed(alarm('a', 0, { state: 'returned' }))).toBe(true);
  expect(isRed(alarm('a', 0, { state: 'disposed', active: false }))).toBe(false);
  expect(isRed(alarm('a', 0, { kind: 'level' }))).toBe(false);
});

it('names who has it: whom it is assigned to before who acknowledged it', () => {
  expect(isUnattended(alarm('a', 0))).toBe(true);
  expect(isUnattended(alarm('a', 0, { acknowledgedBy: '李敏' }))).toBe(false);
  expect(holder(alarm('a', 0, { acknowledgedBy: '李敏' }))).toBe('李敏');
  expect(holder(alarm('a', 0, { acknowledgedBy: '李敏', assignedTo: '陈伟' }))).toBe('陈伟');
});

it('is louder with every call, and quiet while its vehicle is kept quiet', () => {
  const calls = [{ state: 'provisional' as const }, {}, { remindedAt: 'x' }, { remindedAt: 'x', escalatedAt: 'y' }];
  expect(calls.map((call) => loudness(alarm('a', 0, call)))).toEqual([0, 1, 2, 3]);
  const frozen = { frozen: { reason: 'r', by: 'b', until: new Date(1_000).toISOString() } } as Trip;
  expect([isQuiet(frozen, 999), isQuiet(frozen, 1_000), isQuiet({} as Trip, 0), isQuiet(undefined, 0)]).toEqual([
    true,
    false,
    false,
    false,
  ]);
});
