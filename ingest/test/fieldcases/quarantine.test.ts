import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { discardJunk } from '../../src/store/reports/quarantine.ts';
import { freshDatabase } from '../database.ts';
import { type Rig, registerLocks, report, send, startRig } from '../intake/rig.ts';
import { PLAIN } from '../store/plain.ts';

/* A server without a good clock (guysoft/OctoPi#606, raspberrypi/linux#1751): what it refuses must not be thrown away. */
const [AHEAD, JUNK, OTHER] = ['JT79920001', 'JT79920002', 'JT79920003'];
let nowMs = Date.now();

let rig: Rig;
beforeAll(async () => {
  const db = await freshDatabase();
  rig = await startRig({ db, quarantineBytes: 20_000, nowMs: () => nowMs });
  await registerLocks(db, AHEAD, JUNK, OTHER);
});
afterAll(async () => {
  await rig?.close();
  await rig?.db.drop();
});

const kept = async (lockId: string) =>
  (
    await rig.rows<{ raw: Buffer }>('SELECT raw FROM quarantine WHERE lock_id = $1 ORDER BY quarantine_id', [lockId])
  ).map(({ raw }) => String(raw));
const junk = (i: number) => `not json ${i} ${'x'.repeat(1_000)}`;

test('what is acknowledged stays: junk beyond the bound gets no PUBACK, and a record that can be read is always kept', async () => {
  const ahead = await rig.lock(AHEAD);
  const another = { ...report(1, nowMs, 120.1), battery: { percent: 1 } };
  await send(ahead, AHEAD, report(1, nowMs, 120.1));
  await send(ahead, AHEAD, another);

  const lock = await rig.lock(JUNK);
  const acknowledged: string[] = [];
  const closed = new Promise<void>((resolve) => lock.once('close', () => resolve()));
  const sending = (async () => {
    for (let i = 0; i < 30; i++) {
      await send(lock, JUNK, junk(i));
      acknowledged.push(junk(i));
    }
  })().catch(() => undefined);
  await closed;
  lock.end(true);
  await sending;
  expect(acknowledged.length).toBeGreaterThan(10);
  expect(acknowledged.length).toBeLessThan(20);
  expect(await kept(JUNK)).toEqual(acknowledged);
  expect(await rig.metric('junk_declined_total')).toBe(1);

  await send(ahead, AHEAD, { ...another, battery: { percent: 2 } });
  expect(await kept(AHEAD)).toHaveLength(2);
});

test('many locks ahead of the platform make its own clock doubtful (openalenzuela/opendomo#29)', async () => {
  expect(rig.intake.warnings()).toEqual([]);
  const lockIds = Array.from({ length: 6 }, (_, i) => `JT7993000${i}`);
  await registerLocks(rig.db, ...lockIds);
  for (const lockId of lockIds) await send(await rig.lock(lockId), lockId, report(1, nowMs + 20 * 60_000, 120.1));
  expect(rig.intake.warnings()).toEqual([expect.stringMatching(/^clock: 6 of \d locks send times over 10 min ahead/)]);
  expect(rig.intake.ready()).toEqual([]);
});

test('the same bytes again are acknowledged and kept once, so that the reports behind them get through', async () => {
  const lock = await rig.lock(JUNK);
  await send(lock, JUNK, junk(0));
  await send(lock, JUNK, report(7, nowMs, 120.1));
  expect((await kept(JUNK)).filter((raw) => raw === junk(0))).toHaveLength(1);
  expect(await rig.rows(`SELECT 1 FROM ${PLAIN} WHERE lock_id = $1`, [JUNK])).toHaveLength(1);
});

test('there is room again once people have discarded it', async () => {
  await discardJunk(rig.db.pool, JUNK);
  nowMs += 11_000;
  const lock = await rig.lock(OTHER);
  await send(lock, OTHER, junk(99));
  await vi.waitFor(async () => expect(await kept(OTHER)).toEqual([junk(99)]), { timeout: 60_000 });
  await send(await rig.lock(JUNK), JUNK, junk(0));
  expect(await kept(JUNK)).toEqual([junk(0)]);
});

const SENT = fc.oneof(
  fc.record({ is: fc.constant('good' as const) }),
  fc.record({ is: fc.constant('second body' as const), percent: fc.integer({ min: 1, max: 80 }) }),
  fc.record({ is: fc.constant('junk' as const), bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }) }),
);

test('whatever a lock sends, what is acknowledged is stored or in quarantine, byte for byte', async () => {
  let serial = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(SENT, { minLength: 1, maxLength: 12 }), async (all) => {
      const lockId = `JT7994${String(++serial).padStart(4, '0')}`;
      await registerLocks(rig.db, lockId);
      const lock = await rig.lock(lockId);
      const first = report(0, nowMs - 60_000, 120.1);
      const secondBody = (percent: number) => Buffer.from(JSON.stringify({ ...first, battery: { percent } }));
      await send(lock, lockId, first);
      const [stored, quarantined] = [new Set([0]), new Set<string>()];
      for (const [i, one] of all.entries()) {
        if (one.is === 'good') {
          await send(lock, lockId, report(i + 1, nowMs - 50_000 + i, 120.1));
          stored.add(i + 1);
        } else {
          // 0xff is no UTF-8, so these bytes are never JSON.
          const bytes = one.is === 'junk' ? Buffer.from([0xff, ...one.bytes]) : secondBody(one.percent);
          await send(lock, lockId, bytes);
          quarantined.add(bytes.toString('hex'));
        }
      }
      const seqs = await rig.rows<{ seq: number }>(`SELECT seq FROM ${PLAIN} WHERE lock_id = $1`, [lockId]);
      const rows = await rig.rows<{ raw: Buffer }>('SELECT raw FROM quarantine WHERE lock_id = $1', [lockId]);
      expect(new Set(seqs.map(({ seq }) => seq))).toEqual(stored);
      expect(new Set(rows.map(({ raw }) => raw.toString('hex')))).toEqual(quarantined);
      lock.end(true);
    }),
    { numRuns: 15 },
  );
});
