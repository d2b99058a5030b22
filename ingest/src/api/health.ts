import { asyncApi } from '@sealwatch/schemas';
import { collectDefaultMetrics, Histogram, Registry } from 'prom-client';
import { z } from 'zod';
import type { ApiDeps } from './plumbing/deps.ts';
import type { Api } from './plumbing/form.ts';
import { signInRoute } from './session.ts';

/** Routes outside /api/v1: health, metrics, the descriptions, the sign-in link. */
export function healthRoutes(app: Api, deps: ApiDeps): void {
  const registry = deps.registry ?? new Registry();
  if (deps.registry === undefined) collectDefaultMetrics({ register: registry });
  const seconds = new Histogram({
    name: 'sealwatch_http_request_seconds',
    help: 'Duration of HTTP requests',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
    registers: [registry],
  });
  app.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'unmatched';
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
    done();
  });
  const open = { config: { roles: 'public' as const } };
  app.get('/healthz', { ...open, schema: { response: { 200: z.object({ status: z.string() }) } } }, () => ({
    status: 'ok',
  }));
  const Ready = z.object({ ready: z.boolean(), reasons: z.array(z.string()) });
  app.get('/readyz', { ...open, schema: { response: { 200: Ready, 503: Ready } } }, async (_request, reply) => {
    const reasons = [...deps.door.ready()];
    // A database that is known to hang is not waited for.
    if (reasons.length === 0) await deps.pool.query('SELECT 1').catch(() => reasons.push('database.unavailable'));
    const ready = reasons.length === 0;
    return reply.code(ready ? 200 : 503).send({ ready, reasons: [...reasons, ...(deps.door.warnings?.() ?? [])] });
  });
  app.get('/metrics', { ...open, schema: { hide: true } }, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  );
  for (const url of ['/openapi.json', '/api/v1/openapi.json']) {
    app.get(url, { ...open, schema: { hide: true } }, () => app.swagger());
  }
  for (const url of ['/asyncapi.json', '/api/v1/asyncapi.json']) {
    app.get(url, { ...open, schema: { hide: true } }, () => asyncApi('1'));
  }
  signInRoute(app, deps);
}
