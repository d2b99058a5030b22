import { EventEmitter } from 'node:events';
import { type Alarm, decodeFrame } from '@sealwatch/schemas';
import { expect, test } from 'vitest';
import { FeedClient, type FeedSocket } from '../../src/feed/client.ts';
import { Wall } from '../../src/feed/wall.ts';
import type { LockRow } from '../../src/store/locks/locks.ts';

/** A connection whose other end reads when the test says so. */
function slowSocket() {
  const sent: { event: string; data: unknown }[] = [];
  const conn = Object.assign(new EventEmitter(), { transport: { writable: true } });
  const socket = {
    conn,
    data: { caller: { kind: 'person', id: 'person:1', name: 'Li', role: 'viewer', offices: null } },
    emit: (event: string, data: unknown) => sent.push({ event, data }),
    disconnect: () => sent.push({ event: 'disconnected', data: undefined }),
  };
  return { sent, conn, socket: socket as unknown as FeedSocket };
}

function wallWith(lockId: string): Wall {
  const wall = new Wall();
  const row: LockRow = {
    lock_id: lockId,
    model: '',
    created_at: new Date(),
    retired_at: null,
    simulated: false,
    blocked_reason: null,
    blocked_by: null,
    last_time: null,
    last_received: null,
    last_report: null,
    last_fix: null,
    left_out_count: 0,
    left_out: null,
    profile: null,
    wire_id: null,
    numbered: true,
    networks: [],
    trip_id: null,
  };
  wall.locks.put(row);
  return wall;
}

const stats = { inTransit: 0, green: 0, amber: 0, red: 0, silent: 0, arrivedToday: 0, reportsPerSecond: 0, lagMs: 0 };
const alarm = (i: number) => ({ alarmId: `a-${i}`, active: true }) as Alarm;

test('a busy screen is sent no positions, then the newest one; its alarms come all, and the numbers have no gap', () => {
  const wall = wallWith('JT70100001');
  const { sent, conn, socket } = slowSocket();
  const client = new FeedClient(socket, wall);
  client.snapshot({ build: 'test', stats });
  conn.transport.writable = false;
  for (let i = 1; i <= 10; i++) {
    wall.locks.see('JT70100001', { timeMs: i, position: { lon: 120 + i / 100, lat: 29, source: 'gnss' } });
    client.changed([0]);
    client.tick(i);
    client.alarm(alarm(i), undefined);
  }
  expect(sent.map((m) => m.event)).toEqual(['snapshot', ...Array(10).fill('alarm')]);
  conn.transport.writable = true;
  conn.emit('drain');
  client.tick(11);
  const frame = decodeFrame(sent.at(-1)?.data as Uint8Array);
  expect(frame.positions).toEqual([expect.objectContaining({ lon: 120.1 })]);
  const numbers = sent.map((m) =>
    m.data instanceof Uint8Array ? decodeFrame(m.data).sequence : (m.data as { sequence: number }).sequence,
  );
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
});

test('a screen that takes nothing for 2,000 alarms is sent away instead of filling the memory', () => {
  const { sent, conn, socket } = slowSocket();
  const client = new FeedClient(socket, wallWith('JT70100001'));
  client.snapshot({ build: 'test', stats });
  conn.transport.writable = false;
  for (let i = 0; i <= 2_000; i++) client.alarm(alarm(i), undefined);
  expect(sent.at(-1)?.event).toBe('disconnected');
});

test('late records never move a truck back', () => {
  const wall = wallWith('JT70100001');
  const at = (timeMs: number, lon: number) =>
    wall.locks.see('JT70100001', { timeMs, position: { lon, lat: 29, source: 'gnss' } });
  expect(at(2_000, 120.2)).toBe(0);
  expect(at(1_000, 120.1)).toBeUndefined();
  expect(wall.locks.get('JT70100001')?.position?.lon).toBe(120.2);
});
