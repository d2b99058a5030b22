import { BlockList, isIPv6 } from 'node:net';
import { BridgeList, BridgeNews, BridgeView, DecodedFrame, FrameAnswer } from '@sealwatch/schemas';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { bridgeList, hearBridge } from '../locks/bridge.ts';
import type { Principal } from '../people/principal.ts';
import { BRIDGES, READERS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { getLock } from '../store/locks/locks.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

const LOOPBACK = new BlockList();
LOOPBACK.addSubnet('127.0.0.0', 8);
LOOPBACK.addAddress('::1', 'ipv6');

/** Secrets leave over TLS, or not at all beyond this machine. @throws ApiProblem 403 */
function requireSafeLine({ protocol, ip }: FastifyRequest): void {
  if (protocol === 'https' || LOOPBACK.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')) return;
  throw new ApiProblem(
    403,
    'bridge.plain',
    'secrets of locks are told over TLS or on this machine alone; put a TLS proxy before the platform and name it in SEALWATCH_TRUST_PROXY',
  );
}

/** The list holds locks of all offices. @throws ApiProblem 403 */
function requireUnbound({ offices }: Principal): void {
  if (offices === null) return;
  throw new ApiProblem(
    403,
    'bridge.bound',
    'a bridge speaks for the locks of all offices: make its key without --office',
  );
}

/** What bridges ask and tell, and what people see of it. */
export function bridgeRoutes(app: Api, deps: ApiDeps): void {
  const { desk } = deps;
  app.post(
    '/bridge/exchange',
    {
      config: { roles: BRIDGES },
      bodyLimit: 8 * 2 ** 20,
      schema: {
        tags: ['bridge'],
        summary: 'What a bridge tells, and the locks that it speaks for with their secrets',
        body: BridgeNews,
        response: answers({ 200: BridgeList }),
      },
    },
    async (request) => {
      requireSafeLine(request);
      requireUnbound(callerOf(request));
      await hearBridge(deps, desk, request.body);
      return bridgeList(deps, callerOf(request).name, request.body.version);
    },
  );
  app.get(
    '/bridge',
    {
      config: { roles: READERS },
      schema: {
        tags: ['bridge'],
        summary: 'Bridges that were heard, profiles, and connections of devices that nobody has registered',
        response: answers({ 200: BridgeView }),
      },
    },
    async (request) => {
      const bridges = desk.bridges.map(({ heardMs, ...bridge }) => ({ ...bridge, heardAt: isoOf(new Date(heardMs)) }));
      // What is registered with no office is for those who are bound to none.
      const strangers = callerOf(request).offices === null ? desk.strangers : [];
      return { profiles: [...deps.bridged.profiles], bridges, strangers, strangersTotal: desk.strangersTotal };
    },
  );
  app.get(
    '/locks/:lockId/frame',
    {
      config: { roles: READERS },
      schema: {
        tags: ['bridge'],
        summary: 'The newest frame of a lock that a bridge speaks for, as it came and as it is read',
        params: z.object({ lockId: z.string() }),
        response: answers({ 200: FrameAnswer }),
      },
    },
    async (request) => {
      const { lockId } = request.params;
      const lock = await getLock(deps.pool, lockId, callerOf(request).offices);
      if (lock === undefined) throw notFound('lock', lockId);
      const frame = desk.frameOf(lockId);
      if (frame === undefined) return {};
      return { frame: { ...frame, decoded: deps.bridged.decode(frame.hex, lock.profile ?? undefined) } };
    },
  );
  app.post(
    '/bridge/decode',
    {
      config: { roles: READERS },
      schema: {
        tags: ['bridge'],
        summary: 'Reads a frame as the bridge would; nothing is kept',
        body: z.object({ frame: z.string().min(1).max(16_384), profile: z.string().max(40).optional() }),
        response: answers({ 200: DecodedFrame }),
      },
    },
    async (request) => ({ decoded: deps.bridged.decode(request.body.frame, request.body.profile) }),
  );
}
