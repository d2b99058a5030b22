import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createPool, openDatabase, urlOf } from '../../src/postgres/database.ts';
import { explainFileError } from '../../src/postgres/database-error.ts';
import { checkDatabase } from '../../src/postgres/doctor.ts';
import { findBinaries } from '../../src/postgres/embedded/binaries.ts';
import { placeCluster } from '../../src/postgres/embedded/cluster.ts';
import { type EmbeddedServer, type StoreLog, startEmbedded } from '../../src/postgres/embedded/embedded.ts';
import { findRunning, startPostmaster } from '../../src/postgres/embedded/postmaster.ts';
import { migrate } from '../../src/postgres/migrate.ts';

const silent: StoreLog = { info: () => undefined, warn: () => undefined, error: () => undefined };

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('the embedded Postgres', () => {
  // mode 0700, as mktemp makes it: as root this also shows that an account which cannot enter it is served
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-embedded-'));
  const dataDir = join(folder, 'data');
  const stateFolder = mkdtempSync(join(tmpdir(), 'sealwatch-state-'));
  const options = { dataDir, stateFolder, log: silent };
  let server: EmbeddedServer;

  async function ask<T extends object>(sql: string, to: EmbeddedServer = server): Promise<T[]> {
    const client = new pg.Client({ connectionString: urlOf(to, to.user, to.database) });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<T>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  beforeAll(async () => {
    // for an unprivileged account to pass to it
    chmodSync(stateFolder, 0o755);
    server = await startEmbedded(options);
  });
  afterAll(async () => {
    await server.stop();
    for (const path of [folder, stateFolder]) rmSync(path, { recursive: true, force: true });
  });

  it('keeps a random password of at least 128 bits where only its owner can read it', () => {
    const file = join(dataDir, 'postgres.password');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(Buffer.from(readFileSync(file, 'utf8').trim(), 'base64url').length * 8).toBeGreaterThanOrEqual(128);
    expect(server.password).toBe(readFileSync(file, 'utf8').trim());
  });

  it('says where the database is, also where root cannot keep it in the data folder', async () => {
    const database = await openDatabase({ ...options, beside: true });
    try {
      const [place] = await checkDatabase(database.pool, database.description);
      const elsewhere = server.movedFrom !== undefined;
      expect(place).toMatchObject({ part: 'database.place', state: 'ok', text: expect.stringContaining(server.home) });
      expect([elsewhere, place?.text.includes(`not in ${dataDir}`)]).toEqual([process.getuid?.() === 0, elsewhere]);
    } finally {
      await database.stop();
    }
  });

  it('asks for the password by scram and refuses another', async () => {
    const method = await ask<{ set: boolean }>(
      `SELECT current_setting('password_encryption') = 'scram-sha-256' AS set`,
    );
    expect(method).toEqual([{ set: true }]);
    expect(readFileSync(join(server.home, 'cluster', 'pg_hba.conf'), 'utf8')).not.toMatch(
      /^[^#]*\b(trust|md5|password)\b/m,
    );
    for (const password of ['password', 'postgres', '']) {
      const client = new pg.Client({
        host: server.host,
        port: server.port,
        user: server.user,
        database: server.database,
        password,
      });
      await expect(client.connect()).rejects.toThrow(/password/);
    }
  });

  it('writes durably, in UTF-8, sorted by code points', async () => {
    const rows = await ask(
      `SELECT current_setting('fsync') AS fsync, current_setting('full_page_writes') AS pages,
              current_setting('synchronous_commit') AS commit, current_setting('server_encoding') AS encoding`,
    );
    expect(rows).toEqual([{ fsync: 'on', pages: 'on', commit: 'on', encoding: 'UTF8' }]);
    expect(await ask(`SELECT x FROM (VALUES ('b'), ('B'), ('浙G12345')) AS t(x) ORDER BY x`)).toEqual([
      { x: 'B' },
      { x: 'b' },
      { x: '浙G12345' },
    ]);
  });

  it('cannot be reached from another machine', async () => {
    const outside = Object.values(networkInterfaces())
      .flat()
      .filter((one) => one && !one.internal && one.family === 'IPv4')
      .map((one) => one?.address ?? '');
    for (const host of outside) {
      const answer = await new Promise((resolve) => {
        const socket = connect({ host, port: server.port, timeout: 2_000 });
        socket.once('connect', () => resolve('connected'));
        socket.once('timeout', () => resolve('nothing'));
        socket.once('error', () => resolve('nothing'));
      });
      expect(answer).toBe('nothing');
    }
    expect(await ask(`SELECT current_setting('listen_addresses') AS at`)).toEqual([{ at: '127.0.0.1' }]);
  });

  it('gives the platform a role that can neither make databases nor run programs', async () => {
    const rows = await ask(`SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user`);
    expect(rows).toEqual([{ rolsuper: false, rolcreatedb: false, rolcreaterole: false }]);
    await expect(ask(`COPY (SELECT 1) TO PROGRAM 'true'`)).rejects.toThrow(/permission denied/);
  });

  it('takes the whole schema under that role', async () => {
    const pool = createPool({ connectionString: urlOf(server, server.user, server.database) }, silent);
    expect(await migrate(pool)).toContain('0001_platform');
    expect(await migrate(pool)).toEqual([]);
    await pool.query(`INSERT INTO migrations (name, run_on) VALUES ('9999_future', now())`);
    await expect(migrate(pool)).rejects.toMatchObject({ code: 'newer-schema' });
    await pool.query(`DELETE FROM migrations WHERE name = '9999_future'`);
    await pool.end();
  });

  it('refuses a second platform on the data folder, by name, and lives on', async () => {
    await expect(startEmbedded(options)).rejects.toMatchObject({
      code: 'in-use',
      message: expect.stringContaining(`process ${process.pid}`),
      hint: expect.stringContaining('SEALWATCH_DATA_DIR'),
    });
    expect(await ask('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('lets a tool join the running server, and leaves it running when the tool is done', async () => {
    const tool = await openDatabase({ ...options, beside: true });
    expect((await tool.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await tool.stop();
    expect(await ask('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  });

  it('is started again on the same port when it is killed, with all that was committed', async () => {
    await ask('CREATE TABLE kept AS SELECT 42 AS answer');
    const { pid, port } = server;
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(async () => expect(await ask('SELECT answer FROM kept')).toEqual([{ answer: 42 }]), 180_000);
    expect(server.pid).not.toBe(pid);
    expect(server.port).toBe(port);
    // the new server knows again that a platform lives on it
    await vi.waitFor(() => expect(startEmbedded(options)).rejects.toMatchObject({ code: 'in-use' }), 180_000);
  });

  it('leaves no process and no pid file when it is stopped, and starts again with its data', async () => {
    const { pid } = server;
    await server.stop();
    await vi.waitFor(() => expect(alive(pid), `process ${pid}`).toBe(false), 180_000);
    expect(existsSync(join(server.home, 'cluster', 'postmaster.pid'))).toBe(false);
    server = await startEmbedded(options);
    expect(await ask('SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('stops a server that a killed platform left behind, instead of running two', async () => {
    await server.stop();
    const place = await placeCluster(dataDir, stateFolder);
    const leftover = await startPostmaster(place, await findBinaries(place.account, stateFolder), {});
    server = await startEmbedded(options);
    expect(server.pid).not.toBe(leftover.pid);
    await vi.waitFor(() => expect(alive(leftover.pid)).toBe(false));
    expect(await findRunning(place.cluster)).toMatchObject({ pid: server.pid, port: server.port });
    expect(await ask('SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('is not deceived by a pid file whose process is something else now', async () => {
    await server.stop();
    const file = join(server.home, 'cluster', 'postmaster.pid');
    writeFileSync(
      file,
      `${process.pid}\n${realpathSync(server.home)}/cluster\n1700000000\n5432\n\n127.0.0.1\n 1 1\nready\n`,
    );
    server = await startEmbedded(options);
    expect(await ask('SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  });

  it('says so when the password file is not the one of this database', async () => {
    await server.stop();
    const file = join(dataDir, 'postgres.password');
    const right = readFileSync(file);
    writeFileSync(file, 'another\n');
    const refused = startEmbedded(options);
    await expect(refused).rejects.toMatchObject({
      code: 'password-refused',
      hint: expect.stringContaining('original'),
    });
    expect(await findRunning(join(server.home, 'cluster'))).toBeUndefined();
    writeFileSync(file, right);
    server = await startEmbedded(options);
  });

  it('refuses a cluster of another major version, changes nothing and says what to do', async () => {
    await server.stop();
    const file = join(server.home, 'cluster', 'PG_VERSION');
    const right = readFileSync(file, 'utf8');
    writeFileSync(file, '15\n');
    await expect(startEmbedded(options)).rejects.toMatchObject({
      code: 'wrong-major',
      message: expect.stringMatching(/made by PostgreSQL 15; this Sealwatch brings PostgreSQL \d+/),
      hint: expect.stringContaining('sealwatch restore'),
    });
    expect(readFileSync(file, 'utf8')).toBe('15\n');
    writeFileSync(file, right);
    server = await startEmbedded(options);
  });
});

describe('a data folder that cannot be used', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sealwatch-bad-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is named when a file stands in its place', async () => {
    const dataDir = join(folder, 'file');
    writeFileSync(dataDir, '');
    await expect(openDatabase({ dataDir, log: silent })).rejects.toMatchObject({
      name: 'DatabaseStartError',
      code: 'not-a-cluster',
      message: expect.stringContaining(dataDir),
      hint: expect.stringContaining('SEALWATCH_DATA_DIR'),
    });
  });

  it('is refused when what stands in it is not a database', async () => {
    const dataDir = join(folder, 'odd');
    const stateFolder = join(folder, 'state');
    const { home } = await placeCluster(dataDir, stateFolder);
    mkdirSync(join(home, 'cluster'));
    await expect(startEmbedded({ dataDir, stateFolder, log: silent })).rejects.toMatchObject({ code: 'not-a-cluster' });
  });

  it('is not followed to a place outside the platform’s own', async () => {
    const dataDir = join(folder, 'pointed');
    mkdirSync(dataDir);
    writeFileSync(join(dataDir, 'postgres.location'), '/etc\n');
    await expect(placeCluster(dataDir, join(folder, 'state'))).rejects.toThrow(/points to \/etc/);
  });

  it.each([
    ['EACCES', 'no-permission'],
    ['EPERM', 'no-permission'],
    ['EROFS', 'no-permission'],
    ['ENOSPC', 'disk'],
    ['ENOTDIR', 'not-a-cluster'],
    ['EIO', 'disk'],
  ])('is explained: %s is %s', (code, fault) => {
    const explained = explainFileError(Object.assign(new Error(`${code}: x`), { code }), 'use', '/srv/data');
    expect(explained).toMatchObject({ code: fault, message: expect.stringContaining('/srv/data') });
    expect(explained.hint).toMatch(/DATABASE_URL/);
  });
});

describe('a server of one’s own', () => {
  it('is named without its password when it cannot be reached', async () => {
    const databaseUrl = 'postgres://someone:hunter2@127.0.0.1:1/none';
    const error = await openDatabase({ dataDir: '/nowhere', databaseUrl, log: silent }).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'unreachable', message: expect.stringContaining('127.0.0.1:1/none') });
    expect(JSON.stringify([error, String(error)])).not.toContain('hunter2');
  });
});
