import { readXml, type XmlMessage } from '../jgs/xml.ts';
import { ApiProblem } from '../problem.ts';
import { type FileFacts, type ReadRoute, readRoute } from '../roads/read-route.ts';
import { JsonCounter } from './json-limits.ts';
import { requireStorable } from './unstorable.ts';

/** A route of 100,000 points with altitudes has some 400,000 values. */
const ROUTE_LIMITS = { depth: 64, values: 1_000_000, members: 100_000 };
/** More than people read. */
const MOST_SAID = 200;

/** A question about past trips: the route in it as it was read, the other members as they were sent. */
export interface WhatIfAsked {
  route: ReadRoute;
  routeId?: unknown;
  from?: unknown;
  to?: unknown;
  limit?: unknown;
}

/** What is asked of the worker, by kind: what it gets, and what it answers. */
export interface Jobs {
  route: { asked: { bytes: Uint8Array; isXml: boolean; facts: FileFacts }; answer: ReadRoute };
  'what-if': { asked: { bytes: Uint8Array }; answer: WhatIfAsked };
  jgs: { asked: { bytes: Uint8Array }; answer: XmlMessage };
}
export type Kind = keyof Jobs;

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength);

function parseJson(bytes: Uint8Array): unknown {
  new JsonCounter(ROUTE_LIMITS).count(bytes, 0, bytes.length);
  let value: unknown;
  try {
    value = JSON.parse(
      bufferOf(bytes)
        .toString('utf8')
        .replace(/^\ufeff/, ''),
    );
  } catch {
    throw new ApiProblem(400, 'body.malformed', 'the body is not JSON');
  }
  requireStorable(value);
  return value;
}

/** The answer crosses to the event loop: it holds no more words than people read. */
async function routeOf(body: unknown, facts: FileFacts): Promise<ReadRoute> {
  const read = await readRoute(body, facts);
  return { ...read, problems: read.problems.slice(0, MOST_SAID), warnings: read.warnings.slice(0, MOST_SAID) };
}

/** A scalar as it was sent; anything larger is wrong there, and is not carried over. */
const scalar = (value: unknown): unknown =>
  typeof value === 'object' || (typeof value === 'string' && value.length > 1_000) ? null : value;

async function whatIfOf(bytes: Uint8Array): Promise<WhatIfAsked> {
  const body = parseJson(bytes);
  const sent = new Map<string, unknown>(typeof body === 'object' && body !== null ? Object.entries(body) : []);
  const others = ['routeId', 'from', 'to', 'limit'].flatMap((name) =>
    sent.has(name) ? [[name, scalar(sent.get(name))]] : [],
  );
  return { route: await routeOf(sent.get('route'), {}), ...Object.fromEntries(others) };
}

const HANDLERS: { [K in Kind]: (asked: Jobs[K]['asked']) => Promise<Jobs[K]['answer']> } = {
  route: async ({ bytes, isXml, facts }) => routeOf(isXml ? bufferOf(bytes) : parseJson(bytes), facts),
  'what-if': ({ bytes }) => whatIfOf(bytes),
  jgs: async ({ bytes }) => readXml(bufferOf(bytes)),
};

/** @throws ApiProblem, XmlFault */
export async function runJob<K extends Kind>(kind: K, asked: Jobs[K]['asked']): Promise<Jobs[K]['answer']> {
  return HANDLERS[kind](asked);
}
