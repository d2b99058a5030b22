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
    judged_from: Date | null;
    judged_to: Date | null;
  }>('SELECT lock_id, container_no, judged_from, judged_to FROM trip_units WHERE trip_id = $1 ORDER BY ordinal', [
    tripId,
  ]);
  return rows.map((row) => ({
    lockId: row.lock_id,
    containerNo: row.container_no,
    ...(row.judged_from === null ? {} : { fromMs: row.judged_from.getTime() }),
    ...(row.judged_to === null ? {} : { toMs: row.judged_to.getTime() }),
  }));
}
