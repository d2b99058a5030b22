import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Broker, startBroker } from '../../src/broker/broker.ts';
import type { LockAccess } from '../../src/ports.ts';
import { bySecret } from './access.ts';
import { publishPacket, Wiretap } from './wiretap.ts';

let broker: Broker;
let taps: Wiretap[];
/** By lock id: what the store says now. */
const stored = new Map<string, LockAccess>();
/** Turns of the event loop before the store answers. */
let answersAfter = 0;
/** Secrets whose end was answered: nothing of them may be taken from then on. */
const ended = new Set<string>();
const taken: string[] = [];
const takenTooLate: string[] = [];

const turns = async (count: number) => {
  for (let i = 0; i < count; i++) await setImmediate();
};

beforeAll(async () => {
  broker = await startBroker({
    host: '127.0.0.1',
    port: 0,
    lockAccess: async (ids) => {
      // As a query does: it reads now and answers later.
      const answer = new Map(ids.flatMap((id) => (stored.has(id) ? [[id, stored.get(id)!] as const] : [])));
      await turns(answersAfter);
      return answer;
    },
    report: (_lockId, payload, done) => {
      const secret = payload.toString();
      taken.push(secret);
      if (ended.has(secret)) takenTooLate.push(secret);
      done();
    },
    reply: (_lockId, _payload, done) => done(),
    registry: new Registry(),
    log: pino({ level: 'silent' }),
  });
});
afterAll(() => broker.close());
beforeEach(() => {
  taps = [];
});
afterEach(() => {
  for (const tap of taps) tap.end();
});

let serial = 0;

/** A lock that signs in, subscribes and reports in one write, without waiting for anything. */
function comes(lockId: string, secret: string, reports: number): Wiretap {
  const lock = new Wiretap(broker.port);
  taps.push(lock);
  lock.connectAs(lockId, secret);
  lock.send({ cmd: 'subscribe', messageId: 900, subscriptions: [{ topic: `locks/${lockId}/command`, qos: 1 }] });
  for (let i = 1; i <= reports; i++) lock.send(publishPacket(lockId, i, secret));
  return lock;
}

type Step =
  | { do: 'comes'; reports: number }
  | { do: 'reports'; count: number }
  | { do: 'another secret' }
  | { do: 'retire' }
  | { do: 'wait'; turns: number };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant('comes' as const), reports: fc.integer({ min: 0, max: 80 }) }),
  fc.record({ do: fc.constant('reports' as const), count: fc.integer({ min: 1, max: 80 }) }),
  fc.constant({ do: 'another secret' as const }),
  fc.constant({ do: 'retire' as const }),
  fc.record({ do: fc.constant('wait' as const), turns: fc.integer({ min: 0, max: 30 }) }),
);

test('once the end of a secret is answered, nothing of it is taken: in a handshake, a session, or a queue', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(STEP, { minLength: 4, maxLength: 14 }),
      fc.integer({ min: 0, max: 12 }),
      async (steps, delay) => {
        answersAfter = delay;
        const lockId = `JT7${String(++serial).padStart(7, '0')}`;
        const secretNo = (n: number) => `${lockId}-${n}`;
        let version = 0;
        const come: { secret: string; lock: Wiretap }[] = [];
        stored.set(lockId, bySecret(secretNo(version)));
        const change = async (to: LockAccess | undefined) => {
          const old = secretNo(version);
          if (to === undefined) stored.delete(lockId);
          else stored.set(lockId, to);
          await broker.refreshLock(lockId);
          ended.add(old);
        };
        for (const step of steps) {
          if (step.do === 'comes' && come.length < 3) {
            come.push({ secret: secretNo(version), lock: comes(lockId, secretNo(version), step.reports) });
          } else if (step.do === 'reports') {
            const last = come.at(-1);
            const packets = Array.from({ length: step.count }, (_, i) =>
              publishPacket(lockId, 100 + i, last?.secret ?? ''),
            );
            if (last && !last.lock.closed) last.lock.send(...packets);
          } else if (step.do === 'another secret') {
            await change(bySecret(secretNo(version + 1)));
            version++;
          } else if (step.do === 'retire') {
            await change(undefined);
            version++;
            stored.set(lockId, bySecret(secretNo(version)));
            await broker.refreshLock(lockId);
          } else if (step.do === 'wait') await turns(step.turns);
        }
        const command = { v: 1 as const, commandId: '5b0e3a9e-6a5e-4c53-9c54-0d7f3b6d4f11', type: 'locate' as const };
        await broker.deliver(lockId, command);
        const over = come.filter(({ secret }) => ended.has(secret));
        await vi.waitFor(() => expect(over.filter(({ lock }) => !lock.closed)).toEqual([]), { timeout: 20_000 });
        expect(over.flatMap(({ lock }) => lock.of('publish'))).toEqual([]);
        expect(takenTooLate).toEqual([]);
      },
    ),
    { numRuns: process.env.SEALWATCH_DEEP ? 2_000 : 120 },
  );
  expect(taken.length).toBeGreaterThan(100);
}, 120_000);

test('what the store answered before a change is not kept after it', async () => {
  const lockId = 'JT70900001';
  stored.set(lockId, bySecret('first'));
  answersAfter = 50;
  const early = comes(lockId, 'first', 1);
  await turns(5);
  stored.set(lockId, bySecret('second'));
  await broker.refreshLock(lockId);
  ended.add('first');
  await vi.waitFor(() => expect(early.closed).toBe(true));
  const again = comes(lockId, 'first', 1);
  await vi.waitFor(() => expect(again.closed).toBe(true));
  const right = comes(lockId, 'second', 1);
  await vi.waitFor(() => expect(right.acknowledged()).toEqual([1]));
  expect(takenTooLate).toEqual([]);
});

test('a will on its own topic is not taken from a lock whose access has ended', async () => {
  const lockId = 'JT70900002';
  stored.set(lockId, bySecret('willing'));
  answersAfter = 0;
  const lock = new Wiretap(broker.port);
  taps.push(lock);
  const will = { topic: `locks/${lockId}/report`, payload: Buffer.from('willing'), qos: 1 as const, retain: false };
  const connect = { cmd: 'connect' as const, protocolId: 'MQTT' as const, protocolVersion: 4 as const, clean: true };
  lock.send({ ...connect, clientId: lockId, username: lockId, password: Buffer.from('willing'), will });
  await vi.waitFor(() => expect(lock.of('connack')).toHaveLength(1));
  stored.delete(lockId);
  await broker.refreshLock(lockId);
  await vi.waitFor(() => expect(lock.closed).toBe(true));
  await turns(20);
  expect(taken).not.toContain('willing');
});
