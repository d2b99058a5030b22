import { z } from 'zod';
import { Uuid } from './identifiers.ts';
import { Time } from './time.ts';

export const CommandType = z.enum(['interval', 'seal', 'unlock', 'locate', 'reboot', 'secret']);

/** Platform → lock, on `locks/{lockId}/command`. */
export const Command = z.object({
  v: z.literal(1),
  commandId: Uuid,
  type: CommandType,
  intervalS: z.int().min(5).max(86_400).optional(),
  /** Of `secret`: what the lock signs in with from now on. It keeps the one before until a CONNECT with this one is accepted. */
  secret: z.string().min(22).max(100).optional(),
  expiresAt: Time.optional(),
});
export type Command = z.infer<typeof Command>;

/** Lock → platform, on `locks/{lockId}/reply`. */
export const Reply = z.object({
  v: z.literal(1),
  commandId: Uuid,
  result: z.enum(['done', 'refused', 'failed']),
  reason: z.string().max(500).optional(),
  time: Time,
});
export type Reply = z.infer<typeof Reply>;

export const CommandState = z.enum(['queued', 'sent', 'done', 'refused', 'failed', 'expired', 'cancelled']);
export type CommandState = z.infer<typeof CommandState>;

/** What a caller posts to have a command sent; a new secret has a call of its own. */
export const CommandOrder = z.object({
  type: CommandType.exclude(['secret']),
  intervalS: z.int().min(5).max(86_400).optional(),
  expiresAt: Time.optional(),
});
