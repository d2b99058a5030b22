import { type ClientToServer, decodeFrame, type ServerToClient, type SnapshotMessage } from '@sealwatch/schemas';
import { io, type Socket } from 'socket.io-client';
import type { Fleet } from '../map/fleet.ts';
import { arrive, type Board, takeAlarm, takeLocks, takePassage, takeSnapshot, takeTrip } from './board.ts';
import type { Link } from './link.ts';

/** Which part of the board changed. Positions are not notified: the map reads the fleet in every frame. */
export type Change = 'snapshot' | 'trip' | 'alarm' | 'passage' | 'stats';

export interface FeedOptions {
  board: Board;
  fleet: Fleet;
  changed: (change: Change) => void;
  linkChanged: (link: Link) => void;
  /** The platform runs a newer build: the page has to be reloaded. */
  outdated: () => void;
  /** The platform refused the connection; resolves when the next attempt may be made. */
  refused: () => Promise<void>;
}

/** A requested snapshot that has not arrived after this time is requested again, ms. */
const SNAPSHOT_WITHIN_MS = 5_000;

export interface Feed {
  close(): void;
}

/**
 * The live feed (contract §5), by WebSocket only. Reconnects for ever with back-off; checks the sequence and requests a
 * new snapshot after a gap; ignores what arrives before the first snapshot of a connection.
 */
export function connectFeed(options: FeedOptions): Feed {
  return new FeedClient(options);
}

class FeedClient implements Feed {
  readonly #options: FeedOptions;
  readonly #link: Link = { phase: 'connecting', attempt: 0 };
  readonly #socket: Socket<ServerToClient, ClientToServer>;
  /** The snapshot of this connection has arrived. */
  #joined = false;
  #snapshotTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: FeedOptions) {
    this.#options = options;
    this.#socket = io('/live', {
      transports: ['websocket'],
      reconnectionDelay: 500,
      reconnectionDelayMax: 10_000,
      randomizationFactor: 0.5,
      timeout: 8_000,
    });
    this.#receive();
    this.#followConnection();
  }

  close(): void {
    clearTimeout(this.#snapshotTimer);
    this.#socket.close();
  }

  #receive(): void {
    const { board, fleet, changed } = this.#options;
    const socket = this.#socket;
    socket.on('snapshot', (snapshot) => this.#join(snapshot));
    socket.on('positions', (bytes) => {
      const frame = decodeFrame(bytes);
      this.#take(frame.sequence, () => fleet.apply(frame.positions, performance.now()));
    });
    socket.on('locks', ({ sequence, locks }) => this.#take(sequence, () => takeLocks(board, locks)));
    socket.on('trip', ({ sequence, trip }) =>
      this.#take(sequence, () => {
        takeTrip(board, trip);
        changed('trip');
      }),
    );
    socket.on('alarm', ({ sequence, alarm }) =>
      this.#take(sequence, () => {
        takeAlarm(board, alarm);
        changed('alarm');
      }),
    );
    socket.on('passage', ({ sequence, passage }) =>
      this.#take(sequence, () => {
        takePassage(board, passage);
        changed('passage');
      }),
    );
    socket.on('stats', ({ sequence, stats, health }) =>
      this.#take(sequence, () => {
        board.stats = stats;
        board.health = health;
        this.#changeLink({});
        changed('stats');
      }),
    );
  }

  #followConnection(): void {
    const socket = this.#socket;
    socket.on('connect', () => {
      this.#joined = false;
      delete this.#options.board.sequence;
      this.#changeLink({ phase: 'resyncing' });
      this.#awaitSnapshot();
    });
    socket.on('disconnect', (reason) => {
      clearTimeout(this.#snapshotTimer);
      this.#joined = false;
      this.#changeLink({ phase: 'lost', attempt: 0 });
      if (reason === 'io server disconnect') socket.connect();
    });
    socket.on('connect_error', () => {
      const phase = this.#link.heardMs === undefined ? 'connecting' : 'lost';
      this.#changeLink({ phase, attempt: this.#link.attempt + 1 });
      // Refused by the platform, not by the network: the client library does not try again by itself.
      if (!socket.active) this.#options.refused().then(() => socket.connect());
    });
  }

  #join(snapshot: SnapshotMessage): void {
    const { board, fleet, changed, outdated } = this.#options;
    clearTimeout(this.#snapshotTimer);
    if (board.build !== undefined && board.build !== snapshot.build) {
      outdated();
      return;
    }
    this.#joined = true;
    takeSnapshot(board, snapshot);
    fleet.apply(decodeFrame(snapshot.positions).positions, performance.now(), true);
    this.#changeLink({ phase: 'live', attempt: 0, heardMs: Date.now() });
    changed('snapshot');
  }

  #take(sequence: number, apply: () => void): void {
    this.#link.heardMs = Date.now();
    if (!this.#joined) return;
    const arrival = arrive(this.#options.board, sequence);
    if (arrival === 'duplicate') return;
    apply();
    if (arrival === 'gap' && this.#link.phase !== 'resyncing') {
      this.#changeLink({ phase: 'resyncing' });
      this.#requestSnapshot();
    }
  }

  #changeLink(change: Partial<Link>): void {
    Object.assign(this.#link, change);
    this.#options.linkChanged({ ...this.#link });
  }

  #requestSnapshot(): void {
    this.#socket.emit('resync');
    this.#awaitSnapshot();
  }

  #awaitSnapshot(): void {
    clearTimeout(this.#snapshotTimer);
    this.#snapshotTimer = setTimeout(() => this.#socket.connected && this.#requestSnapshot(), SNAPSHOT_WITHIN_MS);
  }
}
