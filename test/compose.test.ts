import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const ROOT = join(import.meta.dirname, '..');
const text = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  environment: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  depends_on?: Record<string, { condition: string }>;
}
const compose = parse(text) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const { database, sealwatch } = compose.services;

describe('docker-compose.yml', () => {
  it('is a TimescaleDB server of a named version and the platform, nothing else', () => {
    expect(Object.keys(compose.services)).toEqual(['database', 'sealwatch']);
    expect(database?.image).toMatch(/^timescale\/timescaledb:\d+\.\d+\.\d+-pg1[5-8]$/);
  });

  it('has no default secret: every one must be given', () => {
    const secrets = ['POSTGRES_PASSWORD', 'SEALWATCH_BOOTSTRAP_KEY'];
    for (const name of secrets) expect(text).toMatch(new RegExp(`\\$\\{${name}:\\?`));
    expect(text).not.toMatch(/PASSWORD: +[^$\s]/);
  });

  it('points the platform at the database that it waits for', () => {
    expect(sealwatch?.environment.DATABASE_URL).toContain('@database:5432/sealwatch');
    expect(sealwatch?.depends_on?.database?.condition).toBe('service_healthy');
  });

  it('publishes its ports on loopback only', () => {
    for (const port of sealwatch?.ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
    expect(database?.ports).toBeUndefined();
  });

  it('keeps the data, and the key of the webhooks, in declared volumes', () => {
    const mounts = [database, sealwatch].flatMap((service) => service?.volumes ?? []);
    expect(mounts.map((mount) => mount.split(':')[0])).toEqual(Object.keys(compose.volumes));
    const dataDir = /SEALWATCH_DATA_DIR=(\S+)/.exec(readFileSync(join(ROOT, 'deploy/Dockerfile'), 'utf8'))?.[1];
    expect(dataDir?.startsWith(sealwatch?.volumes?.[0]?.split(':')[1] ?? 'nowhere')).toBe(true);
  });

  it('builds from a Dockerfile that exists and starts what exists', () => {
    const dockerfile = join(ROOT, sealwatch?.build?.dockerfile ?? '');
    expect(existsSync(dockerfile)).toBe(true);
    const entry = /ENTRYPOINT \["node", (?:"--[^"]+", )*"([^"]+)"\]/.exec(readFileSync(dockerfile, 'utf8'))?.[1] ?? '';
    expect(existsSync(join(ROOT, entry))).toBe(true);
  });

  it('sets only variables that the platform reads', async () => {
    const { readConfig } = await import('../ingest/src/config.ts');
    const given = Object.entries(sealwatch?.environment ?? {}).map(([name, value]) => [
      name,
      value.replace(/\$\{[^}]+\}/, 'x'.repeat(64)),
    ]);
    expect(() => readConfig(Object.fromEntries(given))).not.toThrow();
    for (const [name] of given) expect(readFileSync(join(ROOT, 'ingest/src/config.ts'), 'utf8')).toContain(`${name}:`);
  });
});
