import { createServer, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { ListenError } from '../listen.ts';
import { ApiProblem } from '../problem.ts';

/** An HTTP port with health and metrics alone: of a platform that stands by or starts, and of a member without an API. */
export interface HealthPort {
  /** e.g. `http://127.0.0.1:8080` */
  http: string;
  port: number;
  /** Closes the port, also for the API to open it. */
  close(): Promise<void>;
}

export interface HealthPortDeps {
  registry: Registry;
  /** Why nothing is accepted now; empty: it is. */
  reasons(): string[];
  /** What everything else than health is answered. */
  refusal(): { code: string; detail: string };
}

const RETRY_AFTER_S = 1;

/** @throws ListenError */
export async function startHealthPort(
  { host, httpPort }: Pick<Config, 'host' | 'httpPort'>,
  { registry, reasons, refusal }: HealthPortDeps,
): Promise<HealthPort> {
  const answers: Record<string, (response: ServerResponse) => void | Promise<void>> = {
    '/healthz': (response) => send(response, 200, { status: 'ok' }),
    '/readyz': (response) => {
      const now = reasons();
      send(response, now.length === 0 ? 200 : 503, { ready: now.length === 0, reasons: now });
    },
    '/metrics': async (response) => {
      const text = await registry.metrics();
      response.writeHead(200, { 'content-type': registry.contentType }).end(text);
    },
  };
  const server = createServer((request, response) => {
    // The port may soon belong to the API; and a body that is not read would keep the connection busy.
    response.setHeader('connection', 'close');
    const path = request.url?.split('?')[0] ?? '';
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (answer && (request.method === 'GET' || request.method === 'HEAD')) return void answer(response);
    const { code, detail } = refusal();
    response.setHeader('retry-after', RETRY_AFTER_S);
    send(response, 503, new ApiProblem(503, code, detail).toProblem(path), 'application/problem+json');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(ListenError.from(error, 'HTTP', httpPort, 'SEALWATCH_HTTP_PORT')));
    server.listen({ host, port: httpPort }, resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : httpPort;
  const shownHost = host.includes(':') ? `[${host}]` : host;
  return {
    http: `http://${shownHost}:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function send(response: ServerResponse, status: number, body: object, type = 'application/json'): void {
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(JSON.stringify(body));
}
