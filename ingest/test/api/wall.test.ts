import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startPlatform, type TestPlatform } from './platform.ts';

let platform: TestPlatform;
const wallDir = mkdtempSync(join(tmpdir(), 'sealwatch-wall-'));
beforeAll(async () => {
  mkdirSync(join(wallDir, 'assets'));
  writeFileSync(join(wallDir, 'index.html'), '<!doctype html><title>wall</title>');
  writeFileSync(join(wallDir, 'assets', 'wall-1a2b.js'), 'export {}');
  platform = await startPlatform({ wallDir });
});
afterAll(async () => {
  await platform?.stop();
  rmSync(wallDir, { recursive: true });
});

const get = (url: string) => platform.call('GET', url, { key: null });

test('the page comes at its addresses, never kept, and may load nothing from elsewhere', async () => {
  for (const url of ['/wall', '/trips/0b0e8a4c', '/alarms', '/sign-in']) {
    const page = await get(url);
    expect([url, page.status, page.text.includes('<title>wall')]).toEqual([url, 200, true]);
    expect(page.headers['cache-control']).toBe('no-cache');
  }
  const policy = String((await get('/wall')).headers['content-security-policy']);
  expect(policy).toContain("default-src 'self'");
  expect(policy).toContain("worker-src 'self' blob:");
  expect(policy).not.toMatch(/unsafe|https?:/);
  expect((await get('/')).headers.location).toBe('/wall');
});

test('hashed files are kept for ever; what is not there is a problem, not the page', async () => {
  expect((await get('/assets/wall-1a2b.js')).headers['cache-control']).toContain('immutable');
  expect((await get('/assets/gone.js')).body.code).toBe('not-found');
  expect((await get('/api/v1/gone')).body.code).toBe('not-found');
  expect((await get('/../package.json')).status).toBe(404);
});
