import { randomUUID } from 'node:crypto';
import type { NewCommand } from '../store/locks/commands.ts';

/** A command waits a day for its lock: longer than any dead zone, shorter than the next trip. */
export const COMMAND_LIFE_MS = 24 * 3_600_000;

/** A command that waits a day for its lock, unless it says otherwise. */
export const newCommand = (
  order: Omit<NewCommand, 'commandId' | 'expiresAt'> & { expiresAt?: Date | undefined },
): NewCommand => ({
  ...order,
  commandId: randomUUID(),
  expiresAt: order.expiresAt ?? new Date(Date.now() + COMMAND_LIFE_MS),
});
