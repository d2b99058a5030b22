import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase } from '../ingest/test/database.ts';
import { sealwatch } from './process.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());

/** Between the platform and its database; frozen it takes everything and passes on nothing, as a server that hangs. */
let proxy: { url: string; freeze(): void; close(): void };
beforeEach(async () => {
  const target = new URL(database.url);
  const sockets = new Set<Socket>();
  let frozen = false;
  const server: Server = createServer((client) => {
    sockets.add(client.on('error', () => undefined));
    if (frozen) return;
    const upstream = connect(Number(target.port), target.hostname).on('error', () => undefined);
    sockets.add(upstream);
    client.on('data', (data) => frozen || upstream.write(data));
    upstream.on('data', (data) => frozen || client.write(data));
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => frozen || client.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(database.url);
  through.host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  proxy = {
    url: through.toString(),
    freeze: () => {
      frozen = true;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
});
afterEach(() => proxy.close());

const CUT = 'stopped without waiting any longer';

it('SIGTERM ends a platform whose database has stopped to answer', async () => {
  const serve = sealwatch(['serve'], { DATABASE_URL: proxy.url });
  await serve.line('listening');
  proxy.freeze();
  serve.child.kill('SIGTERM');
  expect(await serve.ended).toBe(0);
  expect(serve.lines.join('\n')).toContain(CUT);
});

it('SIGTERM ends a platform that waits for its database at the start', async () => {
  proxy.freeze();
  const serve = sealwatch(['serve'], { DATABASE_URL: proxy.url });
  await expect.poll(() => serve.lines.join('\n'), { timeout: 180_000 }).toContain('connecting to');
  serve.child.kill('SIGTERM');
  expect([0, 1]).toContain(await serve.ended);
});

it('SIGTERM ends a platform whose database answers as soon as everything is stopped', async () => {
  const serve = sealwatch(['serve'], { DATABASE_URL: proxy.url });
  await serve.line('listening');
  serve.child.kill('SIGTERM');
  expect(await serve.ended).toBe(0);
  expect(serve.lines.join('\n')).not.toContain(CUT);
});
