import type { Alarm, ClientToServer, FeedLock, ServerToClient } from '@sealwatch/schemas';
import { decodeFrame } from '@sealwatch/schemas';
import type { Socket } from 'socket.io-client';
import { io } from 'socket.io-client';
import { InterfaceError } from '../rest.ts';

/** When the live feed delivered something, by this machine's clock, epoch ms. */
export interface SeenOnFeed {
  /** first red position of a lock, or first alarm, provisional or not */
  redMs?: number;
  /** by rule: the confirmed alarm */
  alarmMs: ReadonlyMap<string, number>;
}

/** A client of the live feed (contract §5) that notes when it receives red positions and alarms. */
export interface FeedWatch {
  seen(tripId: string, lockIds: readonly string[]): SeenOnFeed;
  close(): void;
}

const CONNECT_WAIT_MS = 15_000;

/** @throws InterfaceError if the feed refuses the key or does not answer */
export async function watchFeed(http: string, key: string): Promise<FeedWatch> {
  const socket: Socket<ServerToClient, ClientToServer> = io(new URL('/live', http).href, {
    transports: ['websocket'],
    auth: { key },
    timeout: CONNECT_WAIT_MS,
  });
  const lockOf = new Map<number, string>();
  const redMs = new Map<string, number>();
  const alarmMs = new Map<string, number>();
  const note = (times: Map<string, number>, name: string) => {
    if (!times.has(name)) times.set(name, Date.now());
  };
  const learn = (locks: readonly FeedLock[]) => {
    for (const { index, lockId } of locks) lockOf.set(index, lockId);
  };
  const see = (frame: ArrayBuffer | Uint8Array) => {
    for (const { index, status } of decodeFrame(frame).positions) {
      const lockId = lockOf.get(index);
      if (lockId !== undefined && (status === 'provisional' || status === 'red')) note(redMs, lockId);
    }
  };
  const noteAlarm = ({ tripId, rule, state }: Alarm) => {
    if (rule === 'route.deviation') note(redMs, tripId ?? '');
    if (state !== 'provisional') note(alarmMs, `${tripId} ${rule}`);
  };
  socket.on('locks', ({ locks }) => learn(locks));
  socket.on('positions', see);
  socket.on('alarm', ({ alarm }) => noteAlarm(alarm));
  await untilSnapshot(socket, http, learn);
  return {
    seen: (tripId, lockIds) => {
      const reds = [tripId, ...lockIds].flatMap((name) => redMs.get(name) ?? []);
      const ofTrip = [...alarmMs].filter(([name]) => name.startsWith(`${tripId} `));
      const rules = ofTrip.map(([name, atMs]) => [name.slice(tripId.length + 1), atMs] as const);
      return { alarmMs: new Map(rules), ...(reds.length > 0 ? { redMs: Math.min(...reds) } : {}) };
    },
    close: () => socket.close(),
  };
}

/** Resolves at the first snapshot. @throws InterfaceError if the feed refuses the connection or does not answer */
function untilSnapshot(
  socket: Socket<ServerToClient, ClientToServer>,
  http: string,
  learn: (locks: readonly FeedLock[]) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => {
      socket.close();
      reject(new InterfaceError(`live feed ${http}/live`, error.message));
    };
    const timer = setTimeout(() => refuse(new Error('no snapshot in time')), CONNECT_WAIT_MS);
    socket.once('connect_error', refuse);
    socket.once('snapshot', ({ locks }) => {
      clearTimeout(timer);
      socket.off('connect_error', refuse);
      learn(locks);
      resolve();
    });
  });
}
