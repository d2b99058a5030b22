import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Takeovers } from '../../src/broker/takeovers.ts';

const LOCK = 'JT70100001';
const START_MS = Date.UTC(2026, 10, 21);

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Counts a takeover at a time after the first. */
function at(takeovers: Takeovers, lockId: string, ms: number): number {
  vi.setSystemTime(START_MS + ms);
  return takeovers.next(lockId, Date.now());
}

test('three takeovers in a row cost nothing, further ones wait ever longer, at most 15 s', () => {
  const takeovers = new Takeovers();
  const delays = Array.from({ length: 9 }, (_, i) => at(takeovers, LOCK, i * 10_000));
  expect(delays).toEqual([0, 0, 0, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
});

test('after a minute without one a takeover costs nothing again, and other locks never wait for this one', () => {
  const takeovers = new Takeovers();
  for (let i = 0; i < 6; i++) at(takeovers, LOCK, i);
  expect(at(takeovers, 'JT70100002', 10)).toBe(0);
  expect(at(takeovers, LOCK, 60_100)).toBe(0);
});
