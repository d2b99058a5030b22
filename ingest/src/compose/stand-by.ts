import { createServer, type ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import type { Config } from '../config.ts';
import { ListenError } from '../listen.ts';
import type { Membership } from '../postgres/membership.ts';
import { ApiProblem } from '../problem.ts';

/** The HTTP port of a platform that stands by: health alone. It has no memory of trips, so it answers nothing about them. */
export interface StandBy {
  /** e.g. `http://127.0.0.1:8080` */
  http: string;
  port: number;
  /** Closes the port, for the API to open it. */
  close(): Promise<void>;
}

const RETRY_AFTER_S = 1;

/** @throws ListenError */
export async function startStandBy(
  { host, httpPort }: Pick<Config, 'host' | 'httpPort'>,
  { membership, registry }: { membership: Membership; registry: Registry },
): Promise<StandBy> {
  const answers: Record<string, (response: ServerResponse) => void | Promise<void>> = {
    '/healthz': (response) => send(response, 200, { status: 'ok' }),
    '/readyz': (response) => {
      const { outage } = membership;
      send(response, 503, {
        ready: false,
        reasons: [
          membership.isActive ? 'starting' : 'standby',
          ...(outage === undefined ? [] : [`database: ${outage}`]),
        ],
      });
    },
    '/metrics': async (response) => {
      const text = await registry.metrics();
      response.writeHead(200, { 'content-type': registry.contentType }).end(text);
    },
  };
  const server = createServer((request, response) => {
    // The port soon belongs to the API; and a body that is not read would keep the connection busy.
    response.setHeader('connection', 'close');
    const path = request.url?.split('?')[0] ?? '';
    const answer = Object.hasOwn(answers, path) ? answers[path] : undefined;
    if (answer && (request.method === 'GET' || request.method === 'HEAD')) return void answer(response);
    refuse(response, path, membership);
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

function refuse(response: ServerResponse, instance: string, membership: Membership): void {
  const active = membership.others().find((other) => other.active);
  const detail = `this platform stands by${active ? ` for ${active.name}` : ''}; ask that one, or the balancer before both`;
  response.setHeader('retry-after', RETRY_AFTER_S);
  const problem = new ApiProblem(503, 'standby', detail).toProblem(instance);
  send(response, 503, problem, 'application/problem+json');
}
