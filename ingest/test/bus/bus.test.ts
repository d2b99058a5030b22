import { once } from 'node:events';
import { createServer } from 'node:net';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AmqpBus } from '../../src/bus/amqp-bus.ts';
import type { AmqpSettings } from '../../src/bus/amqp-url.ts';
import type { Bus } from '../../src/bus/bus.ts';
import { MemoryNet } from './memory-bus.ts';
import { anyRabbitmq, ownRabbitmq, WITHOUT_RABBITMQ } from './rabbitmq.ts';

const log = pino({ level: process.env.SEALWATCH_TEST_LOG ?? 'silent' });

/** What every bus keeps, whatever carries it. */
function busContract(join: () => Bus | Promise<Bus>) {
  const open: Bus[] = [];
  const member = async () => {
    const bus = await join();
    open.push(bus);
    return bus;
  };
  afterEach(async () => {
    await Promise.all(open.splice(0).map((bus) => bus.close()));
  });

  it('brings messages to the one member they are for, in order and as they were sent', async () => {
    const [a, b, c] = [await member(), await member(), await member()];
    const heard: { by: string; from: number; text: string }[] = [];
    for (const [by, bus] of Object.entries({ b, c })) {
      await bus.onMessage('reports', (from, body) => heard.push({ by, from, text: body.toString('latin1') }));
    }
    await a.onMessage('answers', () => undefined);
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
    const sent = [bytes.toString('latin1'), ...Array.from({ length: 200 }, (_, i) => `message ${i}`)];
    const results = await Promise.all(sent.map((text) => a.send('reports', b.memberId, Buffer.from(text, 'latin1'))));
    expect(new Set(results)).toEqual(new Set(['sent']));
    await expect.poll(() => heard.length).toBe(sent.length);
    expect(heard).toEqual(sent.map((text) => ({ by: 'b', from: a.memberId, text })));
  });

  it('keeps reports and answers apart', async () => {
    const [a, b] = [await member(), await member()];
    const heard: string[] = [];
    await b.onMessage('reports', (_from, body) => heard.push(`reports ${body}`));
    await b.onMessage('answers', (_from, body) => heard.push(`answers ${body}`));
    expect(await a.send('answers', b.memberId, Buffer.from('1'))).toBe('sent');
    expect(await a.send('reports', b.memberId, Buffer.from('2'))).toBe('sent');
    await expect.poll(() => heard.sort()).toEqual(['answers 1', 'reports 2']);
  });

  it('says that nobody is there: unknown, not listening to that kind, or gone', async () => {
    const [a, b] = [await member(), await member()];
    await a.onMessage('answers', () => undefined);
    expect(await a.send('reports', 4_000_000_000, Buffer.from('x'))).toBe('nobody');
    expect(await a.send('reports', b.memberId, Buffer.from('x'))).toBe('nobody');
    await b.onMessage('reports', () => undefined);
    expect(await a.send('reports', b.memberId, Buffer.from('x'))).toBe('sent');
    await b.close();
    await expect.poll(() => a.send('reports', b.memberId, Buffer.from('x'))).toBe('nobody');
  });

  it('brings what is published to everybody who listens but its sender, in order', async () => {
    const [a, b, c] = [await member(), await member(), await member()];
    const heard: string[] = [];
    for (const [by, bus] of Object.entries({ a, b, c })) {
      await bus.onTopic('hints', (from, body) => heard.push(`${by} ${from} ${body}`));
    }
    await b.onTopic('live', () => heard.push('b live'));
    for (let i = 0; i < 50; i++) a.publish('hints', Buffer.from(String(i)));
    await expect.poll(() => heard.length).toBe(100);
    for (const by of ['b', 'c']) {
      const expected = Array.from({ length: 50 }, (_, i) => `${by} ${a.memberId} ${i}`);
      expect(heard.filter((line) => line.startsWith(by))).toEqual(expected);
    }
  });

  it('misses nothing once it has resolved to listen', async () => {
    const [a, b] = [await member(), await member()];
    const heard: string[] = [];
    await a.onTopic('live', () => undefined);
    await b.onTopic('live', (_from, body) => heard.push(String(body)));
    a.publish('live', Buffer.from('first'));
    await expect.poll(() => heard).toEqual(['first']);
  });

  it('carries a body of several megabytes', async () => {
    const [a, b] = [await member(), await member()];
    const body = Buffer.alloc(5_000_000, 'sealwatch ');
    const heard: Buffer[] = [];
    await a.onMessage('answers', () => undefined);
    await b.onMessage('reports', (_from, got) => heard.push(got));
    expect(await a.send('reports', b.memberId, body)).toBe('sent');
    await expect.poll(() => heard.length).toBe(1);
    expect(heard[0]?.equals(body)).toBe(true);
  });

  it('is ready while it can send', async () => {
    const a = await member();
    await a.onMessage('answers', () => undefined);
    expect(a.ready()).toEqual([]);
    await a.close();
    expect(await a.send('reports', 1, Buffer.from('x'))).toBe('unknown');
    expect(a.ready()).not.toEqual([]);
  });
}

let members = 0;

describe('a bus in memory', () => {
  const net = new MemoryNet();
  busContract(() => net.join(++members));
});

describe.skipIf(WITHOUT_RABBITMQ !== undefined)('a bus over RabbitMQ', () => {
  let server: { settings: AmqpSettings; stop(): Promise<void> };
  beforeAll(async () => {
    server = await anyRabbitmq();
  });
  afterAll(() => server?.stop());
  // Members of other runs may be on the same server.
  const first = Math.floor(Math.random() * 2 ** 40);
  const join = (settings: AmqpSettings) => new AmqpBus({ settings, memberId: first + ++members, name: 'test', log });
  busContract(() => join(server.settings));

  it('stands again after its node was killed, tells the gap, and hears what is sent from then on', async () => {
    const own = await ownRabbitmq();
    const [a, b] = [join(own.settings), join(own.settings)];
    try {
      const heard: string[] = [];
      let gaps = 0;
      await b.onMessage('reports', (_from, body) => heard.push(String(body)));
      await b.onTopic('live', (_from, body) => heard.push(String(body)));
      await a.onMessage('answers', () => undefined);
      b.onGap(() => gaps++);
      await own.nodes[0]?.kill();
      await expect.poll(() => [...a.ready(), ...b.ready()].length).toBe(2);
      expect(await a.send('reports', b.memberId, Buffer.from('into nowhere'))).toBe('unknown');
      a.publish('live', Buffer.from('into nowhere'));
      expect(gaps).toBe(0);
      await own.nodes[0]?.start();
      await expect.poll(() => gaps).toBe(1);
      await expect.poll(() => a.send('reports', b.memberId, Buffer.from('again'))).toBe('sent');
      a.publish('live', Buffer.from('live'));
      await expect.poll(() => [...heard].sort()).toEqual(['again', 'live']);
    } finally {
      await Promise.all([a.close(), b.close()]);
      await own.stop();
    }
  });

  it('waits for a server that is not there yet, says why it is not ready, and can be closed', async () => {
    const silent = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const bus = join({ ...server.settings, hosts: [`127.0.0.1:${port}`] });
    expect(bus.ready()).toEqual([expect.stringMatching(/^bus: /)]);
    expect(await bus.send('reports', 1, Buffer.from('x'))).toBe('unknown');
    await bus.close();
    silent.close();
  });
});
