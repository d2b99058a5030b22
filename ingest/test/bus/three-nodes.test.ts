import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AmqpBus } from '../../src/bus/amqp-bus.ts';
import { ownRabbitmq, WITHOUT_RABBITMQ } from './rabbitmq.ts';
import { startSender } from './sender.ts';

const log = pino({ level: process.env.SEALWATCH_TEST_LOG ?? 'silent' });
const isDeep = process.env.SEALWATCH_DEEP !== undefined;

// Three nodes take some 20 s to start.
describe.skipIf(WITHOUT_RABBITMQ !== undefined || !isDeep)('a bus over three nodes of RabbitMQ', () => {
  let server: Awaited<ReturnType<typeof ownRabbitmq>>;
  let members = 0;
  beforeAll(async () => {
    server = await ownRabbitmq(3);
  }, 300_000);
  afterAll(() => server?.stop(), 60_000);
  /** Its connection is at this node as long as the node is there. */
  const joinAt = (node: number) => {
    const { hosts } = server.settings;
    const first = hosts[node]!;
    return new AmqpBus({
      settings: { ...server.settings, hosts: [first, ...hosts.filter((host) => host !== first)] },
      memberId: ++members,
      name: `test ${node}`,
      log,
    });
  };

  const faults: [string, () => Promise<void>][] = [
    ['the sender’s node is killed', () => killed(0)],
    ['the receiver’s node is killed', () => killed(1)],
    ['a node that has nobody is killed', () => killed(2)],
    ['the receiver’s node freezes for longer than its heartbeat', () => frozen(1, 15_000)],
    ['the sender’s node freezes for a moment', () => frozen(0, 3_000)],
    [
      'one node after the other is started again',
      async () => {
        for (const node of [0, 1, 2]) await killed(node);
      },
    ],
  ];
  async function killed(node: number) {
    await server.nodes[node]?.kill();
    await sleep(1_000);
    await server.nodes[node]?.start();
  }
  async function frozen(node: number, forMs: number) {
    server.nodes[node]?.freeze();
    await sleep(forMs);
    server.nodes[node]?.thaw();
  }

  it.each(faults)(
    'goes on after %s: in order, and a gap is told where something was lost',
    async (what, fault) => {
      const [a, b] = [joinAt(0), joinAt(1)];
      let gaps = 0;
      for (const bus of [a, b]) bus.onGap(() => gaps++);
      try {
        const sender = startSender(a, b);
        await expect.poll(() => sender.heard.length, { timeout: 30_000 }).toBeGreaterThan(20);
        await fault();
        const before = sender.state.sent;
        await expect.poll(() => sender.state.sent, { timeout: 60_000 }).toBeGreaterThan(before + 50);
        await sender.end();
        const last = sender.state.sent - 1;
        await expect.poll(() => sender.heard.at(-1), { timeout: 30_000 }).toBe(last);
        const firsts = sender.firsts();
        expect(firsts).toEqual(firsts.toSorted((x, y) => x - y));
        const lost = sender.state.sent - firsts.length;
        if (lost > 0) expect(gaps).toBeGreaterThan(0);
        const { longestMs } = sender.state;
        console.info(
          `${what}: longest send ${Math.round(longestMs)} ms, ${lost} of ${last + 1} lost, ${gaps} gaps told`,
        );
      } finally {
        await Promise.all([a.close(), b.close()]);
      }
    },
    240_000,
  );
});
