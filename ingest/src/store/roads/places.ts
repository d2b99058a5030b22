import type { Place, PlaceKind } from '@sealwatch/schemas';
import type { Queryable } from '../../postgres/queryable.ts';
import { DESIGNATED_KINDS } from '../trips/custody.ts';

export interface PlaceRow {
  place_id: string;
  kind: PlaceKind;
  name: string;
  feature: Place;
  updated_at: Date;
  /** Made by a tester: only simulated trips know it. */
  simulated: boolean;
}

export async function putPlace(
  db: Queryable,
  placeId: string,
  feature: Place,
  simulated = false,
): Promise<{ row: PlaceRow; created: boolean }> {
  const { rows } = await db.query<PlaceRow & { created: boolean }>(
    `INSERT INTO places (place_id, kind, name, feature, simulated) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (place_id) DO UPDATE SET kind = $2, name = $3, feature = $4, simulated = $5, updated_at = now()
     RETURNING *, xmax = 0 AS created`,
    [placeId, feature.properties.kind, feature.properties.name, feature, simulated],
  );
  const { created, ...row } = rows[0]!;
  return { row, created };
}

export async function getPlace(db: Queryable, placeId: string): Promise<PlaceRow | undefined> {
  const { rows } = await db.query<PlaceRow>('SELECT * FROM places WHERE place_id = $1', [placeId]);
  return rows[0];
}

/** In the order of their ids. */
export async function listPlaces(
  db: Queryable,
  filter: { kind?: PlaceKind | undefined; after?: string | undefined; limit: number },
): Promise<PlaceRow[]> {
  const { rows } = await db.query<PlaceRow>(
    `SELECT * FROM places WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR place_id > $2)
     ORDER BY place_id LIMIT $3`,
    [filter.kind ?? null, filter.after ?? null, filter.limit],
  );
  return rows;
}

/** Places bound to an office, where its steps happen. @param simulated of a simulated trip: simulated places too */
export async function officePlaces(db: Queryable, office: string, simulated: boolean): Promise<PlaceRow[]> {
  const { rows } = await db.query<PlaceRow>(
    `SELECT * FROM places WHERE feature -> 'properties' ->> 'office' = $1
       AND kind IN ${DESIGNATED_KINDS} AND (simulated <= $2) LIMIT 100`,
    [office, simulated],
  );
  return rows;
}
