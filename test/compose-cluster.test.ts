import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readAmqpUrls } from '../ingest/src/bus/amqp-url.ts';

const DEPLOY = join(import.meta.dirname, '..', 'deploy');
const read = (path: string) => readFileSync(join(DEPLOY, path), 'utf8');
const text = read('compose.cluster.yml');

interface Service {
  image?: string;
  command?: string[];
  environment?: Record<string, string>;
  hostname?: string;
  ports?: string[];
  volumes?: string[];
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  restart?: string;
  networks: string[] | { cluster: { ipv4_address: string } };
}
const { services } = parse(text, { merge: true }) as { services: Record<string, Service> };
const of = (...names: string[]) => names.map((name) => services[name]!);
const MEMBERS = ['gateway1', 'gateway2', 'worker1', 'worker2', 'api1', 'api2'];
const BUS = ['bus1', 'bus2', 'bus3'];
const SECRETS = [...text.matchAll(/\$\{(\w+):\?/g)].map(([, name]) => name!);
/** What compose makes of a text where each variable is set to its own name. */
const interpolated = (value: string) => value.replaceAll(/\$\{(\w+)[^}]*\}/g, '$1');

describe('deploy/compose.cluster.yml', () => {
  it('is three nodes of the bus, two members of each role, one database and one balancer, all started again', () => {
    expect(Object.keys(services).toSorted()).toEqual(['balancer', 'database', ...BUS, ...MEMBERS].toSorted());
    for (const name of MEMBERS) expect(services[name]?.command).toEqual([name.slice(0, -1)]);
    for (const { restart } of Object.values(services)) expect(restart).toBe('unless-stopped');
    const pair = parse(read('compose.pair.yml'), { merge: true }).services;
    expect(services.database?.image).toBe(pair.database.image);
    expect(services.balancer?.image).toBe(pair.balancer.image);
  });

  it('gives the members of a role the same settings, and all of them one database and one key of subscriptions', () => {
    for (const role of ['gateway', 'worker', 'api']) {
      const [one, two] = of(`${role}1`, `${role}2`);
      expect(one?.environment).toEqual(two?.environment);
    }
    for (const key of ['DATABASE_URL', 'SEALWATCH_WEBHOOK_KEY', 'SEALWATCH_TRUST_PROXY'])
      expect(new Set(of(...MEMBERS).map(({ environment }) => environment?.[key])).size).toBe(1);
  });

  it('has each role sign in to every node of the bus as the user that its rights are for', () => {
    const conf = read('rabbitmq/rabbitmq.conf');
    const nodes = [...conf.matchAll(/classic_config\.nodes\.\d = rabbit@(\S+)/g)].map(([, host]) => host);
    expect(nodes).toEqual(of(...BUS).map(({ hostname }) => hostname));
    const script = read('rabbitmq/definitions.sh');
    for (const name of MEMBERS) {
      const role = name.slice(0, -1);
      const password = `${role.toUpperCase()}_BUS_PASSWORD`;
      expect(script).toContain(`user ${role} "$${password}"`);
      const settings = readAmqpUrls(interpolated(services[name]?.environment?.AMQP_URL ?? ''));
      const hosts = nodes.map((host) => `${host}:5672`);
      expect(settings).toEqual({ hosts, tls: false, username: role, password, vhost: 'sealwatch' });
    }
  });

  it('gives a node up that is cut off or frozen as where its faults were tried', () => {
    for (const line of ['cluster_partition_handling = pause_minority', 'net_ticktime = 8']) {
      for (const file of ['rabbitmq/rabbitmq.conf', '../scripts/rabbitmq.mjs']) expect(read(file)).toContain(line);
    }
  });

  it('has no default secret, and gives none to who does not need it', () => {
    const needed = 'POSTGRES_PASSWORD SEALWATCH_DB_PASSWORD SEALWATCH_BOOTSTRAP_KEY SEALWATCH_WEBHOOK_KEY BUS_COOKIE';
    const roles = 'GATEWAY_BUS_PASSWORD WORKER_BUS_PASSWORD API_BUS_PASSWORD';
    expect([...new Set(SECRETS)].toSorted()).toEqual(`${needed} ${roles}`.split(' ').toSorted());
    expect(text).not.toMatch(/\$\{\w*(PASSWORD|KEY|COOKIE):-/);
    expect(JSON.stringify(of(...MEMBERS))).not.toMatch(/\{POSTGRES_PASSWORD|BUS_COOKIE/);
    for (const name of MEMBERS) {
      const others = ['GATEWAY', 'WORKER', 'API'].filter((role) => role !== name.slice(0, -1).toUpperCase());
      for (const role of others) expect(JSON.stringify(services[name])).not.toContain(`${role}_BUS_PASSWORD`);
    }
  });

  it('has locks and people come in by the balancer alone, people from this machine', () => {
    for (const [name, { ports = [] }] of Object.entries(services)) if (name !== 'balancer') expect(ports).toEqual([]);
    expect(services.balancer?.ports?.find((port) => port.endsWith(':80'))).toMatch(/^127\.0\.0\.1:/);
    const [from = '', to = ''] =
      /s\/(\S+?)\/(\S+?)\//.exec(services.balancer?.command?.join(' ') ?? '')?.slice(1) ?? [];
    const config = read('haproxy.cluster.cfg').replaceAll(new RegExp(from, 'g'), to);
    const addressOf = ({ networks }: Service) => (Array.isArray(networks) ? undefined : networks.cluster.ipv4_address);
    for (const gateway of of('gateway1', 'gateway2')) expect(config).toContain(`${addressOf(gateway)}:1883`);
    for (const api of of('api1', 'api2')) expect(config).toContain(`${addressOf(api)}:8080`);
    expect(config).not.toContain('10.20.');
    expect(services.api1?.environment?.SEALWATCH_TRUST_PROXY).toBe(addressOf(services.balancer!));
  });

  it('mounts files that are there, but for the passwords of the bus, which are never committed', () => {
    const mounts = Object.values(services).flatMap(({ volumes = [] }) => volumes.map((one) => one.split(':')[0]!));
    const missing = [...new Set(mounts)].filter((mount) => mount.startsWith('.') && !existsSync(join(DEPLOY, mount)));
    expect(missing.filter((mount) => mount !== './rabbitmq/definitions.json')).toEqual([]);
    expect(readFileSync(join(DEPLOY, '../.gitignore'), 'utf8')).toContain('deploy/rabbitmq/definitions.json');
  });

  it('asks a member for its health, not for its readiness, so that one that waits for the bus is not replaced', () => {
    for (const { healthcheck } of of(...MEMBERS)) expect(healthcheck?.test.join(' ')).toContain('/healthz');
  });
});
