import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

const DEPLOY = join(import.meta.dirname, '..', 'deploy');
const read = (path: string) => readFileSync(join(DEPLOY, path), 'utf8');
const text = read('compose.pair.yml');

interface Service {
  image?: string;
  command?: string[];
  entrypoint?: string[];
  environment?: Record<string, string>;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  restart?: string;
  networks: string[] | { pair: { ipv4_address: string } };
}
const compose = parse(text, { merge: true }) as { services: Record<string, Service>; volumes: Record<string, unknown> };
const { database, standby, a, b, balancer } = compose.services as Record<string, Service>;
const addressOf = (service?: Service) =>
  Array.isArray(service?.networks) ? undefined : service?.networks.pair.ipv4_address;

describe('deploy/compose.pair.yml', () => {
  it('is two equal platforms with data folders of their own, on one database that both wait for, with its standby', () => {
    const { volumes: ofA, networks: atA, ...restA } = a!;
    const { volumes: ofB, networks: atB, ...restB } = b!;
    expect(restA).toEqual(restB);
    expect(ofA).not.toEqual(ofB);
    expect(atA).not.toEqual(atB);
    expect(a?.environment?.DATABASE_URL).toMatch(/^postgres:\/\/sealwatch:\S+@database:5432\/sealwatch$/);
    const healthy = { condition: 'service_healthy' };
    expect(a?.depends_on).toEqual({ database: healthy, standby: healthy });
    expect(standby?.depends_on).toEqual({ database: healthy });
    expect(database?.depends_on).toBeUndefined();
    for (const one of [a, b, database, standby, balancer]) expect(one?.restart).toBe('unless-stopped');
    expect(standby?.image).toBe(database?.image);
    expect(parse(readFileSync(join(DEPLOY, '..', 'docker-compose.yml'), 'utf8')).services.database.image).toBe(
      database?.image,
    );
  });

  it('asks a platform for its health, not for its readiness, so that one that stands by is not replaced', () => {
    expect(a?.healthcheck?.test.join(' ')).toContain('/healthz');
  });

  it('has every COMMIT wait for the standby by its name, but not those of the first start, when there is none', () => {
    expect(JSON.stringify(database)).not.toContain('synchronous_standby_names');
    const setup = read('database/200-standby.sh');
    const [, name] = /synchronous_standby_names = 'FIRST 1 \((\w+)\)'/.exec(setup) ?? [];
    expect(name).toBeDefined();
    expect(read('database/standby.sh')).toContain(`application_name=${name}`);
    expect(setup).toContain('host replication postgres');
  });

  it('has no default secret: every one must be given, that of the subscriptions to both platforms', () => {
    const secrets = ['POSTGRES_PASSWORD', 'SEALWATCH_DB_PASSWORD', 'SEALWATCH_BOOTSTRAP_KEY', 'SEALWATCH_WEBHOOK_KEY'];
    for (const name of secrets) expect(text).toMatch(new RegExp(`\\$\\{${name}:\\?`));
    for (const one of [a, b]) expect(Object.keys(one?.environment ?? {})).toContain('SEALWATCH_WEBHOOK_KEY');
    expect(JSON.stringify([a, b])).not.toContain('{POSTGRES_PASSWORD');
  });

  it('puts the balancer of deploy/haproxy.cfg before both: the only way in, people on loopback alone', () => {
    const [from = '', to = ''] = /s\/(\S+?)\/(\S+?)\//.exec(balancer?.command?.join(' ') ?? '')?.slice(1) ?? [];
    const config = read('haproxy.cfg').replaceAll(new RegExp(from, 'g'), to);
    for (const one of [a, b]) expect(config).toContain(`${addressOf(one)}:1883`);
    expect(config).not.toContain('10.20.');
    expect(a?.environment?.SEALWATCH_TRUST_PROXY).toBe(addressOf(balancer));
    for (const [name, { ports = [] }] of Object.entries(compose.services))
      if (name !== 'balancer') expect(ports).toEqual([]);
    expect(balancer?.ports?.find((port) => port.endsWith(':80'))).toMatch(/^127\.0\.0\.1:/);
  });

  it('mounts files that are there', () => {
    const mounts = Object.values(compose.services).flatMap(({ volumes = [] }) =>
      volumes.map((one) => one.split(':')[0]!),
    );
    for (const mount of mounts) {
      if (mount.startsWith('.')) expect(existsSync(join(DEPLOY, mount)), mount).toBe(true);
      else expect(Object.keys(compose.volumes)).toContain(mount);
    }
  });
});
