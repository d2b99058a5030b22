import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { checkBridge } from '../src/bridge-doctor.ts';
import { bridgedOf } from '../src/bridged.ts';
import { ConfigError, readConfig } from '../src/config.ts';
import { checkSealingKey } from '../src/operate.ts';
import { registerLock } from '../src/operate-locks.ts';
import { hashSecret } from '../src/people/secret.ts';
import { sealingKeyOf } from '../src/sealing-key.ts';
import { fingerprintOf } from '../src/secret-box.ts';
import { freshDatabase, type TestDatabase } from './database.ts';

const KEY = randomBytes(32);
const text = KEY.toString('base64');
let db: TestDatabase;
let dataDir: string;
beforeAll(async () => {
  db = await freshDatabase();
});
afterAll(() => db.drop());
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'sealwatch-key-'));
  return () => rmSync(dataDir, { recursive: true });
});

const configOf = (key?: string) => readConfig({ SEALWATCH_DATA_DIR: dataDir, SEALWATCH_WEBHOOK_KEY: key });

test('the key of the environment is used, and no file is made', () => {
  expect(sealingKeyOf(configOf(text))).toEqual(KEY);
  expect(existsSync(join(dataDir, 'webhooks.key'))).toBe(false);
});

test('without it the key is that of the data folder, and given as its content it is the same', () => {
  const made = sealingKeyOf(configOf());
  expect(sealingKeyOf(configOf())).toEqual(made);
  const content = readFileSync(join(dataDir, 'webhooks.key'), 'utf8').trim();
  expect(sealingKeyOf(configOf(content))).toEqual(made);
});

test('another one than that of the data folder is refused with what to do: it could not read what that one has sealed', () => {
  sealingKeyOf(configOf());
  expect(() => sealingKeyOf(configOf(text))).toThrow(ConfigError);
  expect(() => sealingKeyOf(configOf(text))).toThrow(/Set SEALWATCH_WEBHOOK_KEY to the content of that file/);
});

test.each(['short', 'a'.repeat(64), `${randomBytes(31).toString('base64')}`])(
  '%s is refused, and not repeated',
  (wrong) => {
    let message = '';
    try {
      configOf(wrong);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('SEALWATCH_WEBHOOK_KEY: expected 32 bytes in base64');
    expect(message).not.toContain(wrong);
  },
);

test('the doctor compares its fingerprint with that of the active platform, and shows no key', async () => {
  expect(await checkSealingKey(db.pool, configOf())).toMatchObject({ state: 'ok' });
  const insert = (key: Buffer) =>
    db.pool.query(
      `INSERT INTO members (name, version, connections, webhook_key, active) VALUES ('port-a 7', '1', 'a', $1, true)`,
      [fingerprintOf(key)],
    );
  await insert(KEY);
  const good = await checkSealingKey(db.pool, configOf(text));
  expect(good).toMatchObject({ state: 'ok', text: expect.stringContaining(fingerprintOf(KEY)) });
  await db.pool.query('DELETE FROM members');
  await insert(randomBytes(32));
  const bad = await checkSealingKey(db.pool, configOf(text));
  expect(bad).toMatchObject({ state: 'problem', text: expect.stringContaining('port-a 7'), hint: expect.any(String) });
  expect(JSON.stringify([good, bad])).not.toContain(text);
});

test('locks that a bridge speaks for are registered at the command line by the key of the environment, and no file is made', async () => {
  const config = { ...configOf(text), databaseUrl: db.url };
  await registerLock(config, '014412345678', { model: 'jt', profile: 'jt808' });
  const { rows } = await db.pool.query<{ secret_hash: Buffer }>('SELECT secret_hash FROM locks');
  const findings = await checkBridge(db.pool, { ...config, bridgePort: 1 });
  expect(existsSync(join(dataDir, 'webhooks.key'))).toBe(false);
  expect(rows).toEqual([{ secret_hash: hashSecret(bridgedOf(KEY).secretOf('014412345678', 0)) }]);
  expect(findings).toMatchObject({ state: 'ok' });
});
