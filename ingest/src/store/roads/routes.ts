import type { Route } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';

export interface RouteRow {
  route_id: string;
  version: number;
  name: string;
  feature: Route;
  created_at: Date;
  created_by: string;
  /** Made by a tester: only simulated trips run on it. */
  simulated: boolean;
}

/**
 * Keeps a route as a new version; the same feature as the newest version makes none.
 * Two writers of one route are put in a row by an advisory lock, so call it in a transaction.
 */
export async function putRoute(
  db: Queryable,
  route: { routeId: string; feature: Route; by: string; simulated?: boolean },
): Promise<{ row: RouteRow; created: boolean }> {
  await db.query(`SELECT pg_advisory_xact_lock(hashtextextended('route:' || $1, 0))`, [route.routeId]);
  const newest = await getRoute(db, route.routeId);
  const same = await db.query<{ same: boolean }>('SELECT $1::jsonb = $2::jsonb AS same', [
    JSON.stringify(newest?.feature ?? null),
    JSON.stringify(route.feature),
  ]);
  const { simulated = false } = route;
  const isKept = same.rows[0]?.same === true && newest?.simulated === simulated;
  if (newest !== undefined && isKept) return { row: newest, created: false };
  const { rows } = await db.query<RouteRow>(
    `INSERT INTO routes (route_id, version, name, feature, created_by, simulated)
     VALUES ($1, $2, $3, $4, $5, $6) RETURNING *`,
    [route.routeId, (newest?.version ?? 0) + 1, route.feature.properties.name, route.feature, route.by, simulated],
  );
  return { row: rows[0]!, created: true };
}

/** The newest version, or the one asked for. */
export async function getRoute(db: Queryable, routeId: string, version?: number): Promise<RouteRow | undefined> {
  const { rows } = await db.query<RouteRow>(
    `SELECT * FROM routes WHERE route_id = $1 AND ($2::int IS NULL OR version = $2) ORDER BY version DESC LIMIT 1`,
    [routeId, version ?? null],
  );
  return rows[0];
}

/** The newest version of each route, in the order of their ids. */
export async function listRoutes(
  db: Queryable,
  page: { after?: string | undefined; limit: number },
): Promise<RouteRow[]> {
  const { rows } = await db.query<RouteRow>(
    `SELECT DISTINCT ON (route_id) * FROM routes WHERE ($1::text IS NULL OR route_id > $1)
     ORDER BY route_id, version DESC LIMIT $2`,
    [page.after ?? null, page.limit],
  );
  return rows;
}
