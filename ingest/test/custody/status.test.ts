import { isOver, TripStatus } from '@sealwatch/schemas';
import { expect, test } from 'vitest';
import { EXPECTED_AT_GATE, hasPassed, isUnderSeal, WRITE_OFF_FROM } from '../../src/custody/status.ts';

/** o over, d departed, s under seal, w may be written off, i expected at a gate inward, u outward. */
const WHAT: Record<TripStatus, string> = {
  declared: '',
  released: '',
  hung: '',
  sealed: 's u',
  'in-transit': 'd s w i u',
  arrived: 'd s w i',
  verified: 'd s w',
  unlocked: 'd',
  closed: 'o d',
  cancelled: 'o',
};

test.each(TripStatus.options)('a trip that is %s answers each question about its status', (status) => {
  const answers = {
    o: isOver({ status }),
    d: hasPassed(status, 'depart'),
    s: isUnderSeal(status),
    w: WRITE_OFF_FROM.includes(status),
    i: EXPECTED_AT_GATE.in.includes(status),
    u: EXPECTED_AT_GATE.out.includes(status),
  };
  const held = Object.entries(answers).flatMap(([letter, holds]) => (holds ? letter : []));
  expect(held.join(' ')).toBe(WHAT[status]);
});
