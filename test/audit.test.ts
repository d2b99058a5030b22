import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { audit } from '../ingest/src/store/people/audit.ts';
import { freshDatabase, type TestDatabase } from '../ingest/test/database.ts';
import { sealwatch } from './process.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
  for (const actor of ['officer A', 'officer B', 'officer C']) {
    await audit(database.pool, { actor, action: 'trip.hold', subject: 'trip:1', before: {}, after: { reason: 'x' } });
  }
});
afterAll(() => database?.drop());

async function verify(...flags: string[]): Promise<{ code: number | null; text: string }> {
  const run = sealwatch(['audit', 'verify', ...flags], { DATABASE_URL: database.url });
  const code = await run.ended;
  return { code, text: run.lines.join('\n') };
}

describe('sealwatch audit verify', () => {
  it('links what is not linked yet, says that the chain holds, and ends with 0', async () => {
    expect(await verify()).toEqual({ code: 0, text: expect.stringContaining('the audit holds: 3 entries') });
  });

  it('names the entry that was changed, for people and as JSON, and ends with 1', async () => {
    await database.pool.query("UPDATE audit SET actor = 'nobody' WHERE actor = 'officer B'");
    expect(await verify()).toEqual({
      code: 1,
      text: expect.stringMatching(/BROKEN at entry 2: this entry was changed/),
    });
    const { code, text } = await verify('--json');
    expect([code, JSON.parse(text)]).toEqual([
      1,
      { holds: false, auditId: 2, reason: 'this entry was changed', linked: 1, unlinked: [] },
    ]);
  });
});
