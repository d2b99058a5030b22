import type { Queryable } from '../../postgres/queryable.ts';

/** From when to when the records of a trip's lock are the trip's. */
export interface UnitWindow {
  lockId: string;
  containerNo: string;
  /** Epoch ms; absent: it has not begun. */
  fromMs?: number;
  /** Absent: it lasts. */
  toMs?: number;
}

export async function unitWindows(db: Queryable, tripId: string): Promise<UnitWindow[]> {
  const { rows } = await db.query<{
    lock_id: string;
    container_no: string;
    tracked_from: Date | null;
    tracked_to: Date | null;
  }>('SELECT lock_id, container_no, tracked_from, tracked_to FROM trip_units WHERE trip_id = $1 ORDER BY ordinal', [
    tripId,
  ]);
  return rows.map((row) => ({
    lockId: row.lock_id,
    containerNo: row.container_no,
    ...(row.tracked_from === null ? {} : { fromMs: row.tracked_from.getTime() }),
    ...(row.tracked_to === null ? {} : { toMs: row.tracked_to.getTime() }),
  }));
}
