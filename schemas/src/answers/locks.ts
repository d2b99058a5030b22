import { z } from 'zod';
import { CommandState, CommandType } from '../command.ts';
import { LockCertificate, LockSignIn } from '../lock-access.ts';
import { Time } from '../time.ts';

/** What a lock signs in with; its secret is no part of it. */
export const LockAccessView = z.object({
  signIn: LockSignIn,
  /** SHA-256 of certificates or of their keys; absent: every certificate that names the lock. */
  pins: z.array(z.string()).optional(),
  /** The one it has last signed in with; it expires at `notAfter`. */
  certificate: LockCertificate.optional(),
  /** A new secret is on its way: until the lock signs in with it, the one before it is good. */
  secretWaits: z.literal(true).optional(),
  revoked: z
    .array(
      z.object({
        kind: z.enum(['serial', 'sha256']),
        value: z.string(),
        reason: z.string(),
        revokedAt: Time,
        revokedBy: z.string(),
      }),
    )
    .optional(),
});
export type LockAccessView = z.infer<typeof LockAccessView>;

export const LockView = z.object({
  lockId: z.string(),
  model: z.string(),
  /** Absent: a real one. */
  simulated: z.literal(true).optional(),
  /** The bridge speaks for it: its protocol tells it by its id on the wire alone. */
  profile: z.string().optional(),
  wireId: z.string().optional(),
  networks: z.array(z.string()).optional(),
  /** Absent: its records are numbered one after the other. */
  numbered: z.literal(false).optional(),
  state: z.enum(['new', 'stock', 'on-trip', 'retired']),
  createdAt: Time,
  retiredAt: Time.optional(),
  /** Set while it is on the black list. */
  blocked: z.object({ reason: z.string(), by: z.string() }).optional(),
  tripId: z.string().optional(),
  lastSeenAt: Time.optional(),
  lastReportAt: Time.optional(),
  /** As its newest record says. */
  battery: z.looseObject({ percent: z.number().optional(), charging: z.boolean().optional() }).optional(),
  seal: z
    .looseObject({
      rope: z.string().optional(),
      motor: z.string().optional(),
      cover: z.string().optional(),
      useCount: z.number().optional(),
    })
    .optional(),
  position: z
    .looseObject({
      lon: z.number(),
      lat: z.number(),
      speedKmh: z.number().optional(),
      headingDeg: z.number().optional(),
    })
    .optional(),
  positionAt: Time.optional(),
  /** Values of its records that could not be: they were left out and the rest was taken. The newest stands in quarantine. */
  leftOut: z
    .object({
      count: z.int(),
      last: z.object({ field: z.string(), value: z.string(), expected: z.string(), at: Time }),
    })
    .optional(),
  /** Unreadable payloads in quarantine (of one lock alone); at the bound further ones are not acknowledged. */
  junk: z.object({ bytes: z.int(), mostBytes: z.int() }).optional(),
  /** What it signs in with; of one lock alone. */
  access: LockAccessView.optional(),
});
export type LockView = z.infer<typeof LockView>;

/** A lock that signs in by certificate alone has no secret, and that of a lock with a profile is the bridge's. */
export const LockSecret = z.object({ lockId: z.string(), secret: z.string().optional() });
export type LockSecret = z.infer<typeof LockSecret>;

export const CommandView = z.object({
  commandId: z.string(),
  lockId: z.string(),
  tripId: z.string().optional(),
  type: CommandType,
  intervalS: z.number().optional(),
  state: CommandState,
  createdAt: Time,
  createdBy: z.string(),
  secondPerson: z.string().optional(),
  expiresAt: Time,
  sentAt: Time.optional(),
  endedAt: Time.optional(),
  reason: z.string().optional(),
});
export type CommandView = z.infer<typeof CommandView>;
