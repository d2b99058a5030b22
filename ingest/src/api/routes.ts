import type { RouteProblem } from '@sealwatch/geofence';
import { CorridorShape, type Route, RouteCheck, RouteHead, RouteView, SlugId } from '@sealwatch/schemas';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { ParamsError, resolveParams } from '../params/resolve.ts';
import { EVERYONE, OPERATORS, SUPERVISORS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { type Corridors, noCorridor } from '../roads/corridors.ts';
import { keepRoute } from '../roads/keep.ts';
import type { FileFacts, ReadRoute } from '../roads/read-route.ts';
import { getRoute, listRoutes, type RouteRow } from '../store/roads/routes.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

export const ROUTE_BYTES = 16 * 1024 * 1024;
const XML_TYPES = ['application/gpx+xml', 'application/vnd.google-earth.kml+xml', 'application/xml', 'text/xml'];
const TAKEN = `expected application/json, application/geo+json, application/gpx+xml or application/vnd.google-earth.kml+xml; unzip a KMZ and send its doc.kml`;

/** What a caller says about a file beside it. */
const Beside = z.object({
  /** The system of the coordinates: WGS84, GCJ02 or BD09, or a name of one of these; overrules the file. */
  crs: z.string().max(200).optional(),
  /** Names the route if the file does not. */
  name: z.string().trim().min(1).max(200).optional(),
});
/** As the database counts. */
const Version = z.coerce.number().int().min(1).max(2_147_483_647);
const CorridorView = z.object({
  type: z.literal('Feature'),
  geometry: CorridorShape,
  properties: z.object({ routeId: z.string(), version: z.int(), name: z.string() }),
});
const faultOf = ({ path, message, at, shape, code, values }: RouteProblem) => ({
  path,
  message,
  ...(at ? { at: [...at] } : {}),
  ...(shape ? { shape } : {}),
  ...(code ? { code } : {}),
  ...(values ? { values } : {}),
});

const headOf = (row: RouteRow) => ({
  routeId: row.route_id,
  version: row.version,
  name: row.name,
  createdAt: isoOf(row.created_at),
  createdBy: row.created_by,
});

const viewOf = (row: RouteRow, warnings: RouteProblem[] = []): RouteView => ({
  ...row.feature,
  routeId: row.route_id,
  version: row.version,
  createdAt: isoOf(row.created_at),
  createdBy: row.created_by,
  ...(warnings.length > 0 ? { warnings: warnings.map(faultOf) } : {}),
});

function refuse(problems: RouteProblem[]): never {
  const errors = problems
    .slice(0, 100)
    .map(({ path, message, at }) => ({ path, message, ...(at ? { value: at } : {}) }));
  throw new ApiProblem(422, 'route.invalid', `${errors[0]?.path}: ${errors[0]?.message}`, errors);
}

export async function routeRoutes(app: Api, deps: ApiDeps, corridors: Corridors): Promise<void> {
  await app.register(async (inner: Api) => {
    inner.addContentTypeParser(XML_TYPES, { parseAs: 'buffer', bodyLimit: ROUTE_BYTES }, (_request, body, done) =>
      done(null, body),
    );
    inner.addContentTypeParser('*', (_request, _body, done) =>
      done(new ApiProblem(415, 'media-type.unsupported', TAKEN)),
    );
    // The inner parsers go before those of the platform: the bytes of a route are read beside the event loop.
    inner.removeContentTypeParser('application/json');
    inner.addContentTypeParser(
      ['application/json', 'application/geo+json'],
      { parseAs: 'buffer', bodyLimit: ROUTE_BYTES },
      (_request, body, done) => done(null, body),
    );
    routeChecking(inner, deps, corridors);
    routeWriting(inner, deps);
  });
  app.get(
    '/routes/:routeId',
    {
      config: { roles: EVERYONE },
      schema: {
        tags: ['routes'],
        params: z.object({ routeId: SlugId }),
        querystring: z.object({ version: Version.optional() }),
        response: answers({ 200: RouteView }),
      },
    },
    async (request) => {
      const row = await getRoute(deps.pool, request.params.routeId, request.query.version);
      if (row === undefined) throw notFound('route', request.params.routeId);
      return viewOf(row);
    },
  );
  corridorReading(app, deps, corridors);
  app.get(
    '/routes',
    {
      config: { roles: EVERYONE },
      schema: { tags: ['routes'], querystring: z.object(Page), response: answers({ 200: listOf(RouteHead) }) },
    },
    async (request) => {
      const { limit, cursor } = request.query;
      const rows = await listRoutes(deps.pool, { after: keysOf(cursor, z.string()), limit: limit + 1 });
      return pageOf(rows, limit, headOf, (row) => row.route_id);
    },
  );
}

function corridorReading(app: Api, deps: ApiDeps, corridors: Corridors): void {
  app.get(
    '/routes/:routeId/corridor',
    {
      config: { roles: EVERYONE },
      schema: {
        tags: ['routes'],
        summary: 'Where a truck is inside: the route in its true width, leg by leg, as GeoJSON',
        params: z.object({ routeId: SlugId }),
        querystring: z.object({ version: Version.optional() }),
        response: answers({ 200: CorridorView }),
      },
    },
    async (request, reply) => {
      const row = await getRoute(deps.pool, request.params.routeId, request.query.version);
      if (row === undefined) throw notFound('route', request.params.routeId);
      const geometry = await corridors.ofVersion(row);
      const properties = { routeId: row.route_id, version: row.version, name: row.name };
      return reply.type('application/geo+json').send({ type: 'Feature' as const, geometry, properties });
    },
  );
}

/** The check of a route with that of the parameters of the rules that it and its legs carry. */
function withParams(check: ReadRoute): ReadRoute {
  if (check.route === undefined) return check;
  const { params, legs = [] } = check.route.properties;
  try {
    resolveParams({ route: params, legs });
    return check;
  } catch (error) {
    if (!(error instanceof ParamsError)) throw error;
    const problems = error.problems.map(({ path, message }) => ({
      path: `properties.${path.replace(/^route\./, 'params.').replace(/^(legs\.\d+)\./, '$1.params.')}`,
      message,
    }));
    const { route: _route, read: _read, ...others } = check;
    return { ...others, ok: false, problems };
  }
}

/** Reads the route in the body of a request. @throws ApiProblem */
async function readBody({ bodies }: ApiDeps, request: FastifyRequest, facts: FileFacts): Promise<ReadRoute> {
  const { body } = request;
  if (!Buffer.isBuffer(body)) throw new ApiProblem(400, 'body.empty', 'the body is empty, a route was expected');
  const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
  const asked = { bytes: body, isXml: XML_TYPES.includes(type), facts };
  return withParams(await bodies.parse(callerOf(request).id, 'route', asked));
}

/** A route that can be judged by. @throws ApiProblem 422 with every problem found */
export function checkedFeature(read: ReadRoute): Route {
  const check = withParams(read);
  if (check.route === undefined) refuse(check.problems);
  return check.route;
}

function routeChecking(app: Api, deps: ApiDeps, corridors: Corridors): void {
  app.post(
    '/routes/check',
    {
      config: { roles: OPERATORS },
      bodyLimit: ROUTE_BYTES,
      schema: {
        tags: ['routes'],
        summary: 'Say what is wrong with a route, without saving it',
        querystring: Beside,
        body: z.unknown(),
        response: answers({ 200: RouteCheck }),
      },
    },
    async (request) => {
      const { ok, problems, warnings, route, read } = await readBody(deps, request, request.query);
      const corridor = route && (await corridors.ofRoute(route).catch(noCorridor));
      return {
        ok,
        problems: problems.map(faultOf),
        warnings: warnings.map(faultOf),
        ...(route ? { route } : {}),
        ...(corridor ? { corridor } : {}),
        ...(read ? { read } : {}),
      };
    },
  );
}

function routeWriting(app: Api, deps: ApiDeps): void {
  app.put(
    '/routes/:routeId',
    {
      config: { roles: SUPERVISORS },
      bodyLimit: ROUTE_BYTES,
      schema: {
        tags: ['routes'],
        summary: 'Keep a route; a change makes a new version',
        params: z.object({ routeId: SlugId }),
        querystring: Beside,
        body: z.unknown(),
        response: answers({ 200: RouteView, 201: RouteView }),
      },
    },
    async (request, reply) => {
      const { routeId } = request.params;
      const check = await readBody(deps, request, request.query);
      if (check.route === undefined) refuse(check.problems);
      const { row, created } = await keepRoute(deps.pool, callerOf(request), { routeId, feature: check.route });
      return reply.code(created ? 201 : 200).send(viewOf(row, check.warnings));
    },
  );
}
