import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from '@sealwatch/schemas';
import { pino } from 'pino';
import { afterAll, describe, expect, it } from 'vitest';
import { Downlink, type DownlinkDeps } from '../src/sockets/downlink.ts';
import { Ledger } from '../src/sockets/ledger.ts';
import type { Wire, Written } from '../src/sockets/wire.ts';

const folder = mkdtempSync(join(tmpdir(), 'sealwatch-downlink-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const path = () => join(folder, `ledger-${++files}`);

const bound = { lockId: '7500000001', wireId: '7500000001', profile: 'jointech-701d' };
const command = (type: Command['type'], n = 1): Command => ({
  v: 1,
  commandId: `5b0e1c9e-0000-4000-8000-00000000000${n}`,
  type,
});

/** A lock on a line, and what was written to it and told of it. */
function scene(ledger: Ledger, more: Partial<Written> = {}) {
  const [written, replies]: [string[], object[]] = [[], []];
  const clock = { nowMs: Date.UTC(2026, 10, 21) };
  const wire = {
    write: ({ type }: Command, _bound: unknown, serial: number) => ({
      bytes: [Buffer.from(type)],
      key: String(serial),
      isPhysical: type === 'unlock',
      ...more,
    }),
  } as unknown as Wire;
  const deps: DownlinkDeps = {
    wire,
    ledger,
    reply: (reply) => void replies.push(reply),
    interval: () => undefined,
    log: pino({ level: 'silent' }),
    nowMs: () => clock.nowMs,
  };
  const downlink = new Downlink(deps);
  const line = {
    bound,
    lastFrameMs: clock.nowMs,
    write: (bytes: readonly Buffer[]) => void written.push(String(bytes[0])),
  };
  return { downlink, line, written, replies, clock };
}

describe('commands of one lock', () => {
  it('an unlock that a killed bridge has written is not written again by the next one, and ends as uncertain', () => {
    const file = path();
    const first = scene(new Ledger(file));
    first.downlink.attach(first.line);
    first.downlink.give(command('unlock'));
    expect(first.written).toEqual(['unlock']);
    const next = scene(new Ledger(file));
    next.downlink.attach(next.line);
    next.downlink.give(command('unlock'));
    expect(next.written).toEqual([]);
    expect(next.replies).toMatchObject([{ result: 'failed', reason: expect.stringContaining('uncertain') }]);
    next.downlink.give(command('unlock', 2));
    expect(next.written).toEqual(['unlock']);
  });

  it('one that moves nothing is written again', () => {
    const file = path();
    for (let life = 0; life < 2; life++) {
      const { downlink, line, written } = scene(new Ledger(file));
      downlink.attach(line);
      downlink.give(command('interval'));
      expect(written).toEqual(['interval']);
    }
  });

  it('one at a time, each once, and the next when the lock has answered', () => {
    const { downlink, line, written, replies } = scene(new Ledger(undefined));
    downlink.attach(line);
    for (const one of [command('unlock'), command('unlock'), command('locate', 2)]) downlink.give(one);
    expect(written).toEqual(['unlock']);
    const answer = (key: string) =>
      downlink.heard({ protocol: 'x', wireId: undefined, answers: [], reply: { key, result: 'done' } });
    answer('7');
    expect(written).toEqual(['unlock']);
    answer('1');
    answer('1');
    expect(written).toEqual(['unlock', 'locate']);
    expect(replies).toMatchObject([{ result: 'done' }]);
  });

  it('wait while the lock sleeps, and are written behind its next frame', () => {
    const { downlink, line, written, clock } = scene(new Ledger(undefined));
    downlink.attach(line);
    clock.nowMs += 10 * 60_000;
    downlink.give(command('unlock'));
    expect(written).toEqual([]);
    line.lastFrameMs = clock.nowMs;
    downlink.heard(undefined);
    expect(written).toEqual(['unlock']);
  });

  it('an unlock that its event proves is not done before that', () => {
    const { downlink, line, replies } = scene(new Ledger(undefined), { isProvenByEvent: true });
    downlink.attach(line);
    downlink.give(command('unlock'));
    const base = { protocol: 'x', wireId: undefined, answers: [] };
    downlink.heard({ ...base, reply: { key: '1', result: 'done' } });
    expect(replies).toEqual([]);
    downlink.heard({ ...base, opened: true });
    expect(replies).toMatchObject([{ result: 'done' }]);
  });

  it('one whose time is over is forgotten', () => {
    const { downlink, line, written, clock } = scene(new Ledger(undefined));
    downlink.give({ ...command('unlock'), expiresAt: new Date(clock.nowMs + 1_000).toISOString() });
    clock.nowMs += 2_000;
    downlink.attach({ ...line, lastFrameMs: clock.nowMs });
    expect(written).toEqual([]);
  });
});

describe('the ledger', () => {
  it('knows after a kill in the middle of a line what was on disk before', () => {
    const file = path();
    const ledger = new Ledger(file);
    expect(ledger.begin('one')).toBe(true);
    appendFileSync(file, '["sent","tw');
    const next = new Ledger(file);
    expect(next.begin('one')).toBe(false);
    expect(next.begin('two')).toBe(true);
    expect(readFileSync(file, 'utf8').trim().split('\n')).toHaveLength(2);
  });
});
