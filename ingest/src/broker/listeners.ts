import { constants } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createServer as createTlsServer, TLSSocket, type TlsOptions } from 'node:tls';
import { clientAddress, type TrustProxy } from '../trust-proxy.ts';
import type { Evidence } from './lock-access.ts';
import { certificateOf } from './lock-certificate.ts';
import type { ClientCertificates, TlsMaterial } from './tls-files.ts';
import { webSocketServer } from './websocket.ts';

/** Where a connection comes from, and what TLS has got of it. */
export interface Peer extends Pick<Evidence, 'certificate' | 'certificateRequired'> {
  address: string | undefined;
}

export interface ListenersOptions {
  host: string;
  port: number;
  /** Port of MQTT over TLS; used where there is `tls`. */
  tlsPort: number;
  tls: TlsMaterial | undefined;
  clients: ClientCertificates;
  webSocketClients: ClientCertificates;
  webSocketPort: number | undefined;
  trustProxy: TrustProxy | undefined;
  accept: (stream: Duplex, peer: Peer) => void;
  refused: (stage: 'wire' | 'tls', reason: string) => void;
}

export interface Listeners {
  port: number;
  tlsPort?: number;
  webSocketPort?: number;
  /** For connections from now on. */
  setTls(tls: TlsMaterial): void;
  /** Takes no further connections; resolves once those there are have ended. */
  close(): Promise<void>;
}

/** What a new connection is made with; a resumed session would bring a certificate that nobody has looked at again. */
function secureOptions({ cert, key, ca }: TlsMaterial): TlsOptions {
  return { cert, key, ...(ca === undefined ? {} : { ca, secureOptions: constants.SSL_OP_NO_TICKET }) };
}

/** Asks for certificates without refusing: what TLS does not take is no certificate, which its listener may need. */
function tlsOptions(tls: TlsMaterial, clients: ClientCertificates): TlsOptions {
  return { ...secureOptions(tls), requestCert: clients !== 'none', rejectUnauthorized: false };
}

/** Opens the MQTT listeners: plain, over TLS, over WebSocket. Throws what `listen` throws, e.g. EADDRINUSE. */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const { host, tls, accept, refused } = options;
  let trust = tls?.trust;
  const admit = (stream: Duplex, socket: Duplex, address: string | undefined, clients: ClientCertificates) => {
    const asks = clients !== 'none' && socket instanceof TLSSocket;
    const certificate = asks && trust !== undefined ? certificateOf(socket, trust.nameOf) : undefined;
    const certificateRequired = clients === 'required';
    if (certificateRequired && (certificate === undefined || 'wrong' in certificate)) {
      refused('tls', certificate === undefined ? 'no-certificate' : 'certificate-not-verified');
      stream.on('error', () => undefined);
      stream.destroy();
      return;
    }
    accept(stream, { address, certificate, certificateRequired });
  };
  const acceptOf = (clients: ClientCertificates) => (socket: Socket) =>
    void admit(socket.setNoDelay(true), socket, socket.remoteAddress, clients);
  const plain = createServer(acceptOf('none'));
  const secure = tls && createTlsServer(tlsOptions(tls, options.clients), acceptOf(options.clients));
  secure?.on('tlsClientError', () => refused('tls', 'handshake'));
  const web =
    options.webSocketPort === undefined
      ? undefined
      : webSocketServer({
          tls: tls && tlsOptions(tls, options.webSocketClients),
          accept: (stream, request: IncomingMessage) =>
            void admit(stream, request.socket, clientAddress(request, options.trustProxy), options.webSocketClients),
          refused: (reason) => refused('wire', reason),
        });
  const close = async () => {
    const servers = [plain, secure, web].filter((server) => server?.listening);
    const closed = servers.map((server) => new Promise<void>((resolve) => server?.close(() => resolve())));
    web?.closeAllConnections();
    await Promise.all(closed);
  };
  try {
    const port = await listen(plain, host, options.port);
    const tlsPort = secure && (await listen(secure, host, options.tlsPort));
    const webSocketPort = web && (await listen(web, host, options.webSocketPort ?? 0));
    return {
      port,
      ...(tlsPort === undefined ? {} : { tlsPort }),
      ...(webSocketPort === undefined ? {} : { webSocketPort }),
      setTls(material) {
        trust = material.trust;
        secure?.setSecureContext(secureOptions(material));
        if (web instanceof HttpsServer) web.setSecureContext(secureOptions(material));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
