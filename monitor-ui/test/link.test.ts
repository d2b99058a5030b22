import { expect, it } from 'vitest';
import { databaseDown, freshness, STALE_AFTER_MS } from '../src/feed/link.ts';

const live = { phase: 'live', attempt: 0, heardMs: 1_000 } as const;

it('a picture is stale over no connection, after a silence, and before anything was heard', () => {
  expect(freshness(live, 1_000 + STALE_AFTER_MS)).toBe('fresh');
  expect(freshness(live, 1_001 + STALE_AFTER_MS)).toBe('stale');
  expect(freshness({ ...live, phase: 'lost' }, 1_000)).toBe('stale');
  expect(freshness({ phase: 'connecting', attempt: 0 }, 1_000)).toBe('stale');
});

it('the database is down where the platform says so, and not where it is unready for another reason', () => {
  expect(databaseDown({ ready: true, reasons: [] })).toBe(false);
  expect(databaseDown({ ready: false, reasons: ['stopping'] })).toBe(false);
  expect(databaseDown({ ready: false, reasons: ['stopping', 'database: no answer within 3 s'] })).toBe(true);
});
