import type { Alarm, FeedPassage, SnapshotMessage } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { arrive, emptyBoard, takeAlarm, takeLocks, takePassage, takeSnapshot } from '../src/feed/board.ts';

const STATS = { inTransit: 1, green: 1, amber: 0, red: 0, silent: 0, arrivedToday: 0, reportsPerSecond: 1, lagMs: 5 };
const snapshot = (sequence: number, more: Partial<SnapshotMessage> = {}): SnapshotMessage => ({
  sequence,
  serverTime: '2026-11-21T03:00:00.000Z',
  build: 'b1',
  locks: [],
  positions: new Uint8Array(),
  trips: [],
  alarms: [],
  passages: [],
  stats: STATS,
  ...more,
});
const alarm = (alarmId: string, more: Partial<Alarm> = {}): Alarm => ({
  alarmId,
  lockId: 'JT70100001',
  rule: 'route.deviation',
  kind: 'latched',
  severity: 'critical',
  state: 'open',
  active: true,
  startedAt: '2026-11-21T03:00:00.000Z',
  raisedAt: '2026-11-21T03:00:01.000Z',
  detectedLate: false,
  evidence: {},
  ...more,
});
const passage = (passageId: string, at: string, gateId = 'g'): FeedPassage => ({
  passageId,
  gateId,
  gateName: gateId,
  direction: 'in',
  at,
  verdict: 'release',
  code: 'Y',
  lane: 'fast',
  reasons: [],
  writtenOff: true,
  display: '',
  decidedInMs: 5,
});

describe('the order of the feed', () => {
  it('is a gap until the first snapshot', () => {
    expect(arrive(emptyBoard(), 1)).toBe('gap');
  });

  it('takes each next message once, finds a repeated one, and tells a gap', () => {
    const board = emptyBoard();
    takeSnapshot(board, snapshot(7));
    expect(arrive(board, 8)).toBe('taken');
    expect(arrive(board, 8)).toBe('duplicate');
    expect(arrive(board, 7)).toBe('duplicate');
    expect(arrive(board, 11)).toBe('gap');
    expect(arrive(board, 12)).toBe('taken');
  });

  it('begins anew with a new snapshot', () => {
    const board = emptyBoard();
    takeSnapshot(board, snapshot(900, { alarms: [alarm('a')] }));
    takeSnapshot(board, snapshot(1, { alarms: [alarm('b')] }));
    expect([...board.alarms.keys()]).toEqual(['b']);
    expect(arrive(board, 2)).toBe('taken');
  });
});

describe('what the board keeps', () => {
  it('finds a truck by its trip, and forgets it when the lock moves to another trip', () => {
    const board = emptyBoard();
    takeLocks(board, [
      { index: 4, lockId: 'B', tripId: 't1' },
      { index: 2, lockId: 'A', tripId: 't1' },
    ]);
    expect(board.indexByTrip.get('t1')).toBe(2);
    takeLocks(board, [{ index: 2, lockId: 'A', tripId: 't2' }]);
    expect(board.indexByTrip.get('t1')).toBeUndefined();
    expect(board.indexByTrip.get('t2')).toBe(2);
  });

  it('replaces an alarm by its newer word', () => {
    const board = emptyBoard();
    takeAlarm(board, alarm('a'));
    takeAlarm(board, alarm('a', { state: 'acknowledged', acknowledgedBy: '李敏' }));
    expect(board.alarms.size).toBe(1);
    expect(board.alarms.get('a')?.acknowledgedBy).toBe('李敏');
  });

  it('keeps constant memory: what has ended goes, what is active stays however old', () => {
    const board = emptyBoard();
    takeAlarm(board, alarm('red'));
    for (let i = 0; i < 500; i++) takeAlarm(board, alarm(`ended-${i}`, { active: false, state: 'disposed' }));
    expect(board.alarms.size).toBe(101);
    expect(board.alarms.has('red')).toBe(true);
    expect(board.alarms.has('ended-499')).toBe(true);
  });

  it('lists passages newest first, once each, also when a person decides anew', () => {
    const board = emptyBoard();
    takePassage(board, passage('1', '2026-11-21T03:00:00.000Z'));
    takePassage(board, passage('2', '2026-11-21T03:05:00.000Z'));
    takePassage(board, { ...passage('1', '2026-11-21T03:00:00.000Z'), verdict: 'alarm' });
    takePassage(board, passage('1', '2026-11-21T03:01:00.000Z', 'other-gate'));
    expect(board.passages.map((p) => [p.gateId, p.passageId, p.verdict])).toEqual([
      ['g', '2', 'release'],
      ['other-gate', '1', 'release'],
      ['g', '1', 'alarm'],
    ]);
  });
});
