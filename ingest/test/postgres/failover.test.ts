import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPool, urlOf } from '../../src/postgres/database.ts';
import { type EmbeddedServer, startEmbedded } from '../../src/postgres/embedded/embedded.ts';
import { type Fenced, Membership } from '../../src/postgres/membership.ts';
import { migrate } from '../../src/postgres/migrate.ts';
import { startProxy, type Wire } from '../proof/proxy.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
// A server of its own, because it is promoted here.
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-failover-'));
let server: EmbeddedServer;
let target: URL;
let wire: Wire;

const start = (settings: Record<string, string> = {}) =>
  startEmbedded({ dataDir: folder, log: silent, settings: { fsync: 'off', wal_level: 'replica', ...settings } });

beforeAll(async () => {
  chmodSync(folder, 0o711);
  server = await start();
  target = new URL(urlOf(server, server.user, server.database));
  const pool = createPool({ connectionString: target.toString() }, silent);
  await migrate(pool);
  await pool.end();
  wire = await startProxy(target);
});
afterAll(async () => {
  wire.close();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a platform ends once its database goes on in another timeline: its memory may be ahead of what is stored', async () => {
  const through = new URL(target);
  through.port = String(wire.port);
  const self = { name: 'a', version: '1', connections: 'sealwatch process a', webhookKey: 'k' };
  const membership = await Membership.join({ url: through.toString(), log: silent, self, alone: false });
  const fenced = new Promise<Fenced>((resolve) => membership.onFenced(resolve));
  expect(membership.isActive).toBe(true);
  await server.stop();
  // What a standby does when it is promoted: recovery from an archive that has nothing more ends in a new timeline.
  writeFileSync(join(folder, 'postgres/cluster/recovery.signal'), '');
  server = await start({ restore_command: 'false' });
  target.port = new URL(urlOf(server, server.user, server.database)).port;
  expect(await fenced).toBe('the database has another timeline');
  await membership.leave();
});
