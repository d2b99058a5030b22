import { describe, expect, test } from 'vitest';
import { nextCall, type Urgent } from '../../src/alarms/due.ts';

const MIN = 60_000;
const TIMES = { remindAfterMs: 2 * MIN, escalateAfterMs: 5 * MIN };
const urgent = (more: Partial<Urgent> = {}): Urgent => ({
  active: true,
  acknowledged: false,
  urgentAtMs: 100 * MIN,
  ...more,
});

describe('who is called for an urgent alarm, and when', () => {
  test.each<[string, Urgent, ReturnType<typeof nextCall>]>([
    ['a reminder 2 min after it was raised', urgent(), { call: 'remind', atMs: 102 * MIN }],
    ['an escalation 5 min after', urgent({ remindedAtMs: 102 * MIN }), { call: 'escalate', atMs: 105 * MIN }],
    [
      '3 min to answer after a reminder that came late',
      urgent({ remindedAtMs: 160 * MIN }),
      { call: 'escalate', atMs: 163 * MIN },
    ],
    [
      'no call in a time of quiet, but at its end',
      urgent({ frozenUntilMs: 130 * MIN }),
      { call: 'remind', atMs: 130 * MIN },
    ],
    [
      'an escalation at the end of a quiet that came after the reminder',
      urgent({ remindedAtMs: 102 * MIN, frozenUntilMs: 130 * MIN }),
      { call: 'escalate', atMs: 130 * MIN },
    ],
    [
      'a quiet that ends before changes nothing',
      urgent({ frozenUntilMs: 101 * MIN }),
      { call: 'remind', atMs: 102 * MIN },
    ],
    ['nobody once somebody has taken it', urgent({ acknowledged: true }), undefined],
    ['nobody once it has ended', urgent({ active: false }), undefined],
    ['nobody for what was never urgent', urgent({ urgentAtMs: undefined }), undefined],
    ['nobody a third time', urgent({ remindedAtMs: 102 * MIN, escalatedAtMs: 105 * MIN }), undefined],
  ])('%s', (_what, alarm, expected) => {
    expect(nextCall(alarm, TIMES)).toEqual(expected);
  });
});
