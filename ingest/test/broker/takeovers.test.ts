import { expect, test } from 'vitest';
import { Takeovers } from '../../src/broker/takeovers.ts';

const LOCK = 'JT70100001';

test('three takeovers in a row cost nothing, further ones wait ever longer, at most 15 s', () => {
  const takeovers = new Takeovers();
  const delays = Array.from({ length: 9 }, (_, i) => takeovers.next(LOCK, i * 10_000));
  expect(delays).toEqual([0, 0, 0, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
});

test('after a minute without one a takeover costs nothing again, and other locks never wait for this one', () => {
  const takeovers = new Takeovers();
  for (let i = 0; i < 6; i++) takeovers.next(LOCK, i);
  expect(takeovers.next('JT70100002', 10)).toBe(0);
  expect(takeovers.next(LOCK, 60_100)).toBe(0);
});
