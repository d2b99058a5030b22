import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPlatform, type TestPlatform } from './platform.ts';

let folder: string;
let platform: TestPlatform;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealwatch-anchors-'));
  platform = await startPlatform({ auditAnchors: join(folder, 'audit.anchors') });
});
afterAll(async () => {
  await platform?.stop();
  await rm(folder, { recursive: true, force: true });
});

test('GET /audit/check compares the chain with the file beside the database, whoever emptied the tables', async () => {
  const file = join(folder, 'audit.anchors');
  await platform.call('POST', 'locks', { body: { lockId: 'JTANCHOR01' } });
  await expect.poll(() => existsSync(file), { timeout: 180_000 }).toBe(true);
  expect((await stat(file)).mode & 0o777).toBe(0o600);
  const anchor = JSON.parse((await readFile(file, 'utf8')).split('\n')[0]!);
  expect(anchor).toEqual({ at: expect.any(String), linkNo: 1, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect((await platform.call('GET', 'audit/check')).body).toMatchObject({ holds: true, linked: 1 });
  await platform.pool.query('TRUNCATE audit, audit_head');
  expect((await platform.call('GET', 'audit/check')).body).toMatchObject({
    holds: false,
    breaks: [{ auditId: 0, reason: `link 1, anchored at ${anchor.at}, was removed` }],
  });
});
