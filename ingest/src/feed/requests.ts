import { z } from 'zod';
import type { FeedClient } from './client.ts';

const RESYNC_AT_MOST_EVERY_MS = 500;

const WatchForm = z.object({
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]).optional(),
  tripIds: z.array(z.string().max(64)).max(1_000).optional(),
});

/**
 * Sends a screen its first state, and follows what it asks for: `resync` for all of it again, `watch` for the part that
 * it shows. Ends when the screen disconnects.
 */
export function followRequests(client: FeedClient, sendSnapshot: () => void): void {
  const { socket } = client;
  let resyncedMs = 0;
  const resync = () => {
    resyncedMs = Date.now();
    if (socket.connected) sendSnapshot();
  };
  resync();
  let waiting: NodeJS.Timeout | undefined;
  socket.on('resync', () => {
    const inMs = resyncedMs + RESYNC_AT_MOST_EVERY_MS - Date.now();
    clearTimeout(waiting);
    if (inMs <= 0) resync();
    else waiting = setTimeout(resync, inMs);
  });
  socket.on('watch', (watch: unknown) => {
    const read = WatchForm.safeParse(watch);
    if (!read.success) return;
    const { bbox, tripIds } = read.data;
    client.watch({ ...(bbox === undefined ? {} : { bbox }), ...(tripIds === undefined ? {} : { tripIds }) });
  });
  socket.on('disconnect', () => clearTimeout(waiting));
}
