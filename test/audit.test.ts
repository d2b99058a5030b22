import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
      {
        ...{ holds: false, auditId: 2, reason: 'this entry was changed', linked: 3, unlinked: [], anchors: 0 },
        breaks: [{ auditId: 2, reason: 'this entry was changed' }],
      },
    ]);
  });
});

describe('sealwatch audit verify --anchor', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sealwatch-audit-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('finds that end and head were cut off, by the platform’s own file or by log lines kept elsewhere', async () => {
    const own = await freshDatabase();
    const on = async (...flags: string[]) => {
      const run = sealwatch(['audit', 'verify', ...flags], { DATABASE_URL: own.url, SEALWATCH_DATA_DIR: folder });
      return { code: await run.ended, text: run.lines.join('\n') };
    };
    const serve = sealwatch(['serve'], { DATABASE_URL: own.url, SEALWATCH_DATA_DIR: folder });
    try {
      await expect.poll(() => serve.lines.join(), { timeout: 180_000 }).toContain('"listening"');
      for (const actor of ['officer A', 'officer B', 'officer C']) {
        await audit(own.pool, { actor, action: 'trip.hold', subject: 'trip:1', before: {}, after: { reason: 'x' } });
      }
      serve.child.kill('SIGTERM');
      await serve.ended;
      expect(await on()).toEqual({ code: 0, text: expect.stringContaining('compared with') });
      const log = join(folder, 'elsewhere.log');
      await writeFile(log, serve.lines.join('\n'));
      await own.pool.query("DELETE FROM audit WHERE actor = 'officer C'; DELETE FROM audit_head");
      const [byFile, byLog] = [await on(), await on('--anchor', log)];
      expect([byFile.code, byFile.text]).toEqual([1, expect.stringMatching(/anchored at 20\S+, was removed/)]);
      expect([byLog.code, byLog.text]).toEqual([1, expect.stringMatching(/anchored at \S+, was removed/)]);
      await writeFile(log, 'nothing\n');
      expect(await on('--anchor', log)).toEqual({ code: 1, text: expect.stringContaining('holds no anchor') });
    } finally {
      serve.child.kill('SIGKILL');
      await own.drop();
    }
  });
});
