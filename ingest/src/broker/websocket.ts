import { createServer, type Server as HttpServer, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer, type Server as HttpsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { createWebSocketStream, WebSocketServer } from 'ws';

/** Most bytes of one WebSocket message. */
const MESSAGE_BYTES = 128 * 1024;
const HANDSHAKE_MS = 10_000;

export interface WebSocketOptions {
  /** With a certificate it is wss. */
  tls: TlsOptions | undefined;
  /** Gets each connection as a stream of the bytes in its messages. */
  accept: (stream: Duplex, request: IncomingMessage) => void;
  refused: (reason: string) => void;
}

/**
 * MQTT over WebSocket (MQTT 3.1.1 §6): the subprotocol is `mqtt`, messages are binary, and frames may be cut across them
 * anywhere. Plain HTTP requests are answered with 426, other subprotocols with 400.
 */
export function webSocketServer({ tls, accept, refused }: WebSocketOptions): HttpServer | HttpsServer {
  const limits = { requestTimeout: HANDSHAKE_MS, headersTimeout: HANDSHAKE_MS, maxHeaderSize: 8 * 1024 };
  const server: HttpServer | HttpsServer = tls ? createTlsServer({ ...limits, ...tls }) : createServer(limits);
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES,
    handleProtocols: () => 'mqtt',
  });
  server.on('request', (_request, response) => {
    response.writeHead(426, { connection: 'close', upgrade: 'websocket', 'content-type': 'text/plain' });
    response.end('expected a WebSocket of the subprotocol mqtt\n');
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    if (!asksForMqtt(request)) {
      refused('ws-protocol');
      // After `upgrade` the HTTP server no longer closes the socket.
      const answer = 'HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\nexpected the subprotocol mqtt\n';
      socket.end(answer, () => socket.destroy());
      return;
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      webSocket.on('message', (_data, isBinary) => {
        if (isBinary) return;
        refused('ws-text');
        webSocket.terminate();
      });
      accept(createWebSocketStream(webSocket), request);
    });
  });
  return server;
}

function asksForMqtt(request: IncomingMessage): boolean {
  const protocols = request.headers['sec-websocket-protocol'] ?? '';
  return protocols.split(',').some((protocol) => protocol.trim() === 'mqtt');
}
