import { type Alarm, type FeedPassage, isOver, type Trip, WALL_ZONE } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { activeAlarms, alarmOf } from '../store/alarms/alarms.ts';
import { wallLocks } from '../store/locks/locks.ts';
import { feedPassageOf, listPassages } from '../store/passages/passages.ts';
import { arrivalsToday, openTrips } from '../store/trips/trips.ts';
import { tripOf } from '../store/trips/view.ts';
import { LockTable } from './lock-table.ts';

const PASSAGES_KEPT = 100;
/** Alarms that a wall can show at all; older ones are found by the list of alarms. */
const ALARMS_KEPT = 5_000;

export interface WallPassage {
  passage: FeedPassage;
  office?: string | undefined;
}

export interface Arrivals {
  originOffice: string;
  destinationOffice: string;
  trips: number;
}

/**
 * What the wall shows, as the store holds it (law 7): open trips, active alarms, the last passages, every lock.
 * A snapshot is taken of it without waiting, so that nothing can happen between a snapshot and the messages after it.
 */
export class Wall {
  readonly locks = new LockTable();
  readonly trips = new Map<string, Trip>();
  readonly alarms = new Map<string, Alarm>();
  passages: WallPassage[] = [];
  arrivals: Arrivals[] = [];

  async load(pool: Pool): Promise<void> {
    for (const row of await openTrips(pool)) this.trips.set(row.trip_id, tripOf(row));
    for (const row of await wallLocks(pool)) this.locks.put(row);
    for (const trip of this.trips.values()) this.locks.follow(trip);
    for (const row of await activeAlarms(pool, ALARMS_KEPT)) this.alarms.set(row.alarm_id, alarmOf(row));
    const rows = await listPassages(pool, { offices: null, limit: PASSAGES_KEPT });
    this.passages = rows.map((row) => ({
      passage: feedPassageOf(row, row.gate_name),
      office: row.gate_office ?? undefined,
    }));
    await this.countArrivals(pool);
  }

  /** Arrivals of the command centre's day. */
  async countArrivals(pool: Pool): Promise<void> {
    this.arrivals = await arrivalsToday(pool, WALL_ZONE);
  }

  putTrip(trip: Trip): { changed: number[]; moved: ReturnType<LockTable['follow']>['moved'] } {
    if (isOver(trip)) this.trips.delete(trip.tripId);
    else this.trips.set(trip.tripId, trip);
    return this.locks.follow(trip);
  }

  putAlarm(alarm: Alarm): void {
    if (alarm.active) this.alarms.set(alarm.alarmId, alarm);
    else this.alarms.delete(alarm.alarmId);
    if (this.alarms.size <= ALARMS_KEPT) return;
    const oldest = this.alarms.keys().next().value;
    if (oldest !== undefined) this.alarms.delete(oldest);
  }

  putPassage(passage: WallPassage): void {
    const same = (known: WallPassage) =>
      known.passage.gateId === passage.passage.gateId && known.passage.passageId === passage.passage.passageId;
    this.passages = [passage, ...this.passages.filter((known) => !same(known))].slice(0, PASSAGES_KEPT);
  }

  /** Whether people of these offices see a trip; null sees all, `[]` nothing. */
  seesTrip(offices: string[] | null, trip: Pick<Trip, 'originOffice' | 'destinationOffice'> | undefined): boolean {
    if (offices === null) return true;
    return trip !== undefined && (offices.includes(trip.originOffice) || offices.includes(trip.destinationOffice));
  }
}
