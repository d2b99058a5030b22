import type {
  ClientToServer,
  FeedStats,
  FramePosition,
  ServerToClient,
  SnapshotMessage,
  Watch,
} from '@sealwatch/schemas';
import { encodeFrame } from '@sealwatch/schemas';
import type { Socket } from 'socket.io';
import type { Principal } from '../people/principal.ts';
import { framePosition, tableEntry, type WallLock } from './lock-table.ts';
import type { Wall } from './wall.ts';

export type FeedSocket = Socket<ClientToServer, ServerToClient, Record<string, never>, { caller: Principal }>;

/** Messages that wait for a screen that does not read; more than this and it had better begin anew. */
const MOST_WAITING = 2_000;

/** One screen. Its messages are numbered without a gap; what it is too slow for is merged, never numbered and lost. */
export class FeedClient {
  readonly socket: FeedSocket;
  #wall: Wall;
  /** Indices whose newest position this screen has not got yet. */
  readonly #pending = new Set<number>();
  #sequence = 0;
  #watch: Watch = {};
  #settled = false;
  /** Messages given since the connection last took all it was given. */
  #waiting = 0;

  constructor(socket: FeedSocket, wall: Wall) {
    this.socket = socket;
    this.#wall = wall;
    socket.conn.on('drain', () => {
      this.#waiting = 0;
    });
  }

  /** Offices it is bound to; null: none, it sees all; `[]`: it sees nothing. */
  get offices(): string[] | null {
    return this.socket.data.caller.offices;
  }

  /** Another wall was loaded, in which locks have other places: a snapshot of it has to follow. */
  show(wall: Wall): void {
    this.#wall = wall;
  }

  watch(watch: Watch): void {
    this.#watch = watch;
    // What was left out until now is shown at once.
    for (const lock of this.#wall.locks.all()) this.#pending.add(lock.index);
  }

  #number(): number {
    this.#sequence = (this.#sequence + 1) >>> 0;
    return this.#sequence;
  }

  /** The connection still has something of ours to write. */
  #busy(): boolean {
    const { conn } = this.socket;
    return this.#waiting > 0 || !conn.transport.writable;
  }

  #sees(lock: WallLock): boolean {
    const { offices } = this;
    return offices === null || lock.offices.some((office) => offices.includes(office));
  }

  #watches(lock: WallLock): boolean {
    const { bbox, tripIds } = this.#watch;
    if (tripIds !== undefined && lock.tripId !== undefined && tripIds.includes(lock.tripId)) return true;
    if (bbox === undefined) return tripIds === undefined;
    const { lon, lat } = lock.position ?? { lon: Number.NaN, lat: Number.NaN };
    const [west, south, east, north] = bbox;
    const within = west <= east ? lon >= west && lon <= east : lon >= west || lon <= east;
    return within && lat >= south && lat <= north;
  }

  snapshot(rest: Pick<SnapshotMessage, 'build' | 'stats'>): void {
    const wall = this.#wall;
    const locks = wall.locks.all().filter((lock) => this.#sees(lock));
    const sequence = this.#number();
    const now = Date.now();
    this.#pending.clear();
    this.#settled = true;
    this.socket.emit('snapshot', {
      ...rest,
      sequence,
      serverTime: new Date(now).toISOString(),
      locks: locks.map(tableEntry),
      positions: encodeFrame({
        sequence,
        serverTimeMs: now,
        positions: locks.flatMap((lock) => framePosition(lock) ?? []),
      }),
      trips: [...wall.trips.values()].filter((trip) => wall.seesTrip(this.offices, trip)),
      alarms: [...wall.alarms.values()].filter((alarm) => this.#seesAlarmOf(alarm.tripId)),
      passages: wall.passages.filter((p) => this.#seesPassage(p.passage.tripId, p.office)).map((p) => p.passage),
    });
  }

  #seesAlarmOf(tripId: string | undefined): boolean {
    return (
      this.offices === null || (tripId !== undefined && this.#wall.seesTrip(this.offices, this.#wall.trips.get(tripId)))
    );
  }

  #seesPassage(tripId: string | undefined, office: string | undefined): boolean {
    if (this.offices === null) return true;
    if (tripId !== undefined && this.#wall.seesTrip(this.offices, this.#wall.trips.get(tripId))) return true;
    return office !== undefined && this.offices.includes(office);
  }

  changed(indices: Iterable<number>): void {
    for (const index of indices) this.#pending.add(index);
  }

  /** One frame with what has changed, unless the screen is still busy with the last: then the next tick tries again. */
  tick(nowMs: number): void {
    if (!this.#settled || this.#pending.size === 0 || this.#busy()) return;
    const positions: FramePosition[] = [];
    for (const index of this.#pending) {
      const lock = this.#wall.locks.at(index);
      const position = lock !== undefined && this.#sees(lock) && this.#watches(lock) ? framePosition(lock) : undefined;
      if (position !== undefined) positions.push(position);
    }
    this.#pending.clear();
    if (positions.length === 0) return;
    this.socket.emit('positions', encodeFrame({ sequence: this.#number(), serverTimeMs: nowMs, positions }));
  }

  locks(locks: WallLock[]): void {
    const seen = locks.filter((lock) => this.#sees(lock));
    if (!this.#settled || seen.length === 0) return;
    this.socket.emit('locks', { sequence: this.#number(), locks: seen.map(tableEntry) });
    this.changed(seen.map((lock) => lock.index));
  }

  /** Alarms, trips and passages are never dropped; a screen that takes none of them is sent away to begin anew. */
  #deliver(send: (sequence: number) => void): void {
    if (!this.#settled) return;
    if (!this.socket.conn.transport.writable) this.#waiting++;
    if (this.#waiting > MOST_WAITING) this.socket.disconnect(true);
    else send(this.#number());
  }

  trip(trip: Parameters<ServerToClient['trip']>[0]['trip']): void {
    if (!this.#wall.seesTrip(this.offices, trip)) return;
    this.#deliver((sequence) => this.socket.emit('trip', { sequence, trip }));
  }

  alarm(alarm: Parameters<ServerToClient['alarm']>[0]['alarm'], ofTrip: Parameters<Wall['seesTrip']>[1]): void {
    if (!this.#wall.seesTrip(this.offices, ofTrip)) return;
    this.#deliver((sequence) => this.socket.emit('alarm', { sequence, alarm }));
  }

  passage(
    passage: Parameters<ServerToClient['passage']>[0]['passage'],
    of: { trip: Parameters<Wall['seesTrip']>[1]; office: string | undefined },
  ): void {
    const own = of.office !== undefined && (this.offices?.includes(of.office) ?? true);
    if (!own && !this.#wall.seesTrip(this.offices, of.trip)) return;
    this.#deliver((sequence) => this.socket.emit('passage', { sequence, passage }));
  }

  /** Figures are only of the moment: a busy screen gets the next ones. */
  stats(message: { stats: FeedStats; serverTime: string; health: { ready: boolean; reasons: string[] } }): void {
    if (!this.#settled || this.#busy()) return;
    this.socket.emit('stats', { sequence: this.#number(), ...message });
  }
}
