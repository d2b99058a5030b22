import { createServer } from 'node:http';
import type { Logger } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { protocols } from './protocols.ts';
import { startBridge } from './sockets/bridge.ts';
import { restExchange } from './sockets/rest-exchange.ts';

export interface ApartSettings {
  host: string;
  port: number;
  /** Of health and metrics; absent: none. */
  httpPort?: number | undefined;
  /** e.g. `mqtts://seal.example.org` */
  mqtt: string;
  /** e.g. `https://seal.example.org` */
  api: string;
  keyFile: string;
  /** By which the platform knows it. */
  name: string;
  ledgerPath: string;
  log: Logger;
}

/** Runs a bridge in a process of its own. @throws BridgeSettingsError, and what `listen` throws */
export async function startApart({ httpPort, mqtt, api, keyFile, log, ...settings }: ApartSettings) {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const exchange = restExchange(api, keyFile);
  const bridge = await startBridge({ ...settings, mqttUrl: mqtt, exchange, wire: protocols, registry, log });
  const server = createServer(async (request, response) => {
    const path = request.url?.split('?')[0];
    const reasons = bridge.reasons();
    if (path === '/metrics') response.setHeader('content-type', registry.contentType).end(await registry.metrics());
    else if (path === '/healthz') response.end('{"status":"ok"}\n');
    else if (path === '/readyz') {
      response.statusCode = reasons.length > 0 ? 503 : 200;
      response.end(`${JSON.stringify({ status: reasons.length > 0 ? 'not-ready' : 'ready', reasons })}\n`);
    } else response.writeHead(404).end();
  });
  if (httpPort !== undefined) {
    await new Promise<void>((resolve, reject) => server.once('error', reject).listen(httpPort, settings.host, resolve));
  }
  const address = server.address();
  const http = typeof address === 'object' && address !== null ? `http://${settings.host}:${address.port}` : undefined;
  log.info({ bridge: `tcp://${settings.host}:${bridge.port}`, ...(http ? { http } : {}) }, 'listening');
  return {
    port: bridge.port,
    async stop() {
      await bridge.stop();
      await new Promise<void>((resolve) => (server.listening ? server.close(() => resolve()) : resolve()));
    },
  };
}
