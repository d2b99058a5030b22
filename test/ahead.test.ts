import { afterAll, beforeAll, expect, it } from 'vitest';
import { insertLocks } from '../ingest/src/store/locks/locks.ts';
import { freshDatabase, type TestDatabase } from '../ingest/test/database.ts';
import { PLAIN } from '../ingest/test/store/plain.ts';
import { sealwatch } from './process.ts';

const HOUR_MS = 3_600_000;
let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());

/** As an earlier version left it: received at a time, with a record of a later one. */
async function refuse(lockId: string, at: Date, time: Date): Promise<void> {
  const raw = Buffer.from(JSON.stringify({ v: 1, boot: 1, seq: 1, time: time.toISOString(), kind: 'live' }));
  await database.pool.query(
    `INSERT INTO quarantine (at, lock_id, topic, reason, raw) VALUES ($1, $2, $3, 'time-ahead', $4)`,
    [at, lockId, `locks/${lockId}/report`, raw],
  );
}

it('records refused as ahead of a slow clock are judged at the next start by their own time, of one lock by the receipt', async () => {
  const [slow, alone] = [new Date(Date.now() - 90 * HOUR_MS), new Date(Date.now() - 50 * HOUR_MS)];
  const ahead = (at: Date) => new Date(at.getTime() + 2 * HOUR_MS);
  const ids = Array.from({ length: 6 }, (_, i) => `JT7040000${i}`);
  await insertLocks(
    database.pool,
    ids.map((lockId) => ({ lockId, model: '', secretHash: Buffer.alloc(32) })),
  );
  await database.pool.query("UPDATE locks SET created_at = now() - interval '30 days'");
  for (const lockId of ids.slice(0, 5)) await refuse(lockId, slow, ahead(slow));
  await refuse(ids[5]!, alone, ahead(alone));
  const serve = sealwatch(['serve'], { DATABASE_URL: database.url });
  try {
    await serve.line('records refused by an earlier version as ahead were judged');
    const { rows } = await database.pool.query(`SELECT lock_id, time, clock_fault FROM ${PLAIN} ORDER BY lock_id`);
    expect(rows).toEqual([
      ...ids.slice(0, 5).map((lock_id) => ({ lock_id, time: ahead(slow), clock_fault: null })),
      { lock_id: ids[5], time: alone, clock_fault: expect.any(String) },
    ]);
    expect((await database.pool.query('SELECT 1 FROM quarantine')).rowCount).toBe(0);
  } finally {
    serve.child.kill('SIGTERM');
    await serve.ended;
  }
});
