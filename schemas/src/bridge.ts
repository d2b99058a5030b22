import { z } from 'zod';
import { LockId } from './identifiers.ts';
import { Time } from './time.ts';

/** Name of a bridge's profile: how a model of lock speaks, e.g. `jointech-701d`. */
export const ProfileName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'expected the name of a profile, e.g. jointech-701d');

/** The id that a lock bears on the wire. */
export const WireId = z.string().regex(/^[0-9A-F]{1,20}$/, 'expected 1 to 20 digits, as the lock sends them');

/** A network that a lock may connect from. */
export const Network = z.union([z.cidrv4(), z.cidrv6()], { error: 'expected a network, e.g. 10.20.0.0/16' });

/** A lock that the bridge speaks for. */
export const BridgedLock = z.object({
  lockId: LockId,
  wireId: z.string(),
  profile: ProfileName,
  /** Networks that it may connect from; empty: any. */
  networks: z.array(z.string()),
  /** What the bridge signs in to MQTT with for it. */
  secret: z.string(),
});
export type BridgedLock = z.infer<typeof BridgedLock>;

/** A connection under an id that no bridged lock has, or from a network that its lock may not come from. */
export const StrangerSeen = z.object({
  wireId: z.string().max(40),
  protocol: z.string().max(20),
  /** IPv4 /24 or IPv6 /48. */
  network: z.string().max(60),
  why: z.enum(['unknown', 'network']),
  at: Time,
  count: z.int().min(1),
});
export type StrangerSeen = z.infer<typeof StrangerSeen>;

/** A second connection came under the id of a lock while the first one lived. */
export const SecondConnection = z.object({
  lockId: LockId,
  at: Time,
  was: z.string().max(60),
  came: z.string().max(60),
});
export type SecondConnection = z.infer<typeof SecondConnection>;

/** The newest frame that a lock has sent, as it came. */
export const LastFrame = z.object({
  lockId: LockId,
  at: Time,
  hex: z.string().max(8_192),
});
export type LastFrame = z.infer<typeof LastFrame>;

/** What a bridge tells the platform, and what it knows of the bridged locks already. */
export const BridgeNews = z.object({
  bridge: z.string().min(1).max(80),
  /** Of the list of locks that it has; absent: none. */
  version: z.string().max(64).optional(),
  connected: z.int().min(0).default(0),
  strangers: z.array(StrangerSeen).max(100).default([]),
  secondConnections: z.array(SecondConnection).max(100).default([]),
  frames: z.array(LastFrame).max(500).default([]),
});
export type BridgeNews = z.infer<typeof BridgeNews>;

/** The list of bridged locks; without `locks` it is the one that the bridge has. */
export const BridgeList = z.object({ version: z.string(), locks: z.array(BridgedLock).optional() });
export type BridgeList = z.infer<typeof BridgeList>;
