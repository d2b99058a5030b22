import { checkPolygon, woundRight } from '@sealwatch/geofence';
import { Place, PlaceKind, SlugId, Time } from '@sealwatch/schemas';
import { z } from 'zod';
import { EVERYONE, SUPERVISORS } from '../people/roles.ts';
import { isoOf } from '../postgres/iso.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { getPlace, listPlaces, type PlaceRow, putPlace } from '../store/roads/places.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';
import { keysOf, listOf, Page, pageOf } from './plumbing/paging.ts';

const PlaceView = Place.extend({ placeId: z.string(), updatedAt: Time });

const placeOf = (row: PlaceRow): z.output<typeof PlaceView> => ({
  placeId: row.place_id,
  ...row.feature,
  updatedAt: isoOf(row.updated_at),
});

/** The place wound as RFC 7946 says. @throws ApiProblem 422 with every fault of its polygon */
function checkedPlace(place: z.output<typeof Place>): z.output<typeof Place> {
  const errors = checkPolygon(place.geometry).map((problem) => ({ ...problem, path: `geometry.${problem.path}` }));
  const [first] = errors;
  if (first) throw new ApiProblem(422, 'request.invalid', `${first.path}: ${first.message}`, errors);
  return { ...place, geometry: woundRight(place.geometry) };
}

export function placeRoutes(app: Api, deps: ApiDeps): void {
  const params = z.object({ placeId: SlugId });
  app.put(
    '/places/:placeId',
    {
      config: { roles: SUPERVISORS },
      schema: { tags: ['places'], params, body: Place, response: answers({ 200: PlaceView, 201: PlaceView }) },
    },
    async (request, reply) => {
      const place = checkedPlace(request.body);
      const { placeId } = request.params;
      const actor = callerOf(request).name;
      const { row, created } = await inTransaction(deps.pool, async (db) => {
        const before = (await getPlace(db, placeId))?.feature;
        const put = await putPlace(db, placeId, place);
        await audit(db, { actor, action: 'place.put', subject: `place:${placeId}`, before, after: place });
        return put;
      });
      await deps.hints.publish({ hint: 'places' });
      return reply.code(created ? 201 : 200).send(placeOf(row));
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
