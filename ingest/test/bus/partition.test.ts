import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isInOwnNetwork, makeNetworkSpaces, type NetworkSpaces } from '../../../scripts/network-spaces.mjs';
import { AmqpBus } from '../../src/bus/amqp-bus.ts';
import { ownRabbitmq, WITHOUT_RABBITMQ } from './rabbitmq.ts';
import { startSender } from './sender.ts';

const log = pino({ level: process.env.SEALWATCH_TEST_LOG ?? 'silent' });

// unshare -n sh -c 'ip link set lo up && npx vitest run ingest/test/bus/partition.test.ts', as root
describe.skipIf(WITHOUT_RABBITMQ !== undefined || !isInOwnNetwork())('a bus whose network splits', () => {
  let spaces: NetworkSpaces;
  let server: Awaited<ReturnType<typeof ownRabbitmq>>;
  let members = 0;
  beforeAll(async () => {
    spaces = makeNetworkSpaces(3);
    server = await ownRabbitmq(3, spaces);
  }, 300_000);
  afterAll(async () => {
    try {
      await server?.stop();
    } finally {
      spaces?.remove();
    }
  }, 60_000);
  const joinAt = (node: number) => {
    const { hosts } = server.settings;
    const settings = { ...server.settings, hosts: [...hosts.slice(node), ...hosts.slice(0, node)] };
    return new AmqpBus({ settings, memberId: ++members, name: `test ${node}`, log });
  };

  it('leaves the smaller part, tells the gap, and goes on in order; the node is used again once the network is whole', async () => {
    const [a, b] = [joinAt(0), joinAt(2)];
    let gaps = 0;
    b.onGap(() => gaps++);
    try {
      const sender = startSender(a, b);
      await expect.poll(() => sender.heard.length, { timeout: 30_000 }).toBeGreaterThan(20);
      const cutAtMs = performance.now();
      spaces.cut(2);
      await expect.poll(() => gaps, { timeout: 120_000, interval: 50 }).toBe(1);
      const gapMs = performance.now() - cutAtMs;
      const before = sender.state.sent;
      await expect.poll(() => sender.state.sent, { timeout: 120_000, interval: 50 }).toBeGreaterThan(before + 50);
      await sender.end();
      const firsts = sender.firsts();
      expect(firsts).toEqual(firsts.toSorted((x, y) => x - y));
      const { longestMs, sent } = sender.state;
      console.info(
        `cut off: the gap told after ${Math.round(gapMs)} ms, longest send ${Math.round(longestMs)} ms, ${sent - firsts.length} of ${sent} lost`,
      );
      spaces.heal(2);
      const c = joinAt(2);
      try {
        await c.onMessage('reports', () => undefined);
        await expect.poll(() => a.send('reports', c.memberId, Buffer.from('x')), { timeout: 60_000 }).toBe('sent');
      } finally {
        await c.close();
      }
    } finally {
      await Promise.all([a.close(), b.close()]);
    }
  }, 400_000);
});
