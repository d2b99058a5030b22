import { z } from 'zod';
import { Role } from '../roles.ts';
import { Time } from '../time.ts';

/** `bound` false: sees everything; true: sees the offices in `offices` alone, which may be none. */
export const Binding = { offices: z.array(z.string()), bound: z.boolean() };

export const PersonView = z.object({
  name: z.string(),
  role: Role,
  ...Binding,
  createdAt: Time,
  disabledAt: Time.optional(),
  /** After wrong passwords. */
  lockedUntil: Time.optional(),
  /** Whether a second factor is enrolled. */
  secondFactor: z.boolean(),
  /** Whether the OpenID provider signs them in, and says their role and offices. */
  fromProvider: z.boolean(),
});
export type PersonView = z.infer<typeof PersonView>;
/** With the link that signs them in once: in the answer to adding somebody without a password, or letting somebody in again. */
export const PersonWithLink = PersonView.extend({ signIn: z.string().optional() });
export type PersonWithLink = z.infer<typeof PersonWithLink>;

export const KeyView = z.object({
  keyId: z.string(),
  name: z.string(),
  role: Role,
  ...Binding,
  /** The name under which it appears in the audit; no two keys have the same. */
  actor: z.string(),
  createdAt: Time,
  revokedAt: Time.optional(),
  /** When it ends by itself. */
  expiresAt: Time.optional(),
  /** To five minutes. */
  lastUsedAt: Time.optional(),
  /** The key that takes its place. */
  successor: z.uuid().optional(),
});
export type KeyView = z.infer<typeof KeyView>;
/** With the key itself: once, in the answer to making it. */
export const KeyWithSecret = KeyView.extend({ key: z.string() });
export type KeyWithSecret = z.infer<typeof KeyWithSecret>;

/** Who asks, and as what. */
export const Session = z.object({
  name: z.string(),
  role: Role,
  ...Binding,
  kind: z.enum(['person', 'key']),
  expiresAt: Time.optional(),
  /** What the session waits for before it is good for anything: a code, or that a second factor is enrolled. */
  needs: z.enum(['code', 'enrol']).optional(),
});
export type Session = z.infer<typeof Session>;

export const Account = z.object({
  name: z.string(),
  role: Role,
  ...Binding,
  hasPassword: z.boolean(),
  /** The OpenID provider signs them in: they have no password here. */
  fromProvider: z.boolean(),
  secondFactor: z.object({ enrolled: z.boolean(), required: z.boolean(), recoveryCodesLeft: z.int() }),
});
export type Account = z.infer<typeof Account>;

/** One browser in which somebody is signed in. */
export const SessionView = z.object({
  sessionId: z.uuid(),
  method: z.enum(['password', 'link', 'provider']),
  address: z.string(),
  /** The browser's own words (User-Agent). */
  agent: z.string(),
  createdAt: Time,
  /** To the minute. */
  lastUsedAt: Time,
  expiresAt: Time,
  /** Whether it is the one that asks. */
  current: z.boolean(),
});
export type SessionView = z.infer<typeof SessionView>;
