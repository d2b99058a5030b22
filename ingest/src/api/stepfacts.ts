import type { SealState } from '@sealwatch/schemas';
import { LockMode } from '@sealwatch/schemas';
import type { LockFacts, Reading, StepFacts } from '../custody/checks.ts';
import { listAlarms } from '../store/alarms.ts';
import { getLock } from '../store/locks.ts';
import { type OrderRow, ordersOfTrip } from '../store/orders.ts';
import type { Queryable } from '../store/queryable.ts';
import type { TripView } from '../store/trips.ts';
import { designatedPlace } from './locality.ts';

export async function lockFacts(db: Queryable, row: TripView, end: 'origin' | 'destination'): Promise<LockFacts[]> {
  const within = await designatedPlace(db, row, end);
  const orders = await ordersOfTrip(db, row.trip_id);
  const facts: LockFacts[] = [];
  for (const { lockId } of row.units) {
    const lock = (await getLock(db, lockId, []))!;
    const report = lock.last_report ?? {};
    const position = lock.last_fix?.position as { lon: number; lat: number } | undefined;
    const mode = LockMode.safeParse(report.mode).data;
    const seal = report.seal as SealState | undefined;
    const own = orders.filter((order) => order.lock_id === lockId);
    facts.push({
      lockId,
      retired: lock.retired_at !== null,
      ...(lock.last_time === null ? {} : { lastTimeMs: lock.last_time.getTime() }),
      ...(mode === undefined ? {} : { mode }),
      ...(seal === undefined ? {} : { seal }),
      ...(report.battery ? { battery: report.battery as { percent?: number; charging?: boolean } } : {}),
      ...(within && position ? { inPlace: within(position.lon, position.lat) } : {}),
      intervalConfirmed: mode === 'sealed' || own.some((o) => o.type === 'interval' && o.state === 'done'),
      unlockConfirmed: unlockedBy(own, lock.last_time, seal),
    });
  }
  return facts;
}

/** The lock said so, or shows it in a record made after the unlock was asked for. */
function unlockedBy(orders: OrderRow[], lastTime: Date | null, seal: SealState | undefined): boolean {
  const unlocks = orders.filter((order) => order.type === 'unlock');
  if (unlocks.some((order) => order.state === 'done')) return true;
  const first = unlocks[0];
  return first !== undefined && lastTime !== null && lastTime >= first.created_at && seal?.motor === 'unlocked';
}

export async function stepFacts(
  db: Queryable,
  row: TripView,
  end: 'origin' | 'destination',
  who: { by: string; read?: Reading },
): Promise<StepFacts> {
  const alarms = await listAlarms(db, { tripId: row.trip_id, active: true, offices: [], limit: 500 });
  return {
    nowMs: Date.now(),
    units: row.units,
    plates: [row.tractor_plate, ...(row.trailer_plate === null ? [] : [row.trailer_plate])],
    locks: await lockFacts(db, row, end),
    ...(who.read === undefined ? {} : { read: who.read }),
    latchedRules: [...new Set(alarms.filter((a) => a.kind === 'latched').map((a) => a.rule))],
    verified: ['verified', 'unlocked'].includes(row.status),
    by: who.by,
  };
}
