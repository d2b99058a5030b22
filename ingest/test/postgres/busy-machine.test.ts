import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openDatabase, type StoreLog } from '../../src/postgres/database.ts';
import { reaches } from '../../src/postgres/embedded/account.ts';
import { versionOf } from '../../src/postgres/embedded/binaries.ts';
import { placeCluster } from '../../src/postgres/embedded/cluster.ts';
import { startEmbedded } from '../../src/postgres/embedded/embedded.ts';

const silent: StoreLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
const folder = mkdtempSync(join(tmpdir(), 'sealwatch-busy-'));
beforeAll(() => chmodSync(folder, 0o711));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A program in shell that stands in for a database program. */
function program(name: string, script: string, mode = 0o755): string {
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode });
  return path;
}

describe('a database program asked for its version', () => {
  it('may take its time', async () => {
    const go = join(folder, 'go');
    const asked = versionOf(
      program('slow', `while [ ! -e ${go} ]; do :; done; echo 'postgres (PostgreSQL) 18.4'`),
      undefined,
    );
    writeFileSync(go, '');
    expect(await asked).toEqual({ version: '18.4', major: 18 });
  });

  it('is asked again if it could not be started because it is still being written', async () => {
    const path = program('written', `echo 'postgres (PostgreSQL) 18.4'`);
    const writer = openSync(path, 'r+');
    const asked = versionOf(path, undefined);
    closeSync(writer);
    expect(await asked).toEqual({ version: '18.4', major: 18 });
  });

  it('is asked again if it found no memory', async () => {
    const script = `[ -e $0.again ] || { : > $0.again; echo 'libc.so.6: failed to map segment: Cannot allocate memory' >&2; exit 127; }
      echo 'postgres (PostgreSQL) 18.4'`;
    expect(await versionOf(program('hungry', script), undefined)).toEqual({ version: '18.4', major: 18 });
  });

  it('is not called missing if the system ended it', async () => {
    await expect(versionOf(program('ended', 'kill -KILL $$'), undefined)).rejects.toMatchObject({
      code: 'start-failed',
      message: expect.stringContaining('SIGKILL'),
      hint: expect.stringContaining('memory'),
    });
  });

  it.each([
    ['is not there', () => join(folder, 'none')],
    ['lacks a library', () => program('lacking', `echo 'libicu.so.60: cannot open shared object file' >&2; exit 127`)],
    ['is made for another processor', () => program('foreign', 'kill -ILL $$')],
    ['is another program', () => program('other', 'echo hello')],
  ])('is called missing if it %s', async (_, path) => {
    await expect(versionOf(path(), undefined)).rejects.toMatchObject({ code: 'no-binaries' });
  });

  it('is named if it may not be run', async () => {
    const path = program('closed', 'echo 18.4', 0o644);
    await expect(versionOf(path, undefined)).rejects.toMatchObject({
      code: 'no-permission',
      message: expect.stringContaining(path),
    });
  });
});

describe('the folder of a database', () => {
  it('is not called out of reach if nobody could be asked', async () => {
    // no process can have this user id
    const nobody = { name: 'none', uid: 2 ** 32 - 1, gid: 1 };
    await expect(reaches(nobody, '-x', '/')).rejects.toMatchObject({ name: 'DatabaseStartError' });
    expect(await reaches(undefined, '-x', '/')).toBe(true);
    expect(await reaches(undefined, '-x', join(folder, 'none'))).toBe(false);
  });

  it.runIf(process.getuid?.() === 0)(
    'is not exchanged for an empty one if its account cannot enter it any more',
    async () => {
      const [dataDir, stateFolder] = [join(folder, 'closed-data'), join(folder, 'state')];
      const place = await placeCluster(dataDir, stateFolder);
      expect(place.movedTo).toBeUndefined();
      mkdirSync(place.cluster);
      chmodSync(dataDir, 0o700);
      await expect(placeCluster(dataDir, stateFolder)).rejects.toMatchObject({
        code: 'no-permission',
        hint: expect.stringContaining(`chmod a+x ${dataDir}`),
      });
      expect(existsSync(join(dataDir, 'postgres.location'))).toBe(false);
    },
  );
});

it('a tool beside a platform that is still starting waits for its database', async () => {
  const options = { dataDir: join(folder, 'starting'), stateFolder: join(folder, 'state'), log: silent };
  const starting = startEmbedded({ ...options, settings: { fsync: 'off' } });
  await vi.waitFor(() => expect(existsSync(join(options.dataDir, 'platform.pid'))).toBe(true), 180_000);
  const tool = await openDatabase({ ...options, beside: true });
  const platform = await starting;
  try {
    expect((await tool.pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await tool.stop();
    expect(tool.url).toContain(`:${platform.port}/`);
  } finally {
    await platform.stop();
  }
});
