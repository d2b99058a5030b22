import { randomUUID } from 'node:crypto';
import type { NewOrder } from '../store/locks/commands.ts';

/** A command waits a day for its lock: longer than any dead zone, shorter than the next trip. */
export const COMMAND_LIFE_MS = 24 * 3_600_000;

/** A command that waits a day for its lock, unless it says otherwise. */
export const newOrder = (
  order: Omit<NewOrder, 'commandId' | 'expiresAt'> & { expiresAt?: Date | undefined },
): NewOrder => ({
  ...order,
  commandId: randomUUID(),
  expiresAt: order.expiresAt ?? new Date(Date.now() + COMMAND_LIFE_MS),
});
