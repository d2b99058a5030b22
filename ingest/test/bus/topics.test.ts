import { setTimeout as sleep } from 'node:timers/promises';
import type { Alarm } from '@sealwatch/schemas';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { BusHints } from '../../src/bus/bus-hints.ts';
import { BusLive } from '../../src/bus/bus-live.ts';
import { LocalHints } from '../../src/compose/local-hints.ts';
import { LocalLive } from '../../src/compose/local-live.ts';
import type { Committed, Hint, Hints, Live } from '../../src/ports.ts';
import { chanceOf, seeds } from '../proof/chance.ts';
import { type MemoryBus, MemoryNet } from './memory-bus.ts';

const log = { warn: () => undefined };
const PATIENT = { timeout: 60_000, interval: 5 };
const BEAT_MS = 20;
const opened: { stop(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.stop();
});

interface Pair<T> {
  /** Of the member that publishes. */
  from: T;
  /** Of the member that listens; in one process the same. */
  to: T;
  net?: MemoryNet;
  toBus?: MemoryBus;
}

async function remoteHints(): Promise<Required<Pair<Hints>>> {
  const net = new MemoryNet();
  const [a, toBus] = [net.join(1), net.join(2)];
  const from = await BusHints.open({ bus: a, log, beatEveryMs: BEAT_MS });
  const to = await BusHints.open({ bus: toBus, log, beatEveryMs: BEAT_MS });
  opened.push(from, to);
  return { from, to, net, toBus };
}

function remoteLive(): Required<Pair<Live>> {
  const net = new MemoryNet();
  const [a, toBus] = [net.join(1), net.join(2)];
  const [from, to] = [a, toBus].map((bus) => new BusLive({ bus, log, beatEveryMs: BEAT_MS })) as [BusLive, BusLive];
  opened.push(from, to);
  return { from, to, net, toBus };
}

const HINTS: Record<string, () => Promise<Pair<Hints>>> = {
  local: async () => {
    const hints = new LocalHints();
    return { from: hints, to: hints };
  },
  remote: remoteHints,
};
const LIVE: Record<string, () => Promise<Pair<Live>>> = {
  local: async () => {
    const live = new LocalLive();
    return { from: live, to: live };
  },
  remote: async () => remoteLive(),
};

const EVERY_HINT: Hint[] = [
  { hint: 'changed', tripIds: ['t'], alarmIds: ['a'], lockIds: ['l'] },
  {
    hint: 'passage',
    office: '3104',
    passage: {
      passageId: 'p',
      verdict: 'release',
      code: 'Y',
      lane: 'fast',
      reasons: [],
      writtenOff: false,
      display: '放行',
      decidedInMs: 3,
      gateId: 'daxie',
      gateName: '大榭',
      direction: 'in',
      at: '2026-01-01T00:00:00.000Z',
    },
  },
  { hint: 'toJudge' },
  { hint: 'judged', tripIds: ['t'], lockIds: [] },
  { hint: 'commands', lockIds: ['l'] },
  { hint: 'locks', lockIds: ['l'] },
  { hint: 'places' },
  { hint: 'owners' },
  { hint: 'back', memberId: 7 },
  { hint: 'sessions', memberId: 7, sessions: [['l', 1]] },
  { hint: 'access' },
];

describe.each(Object.entries(HINTS))('hints, %s', (_name, open) => {
  test('reach who listens to their kind, in order, as they were', async () => {
    const { from, to } = await open();
    const heard: Hint[] = [];
    for (const { hint } of EVERY_HINT) to.on(hint, (one) => void heard.push(one));
    for (const hint of EVERY_HINT) await from.publish(hint);
    await vi.waitFor(() => expect(heard.length).toBe(EVERY_HINT.length), PATIENT);
    expect(heard).toEqual(EVERY_HINT);
  });

  test('are waited for by who publishes them, as far as this process listens', async () => {
    const { from } = await open();
    let done = false;
    from.on('places', async () => {
      await sleep(5);
      done = true;
    });
    await from.publish({ hint: 'places' });
    expect(done).toBe(true);
    from.on('access', () => Promise.reject(new Error('not taken')));
    await expect(from.publish({ hint: 'access' })).rejects.toThrow('not taken');
  });
});

const ALARM = {
  alarmId: '0190c2a0-0000-7000-8000-000000000001',
  tripId: 't',
  lockId: 'JT70800001',
  rule: 'route.deviation',
};
const committed = (n: number): Committed => ({
  reports: [
    {
      lockId: 'JT70800001',
      tripId: 't',
      wallStatus: 'green',
      report: {
        lockId: 'JT70800001',
        boot: 1,
        seq: n,
        kind: 'live',
        timeMs: n,
        position: { lon: 120, lat: 30, source: 'gnss', satellites: 7 },
        battery: { percent: 80 },
      },
    },
  ],
  alarms: [],
  tripIds: ['t'],
});

describe.each(Object.entries(LIVE))('the stream of commits, %s', (_name, open) => {
  test('reaches a follower in order, as it was', async () => {
    const { from, to } = await open();
    const taken: Committed[] = [];
    await to.follow(
      (one) => taken.push(one),
      () => undefined,
    );
    for (let n = 1; n <= 20; n++) from.publish(committed(n));
    await vi.waitFor(() => expect(taken.length).toBe(20), PATIENT);
    expect(taken).toEqual(Array.from({ length: 20 }, (_, i) => committed(i + 1)));
  });
});

describe('what was missed is told', () => {
  test('a message that holds nothing that is known is a gap, and is not taken', async () => {
    const { from, to } = remoteLive();
    const seen = { taken: 0, gaps: 0 };
    await to.follow(
      () => seen.taken++,
      () => seen.gaps++,
    );
    from.publish({ ...committed(1), alarms: [ALARM as unknown as Alarm] });
    await vi.waitFor(() => expect(seen).toEqual({ taken: 0, gaps: 1 }), PATIENT);
    const hints = await remoteHints();
    let gaps = 0;
    hints.to.onGap(() => gaps++);
    await hints.from.publish({ hint: 'of a later version' } as unknown as Hint);
    await vi.waitFor(() => expect(gaps).toBe(1), PATIENT);
  });

  test('a follower that begins late is told that there was something before', async () => {
    const { from, to } = remoteLive();
    from.publish(committed(1));
    let gaps = 0;
    await to.follow(
      () => undefined,
      () => gaps++,
    );
    await vi.waitFor(() => expect(gaps).toBe(1), PATIENT);
  });

  test.each(seeds(10, 300))(
    'seed %i: over a bus that drops, doubles, delays and is cut, none is taken twice, and after the last gap none is missing',
    async (seed) => {
      const chance = chanceOf(seed);
      const { from, to, net, toBus } = remoteLive();
      net.faults = {
        copies: () => (chance() < 0.1 ? 0 : chance() < 0.1 ? 2 : 1) as 0 | 1 | 2,
        delayMs: () => (chance() < 0.2 ? chance() * 4 : 0),
      };
      const told: (number | 'gap')[] = [];
      await to.follow(
        (one) => told.push(one.reports[0]!.report.seq),
        () => told.push('gap'),
      );
      for (let n = 1; n <= 60; n++) {
        from.publish(committed(n));
        if (chance() < 0.05) {
          toBus.cut();
          await sleep(chance() * 3);
          toBus.join();
        }
        if (chance() < 0.3) await sleep(0);
      }
      await sleep(4 * BEAT_MS);
      net.faults = { copies: () => 1, delayMs: () => 0 };
      await vi.waitFor(
        () => expect(told.at(-1) === 60 || told.lastIndexOf('gap') > told.lastIndexOf(60)).toBe(true),
        PATIENT,
      );
      const taken = told.filter((one) => one !== 'gap');
      expect(taken).toEqual([...new Set(taken)].sort((a, b) => a - b));
      // Between two messages that are not neighbours a gap was told.
      told.forEach((one, i) => {
        if (one === 'gap') return;
        const before = told.slice(0, i).findLast((other) => other !== 'gap') ?? 0;
        const hadGap = told.slice(told.lastIndexOf(before as number) + 1, i).includes('gap');
        expect(one === (before as number) + 1 || hadGap).toBe(true);
      });
    },
  );
});
