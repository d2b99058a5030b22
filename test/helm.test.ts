import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';

const CHART = join(import.meta.dirname, '..', 'deploy/helm/sealwatch');
const read = (path: string) => readFileSync(join(CHART, path), 'utf8');
const templates = readdirSync(join(CHART, 'templates')).map((name) => read(`templates/${name}`));
const values = parse(read('values.yaml')) as Record<string, unknown>;
const ROLES = ['gateway', 'worker', 'api'];

const helm =
  process.env.SEALWATCH_HELM ??
  (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'helm'))
    .find((file) => existsSync(file));
if (helm === undefined) console.warn('what the Helm chart renders: skipped, there is no helm on the PATH');

describe('deploy/helm/sealwatch', () => {
  it('has every value that its templates ask for', () => {
    const asked = templates.flatMap((text) => [...text.matchAll(/\.Values\.([\w.]+)/g)].map(([, path = '']) => path));
    expect(asked.length).toBeGreaterThan(20);
    for (const path of asked) {
      const found = path.split('.').reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], values);
      expect(found, path).toBeDefined();
    }
  });

  it('ends each block of its templates', () => {
    for (const text of templates) {
      const words = [...text.matchAll(/\{\{-?\s*(if|range|with|define|end)\b/g)].map(([, word]) => word);
      expect(words.filter((word) => word === 'end').length).toBe(words.length / 2);
    }
  });

  it('holds no secret: they come from one that must be named', () => {
    expect(values.secretName).toBe('');
    expect(JSON.parse(read('values.schema.json')).properties.secretName.minLength).toBe(1);
    expect(templates.join('\n')).not.toContain('kind: Secret\n');
    expect(read('values.yaml')).not.toMatch(/password: *\S/i);
  });

  it('is of the version of the platform', () => {
    const { version } = JSON.parse(readFileSync(join(CHART, '../../../package.json'), 'utf8'));
    expect(parse(read('Chart.yaml')).appVersion).toBe(version);
  });
});

interface Rendered {
  kind: string;
  metadata: { name: string };
  // biome-ignore lint/suspicious/noExplicitAny: manifests of several kinds, of which the tests look at single fields
  spec: any;
}

describe.skipIf(helm === undefined)('what the Helm chart renders', () => {
  const render = (...set: string[]): Rendered[] => {
    const args = ['template', 'x', CHART, '--kube-version', '1.29.0', ...set.flatMap((one) => ['--set', one])];
    const text = execFileSync(helm!, args, { encoding: 'utf8', stdio: 'pipe' });
    return parseAllDocuments(text).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS() as Rendered;
    });
  };
  const of = (kind: string, all: Rendered[]) => all.filter((one) => one.kind === kind);
  const GIVEN = ['secretName=own', 'tls.secretName=cert', 'busCa.secretName=ca'];

  it.each([
    ['no secret', []],
    ['a secret among the settings', ['secretName=own', 'settings.SEALWATCH_WEBHOOK_KEY=x']],
    ['no replica', ['secretName=own', 'worker.replicas=0']],
  ])('is refused with %s', (_what, set) => {
    expect(() => render(...set)).toThrow(/values don't meet/);
  });

  it('is a deployment for each role, which runs as its command with its own user on RabbitMQ', () => {
    const deployments = of('Deployment', render(...GIVEN, 'settings.SEALWATCH_RETENTION_DAYS=90'));
    expect(deployments.map(({ metadata }) => metadata.name)).toEqual(ROLES.map((role) => `x-${role}`));
    for (const [i, { spec }] of deployments.entries()) {
      const role = ROLES[i]!;
      const [container] = spec.template.spec.containers;
      expect(container.args).toEqual([role]);
      const secretOf = (name: string) =>
        container.env.find((one: { name: string }) => one.name === name)?.valueFrom?.secretKeyRef;
      expect(secretOf('AMQP_URL')).toEqual({ name: 'own', key: `AMQP_URL_${role.toUpperCase()}` });
      for (const name of ['DATABASE_URL', 'SEALWATCH_WEBHOOK_KEY'])
        expect(secretOf(name)).toEqual({ name: 'own', key: name });
      expect(container.env).toContainEqual({ name: 'SEALWATCH_RETENTION_DAYS', value: '90' });
      expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
      expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    }
  });

  it('runs as nobody special, on a read-only system, each mount from a volume', () => {
    for (const { spec } of of('Deployment', render(...GIVEN))) {
      const { containers, securityContext, automountServiceAccountToken, volumes } = spec.template.spec;
      expect(automountServiceAccountToken).toBe(false);
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(containers[0].securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
      const names = (list: { name: string }[]) => list.map(({ name }) => name).sort();
      expect(names(containers[0].volumeMounts)).toEqual(names(volumes));
    }
  });

  it('selects the pods of each role alone, by services, budgets and network policies', () => {
    const all = render(...GIVEN);
    const labels = (role: string) => ({
      'app.kubernetes.io/name': 'sealwatch',
      'app.kubernetes.io/instance': 'x',
      'app.kubernetes.io/component': role,
    });
    for (const role of ROLES) {
      const named = (kind: string) => of(kind, all).find(({ metadata }) => metadata.name === `x-${role}`)!.spec;
      const { selector, template } = named('Deployment');
      for (const matchLabels of [
        selector.matchLabels,
        template.metadata.labels,
        named('PodDisruptionBudget').selector.matchLabels,
        named('NetworkPolicy').podSelector.matchLabels,
      ])
        expect(matchLabels).toEqual(labels(role));
      expect(named('PodDisruptionBudget').maxUnavailable).toBe(1);
      expect(named('NetworkPolicy').policyTypes).toEqual(['Ingress', 'Egress']);
    }
    const services = of('Service', all).map(({ spec }) => spec);
    expect(services.map(({ selector }) => selector)).toEqual([labels('gateway'), labels('api')]);
    expect(services.map(({ ports }) => ports.map(({ port }: { port: number }) => port))).toEqual([[1883, 8883], [80]]);
    expect(services[1].sessionAffinity).toBe('ClientIP');
  });

  it('lets nobody reach workers but for metrics, and locks reach gateways by MQTT', () => {
    const all = render(...GIVEN, 'networkPolicy.metricsFrom[0].ipBlock.cidr=10.0.0.0/8');
    const ingress = of('NetworkPolicy', all).map(({ spec }) => spec.ingress);
    const metrics = { ports: [{ port: 'http', protocol: 'TCP' }], from: [{ ipBlock: { cidr: '10.0.0.0/8' } }] };
    const mqtt = ['mqtt', 'mqtts'].map((port) => ({ port, protocol: 'TCP' }));
    expect(ingress.slice(0, 2)).toEqual([[{ ports: mqtt }, metrics], [metrics]]);
  });
});
