import { type ClientToServer, decodeFrame, type ServerToClient } from '@sealwatch/schemas';
import { io, type Socket } from 'socket.io-client';
import type { Fleet } from '../map/fleet.ts';
import { arrive, type Board, takeAlarm, takeLocks, takePassage, takeSnapshot, takeTrip } from './board.ts';
import type { Link } from './link.ts';

/** What of the board changed. Positions are not told: the map reads the fleet by itself. */
export type Change = 'snapshot' | 'trip' | 'alarm' | 'passage' | 'stats';

export interface FeedOptions {
  board: Board;
  fleet: Fleet;
  changed: (change: Change, id?: string) => void;
  linkChanged: (link: Link) => void;
  /** The platform was built anew: the page has to be loaded again. */
  outdated: () => void;
  /** The platform refused the connection; resolves once it is worth another try. */
  refused: () => Promise<void>;
}

/** A snapshot asked for and not here after this is asked for again, ms. */
const SNAPSHOT_WITHIN_MS = 5_000;

export interface Feed {
  close(): void;
}

/**
 * The live feed (contract §5), by WebSocket only. Reconnects for ever with back-off; counts the sequence and asks for a
 * new snapshot after a gap; anything told before the first snapshot of a connection is not understood and left.
 */
export function connectFeed(options: FeedOptions): Feed {
  const { board, fleet } = options;
  const link: Link = { phase: 'connecting', attempt: 0 };
  const socket: Socket<ServerToClient, ClientToServer> = io('/live', {
    transports: ['websocket'],
    reconnectionDelay: 500,
    reconnectionDelayMax: 10_000,
    randomizationFactor: 0.5,
    timeout: 8_000,
  });
  let joined = false;
  let asking: ReturnType<typeof setTimeout> | undefined;

  const tell = (change: Partial<Link>) => {
    Object.assign(link, change);
    options.linkChanged({ ...link });
  };
  const ask = (now: boolean) => {
    clearTimeout(asking);
    if (now) socket.emit('resync');
    asking = setTimeout(() => socket.connected && ask(true), SNAPSHOT_WITHIN_MS);
  };
  const take = (sequence: number, apply: () => void) => {
    link.heardMs = Date.now();
    if (!joined) return;
    const arrival = arrive(board, sequence);
    if (arrival === 'duplicate') return;
    apply();
    if (arrival === 'gap' && link.phase !== 'resyncing') {
      tell({ phase: 'resyncing' });
      ask(true);
    }
  };

  socket.on('connect', () => {
    joined = false;
    delete board.sequence;
    tell({ phase: 'resyncing' });
    ask(false);
  });
  socket.on('snapshot', (snapshot) => {
    clearTimeout(asking);
    if (board.build !== undefined && board.build !== snapshot.build) return options.outdated();
    joined = true;
    takeSnapshot(board, snapshot);
    fleet.apply(decodeFrame(snapshot.positions).positions, performance.now(), true);
    tell({ phase: 'live', attempt: 0, heardMs: Date.now() });
    options.changed('snapshot');
  });
  socket.on('positions', (bytes) => {
    const frame = decodeFrame(bytes);
    take(frame.sequence, () => fleet.apply(frame.positions, performance.now()));
  });
  socket.on('locks', (message) => take(message.sequence, () => takeLocks(board, message.locks)));
  socket.on('trip', ({ sequence, trip }) =>
    take(sequence, () => {
      takeTrip(board, trip);
      options.changed('trip', trip.tripId);
    }),
  );
  socket.on('alarm', ({ sequence, alarm }) =>
    take(sequence, () => {
      takeAlarm(board, alarm);
      options.changed('alarm', alarm.alarmId);
    }),
  );
  socket.on('passage', ({ sequence, passage }) =>
    take(sequence, () => {
      takePassage(board, passage);
      options.changed('passage');
    }),
  );
  socket.on('stats', ({ sequence, stats, health }) =>
    take(sequence, () => {
      board.stats = stats;
      board.health = health;
      tell({});
      options.changed('stats');
    }),
  );
  socket.on('disconnect', (reason) => {
    clearTimeout(asking);
    joined = false;
    tell({ phase: 'lost', attempt: 0 });
    if (reason === 'io server disconnect') socket.connect();
  });
  socket.on('connect_error', () => {
    tell({ phase: link.heardMs === undefined ? 'connecting' : 'lost', attempt: link.attempt + 1 });
    // Refused by the platform, not by the network: the client library does not try again by itself.
    if (!socket.active) options.refused().then(() => socket.connect());
  });
  return {
    close: () => {
      clearTimeout(asking);
      socket.close();
    },
  };
}
