import { checkPolygon, placeInWgs84, type RouteProblem, woundRight } from '@sealwatch/geofence';
import { Place, PlaceKind, SlugId, Time, Warning } from '@sealwatch/schemas';
import { z } from 'zod';
import { EVERYONE, SUPERVISORS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { ApiProblem, notFound, wrongField } from '../problem.ts';
import { keepPlace } from '../roads/keep.ts';
import { getPlace, listPlaces, type PlaceRow } from '../store/roads/places.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';
import { keepSentBody, unusedWarnings } from './plumbing/sent.ts';

const PlaceView = Place.extend({ placeId: z.string(), updatedAt: Time, warnings: z.array(Warning).optional() });

/** A place as it is sent: in WGS-84, or in the system that it names. */
const SentPlace = Place.extend({
  properties: Place.shape.properties.extend({ crs: z.string().max(200).optional() }),
  /** GeoJSON's old member. */
  crs: z.unknown().optional(),
});

const placeOf = (row: PlaceRow, warnings: Warning[] = []): z.output<typeof PlaceView> => ({
  placeId: row.place_id,
  ...row.feature,
  updatedAt: isoOf(row.updated_at),
  ...(warnings.length > 0 ? { warnings } : {}),
});

/**
 * The place in WGS-84, wound as RFC 7946 says.
 * @throws ApiProblem 422 with every fault of its polygon, or if its coordinate system cannot be read
 */
function checkedPlace(sent: z.output<typeof SentPlace>): { place: Place; warnings: RouteProblem[] } {
  const errors = checkPolygon(sent.geometry).map((problem) => ({ ...problem, path: `geometry.${problem.path}` }));
  const [fault] = errors;
  if (fault) throw new ApiProblem(422, 'request.invalid', `${fault.path}: ${fault.message}`, errors);
  const read = placeInWgs84(sent, sent.geometry);
  if ('problems' in read) {
    const [first] = read.problems;
    throw wrongField('request.invalid', { path: first?.path ?? 'crs', message: first?.message ?? '' });
  }
  const { crs: _system, ...properties } = sent.properties;
  const place = { type: sent.type, geometry: woundRight(read.geometry), properties };
  return { place, warnings: read.warnings };
}

export function placeRoutes(app: Api, deps: ApiDeps): void {
  const params = z.object({ placeId: SlugId });
  app.put(
    '/places/:placeId',
    {
      config: { roles: SUPERVISORS },
      preValidation: keepSentBody,
      schema: { tags: ['places'], params, body: SentPlace, response: answers({ 200: PlaceView, 201: PlaceView }) },
    },
    async (request, reply) => {
      const { place, warnings } = checkedPlace(request.body);
      const { placeId } = request.params;
      const { row, created } = await keepPlace(deps, callerOf(request), { placeId, place });
      const told = warnings.map(({ path, message }) => ({ path, message }));
      return reply.code(created ? 201 : 200).send(placeOf(row, [...told, ...unusedWarnings(request)]));
    },
  );
  app.get(
    '/places/:placeId',
    { config: { roles: EVERYONE }, schema: { tags: ['places'], params, response: answers({ 200: PlaceView }) } },
    async (request) => {
      const row = await getPlace(deps.pool, request.params.placeId);
      if (row === undefined) throw notFound('place', request.params.placeId);
      return placeOf(row);
    },
  );
  app.get(
    '/places',
    {
      config: { roles: EVERYONE },
      schema: {
        tags: ['places'],
        querystring: z.object({ ...Page, kind: PlaceKind.optional() }),
        response: answers({ 200: listOf(PlaceView) }),
      },
    },
    async (request) => {
      const { limit, cursor, kind } = request.query;
      const rows = await listPlaces(deps.pool, { kind, after: keysOf(cursor, z.string()), limit: limit + 1 });
      return pageOf(rows, limit, placeOf, (row) => row.place_id);
    },
  );
}
