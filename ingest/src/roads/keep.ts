import type { Place, Route } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { ParamsInput } from '../params/resolve.ts';
import type { Hints } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { audit } from '../store/people/audit.ts';
import { getParams, type ParamsRow, putParams } from '../store/roads/params.ts';
import { getPlace, type PlaceRow, putPlace } from '../store/roads/places.ts';
import { putRoute, type RouteRow } from '../store/roads/routes.ts';

/** Keeps a route; a change makes a new version, the same once more makes none. @param by a name, for the audit */
export function keepRoute(
  pool: Pool,
  route: { routeId: string; feature: Route; by: string },
): Promise<{ row: RouteRow; created: boolean }> {
  return inTransaction(pool, async (db) => {
    const put = await putRoute(db, route);
    if (put.created) {
      const { version } = put.row;
      const before = version > 1 ? { version: version - 1 } : undefined;
      const entry = { actor: route.by, action: 'route.put', subject: `route:${route.routeId}` };
      await audit(db, { ...entry, before, after: { version } });
    }
    return put;
  });
}

/** Keeps a place, over the one with its id. @param by a name, for the audit */
export async function keepPlace(
  { pool, hints }: { pool: Pool; hints: Hints },
  { placeId, place, by }: { placeId: string; place: Place; by: string },
): Promise<{ row: PlaceRow; created: boolean }> {
  const put = await inTransaction(pool, async (db) => {
    const before = (await getPlace(db, placeId))?.feature;
    const kept = await putPlace(db, placeId, place);
    await audit(db, { actor: by, action: 'place.put', subject: `place:${placeId}`, before, after: place });
    return kept;
  });
  await hints.publish({ hint: 'places' });
  return put;
}

/** Sets the parameters of a layer for the trips declared from now on. @param by a name, for the audit */
export function setParams(pool: Pool, layer: string, params: ParamsInput, by: string): Promise<ParamsRow> {
  return inTransaction(pool, async (db) => {
    const before = (await getParams(db, layer))?.params;
    const row = await putParams(db, layer, params, by);
    await audit(db, { actor: by, action: 'params.put', subject: `params:${layer}`, before, after: params });
    return row;
  });
}
