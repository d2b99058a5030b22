import { isDeepStrictEqual } from 'node:util';
import type { Place, Route } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { ParamsInput } from '../params/resolve.ts';
import { requireOwnPlace, requireUnbound } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { isTester, requireNoTester, requireSimulated } from '../people/simulated.ts';
import { requirePerson } from '../people/two-people.ts';
import type { Hints } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { audit } from '../store/people/audit.ts';
import { getParams, type ParamsRow, putParams } from '../store/roads/params.ts';
import { getPlace, type PlaceRow, putPlace } from '../store/roads/places.ts';
import { getRoute, putRoute, type RouteRow } from '../store/roads/routes.ts';

/**
 * Keeps a route; a change makes a new version, the same once more makes none. A tester's is simulated; what is real a tester
 * may put again as it is, which changes nothing.
 * @throws ApiProblem 403
 */
export function keepRoute(
  pool: Pool,
  caller: Principal,
  { routeId, feature }: { routeId: string; feature: Route },
): Promise<{ row: RouteRow; created: boolean }> {
  requireUnbound(caller, 'a route belongs');
  return inTransaction(pool, async (db) => {
    const newest = await getRoute(db, routeId);
    const known = isTester(caller) && newest?.simulated === false;
    const put = await putRoute(db, { routeId, feature, by: caller.name, simulated: isTester(caller) && !known });
    if (known && put.created) requireSimulated(caller, newest, `the route ${routeId} is`);
    if (put.created) {
      const { version } = put.row;
      const before = version > 1 ? { version: version - 1 } : undefined;
      const entry = { actor: caller.name, action: 'route.put', subject: `route:${routeId}` };
      await audit(db, { ...entry, before, after: { version } });
    }
    return put;
  });
}

/** Keeps a place, over the one with its id; a tester's is simulated, as a route. @throws ApiProblem 403 */
export async function keepPlace(
  { pool, hints }: { pool: Pool; hints: Hints },
  caller: Principal,
  { placeId, place }: { placeId: string; place: Place },
): Promise<{ row: PlaceRow; created: boolean }> {
  const put = await inTransaction(pool, async (db) => {
    await db.query(`SELECT pg_advisory_xact_lock(hashtextextended('place:' || $1, 0))`, [placeId]);
    const known = await getPlace(db, placeId);
    const before = known?.feature;
    requireOwnPlace(caller, ...(before === undefined ? [] : [before]), place);
    if (known !== undefined && isTester(caller) && isDeepStrictEqual(before, place)) {
      return { row: known, created: false };
    }
    if (known !== undefined) requireSimulated(caller, known, `the place ${placeId} is`);
    const kept = await putPlace(db, placeId, place, isTester(caller));
    await audit(db, { actor: caller.name, action: 'place.put', subject: `place:${placeId}`, before, after: place });
    return kept;
  });
  await hints.publish({ hint: 'places' });
  return put;
}

/** Sets the parameters of a layer for the trips declared from now on. @throws ApiProblem 403 */
export async function setParams(pool: Pool, caller: Principal, layer: string, params: ParamsInput): Promise<ParamsRow> {
  requireUnbound(caller, 'parameters belong');
  requireNoTester(caller, 'parameters are');
  // Tolerances and thresholds decide what turns red and what a gate releases.
  requirePerson(caller, 'a person sets the parameters of rules and gate');
  return inTransaction(pool, async (db) => {
    const before = (await getParams(db, layer))?.params;
    const row = await putParams(db, layer, params, caller.name);
    await audit(db, { actor: caller.name, action: 'params.put', subject: `params:${layer}`, before, after: params });
    return row;
  });
}
