import { fastifyCookie } from '@fastify/cookie';
import type { ClientToServer, ServerToClient } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { Server } from 'socket.io';
import {
  type AccessOptions,
  bearerOf,
  type Credentials,
  identify,
  type Principal,
  requireFinished,
  SESSION_COOKIE,
} from '../people/principal.ts';
import { READERS } from '../people/roles.ts';
import { sameHost } from '../people/same-host.ts';
import { ApiProblem } from '../problem.ts';
import { hostOf, type TrustProxy } from '../trust-proxy.ts';
import type { FeedSocket } from './client.ts';

export type FeedServer = Server<ClientToServer, ServerToClient, Record<string, never>, { caller: Principal }>;

/** The socket.io server. It refuses pages of other hosts that bring a session's cookie. */
export function feedServer(trusts: TrustProxy | undefined): FeedServer {
  return new Server({
    // A client with default settings begins by polling and upgrades to the WebSocket by itself.
    transports: ['polling', 'websocket'],
    perMessageDeflate: false,
    httpCompression: false,
    serveClient: false,
    maxHttpBufferSize: 64 * 1024,
    // A session's cookie is only taken from our own pages; a key is nobody's cookie.
    allowRequest: (request, answer) => {
      const { origin, cookie } = request.headers;
      const foreign = origin !== undefined && cookie !== undefined && !sameHost(origin, hostOf(request, trusts));
      answer(foreign ? 'foreign page' : null, !foreign);
    },
  });
}

/** A key comes as `auth.key` or `auth.token`, with or without `Bearer`, or, where a client can set headers, as in REST. */
export function keyOf({ handshake: { auth, headers } }: FeedSocket): string | undefined {
  const given = [auth.key, auth.token].find((one) => typeof one === 'string');
  return given === undefined ? bearerOf(headers.authorization) : (bearerOf(given) ?? given);
}

function credentialsOf(socket: FeedSocket): Credentials {
  return { key: keyOf(socket), session: fastifyCookie.parse(socket.handshake.headers.cookie ?? '')[SESSION_COOKIE] };
}

/** Notes on the socket who its caller is. @throws ApiProblem 401, 403 */
export async function admit(pool: Pool, socket: FeedSocket, access: AccessOptions): Promise<void> {
  const caller = await identify(pool, credentialsOf(socket), access);
  if (caller === undefined) throw new ApiProblem(401, 'auth.missing', 'sign in, or give a key');
  requireFinished(caller);
  if (!(READERS as readonly string[]).includes(caller.role))
    throw new ApiProblem(403, 'auth.role', `the role ${caller.role} sees no live feed`);
  socket.data.caller = caller;
}
