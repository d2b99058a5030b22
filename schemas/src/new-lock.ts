import { z } from 'zod';
import { Network, ProfileName, WireId } from './bridge.ts';
import { LockId } from './identifiers.ts';
import { LockSignIn, Pins } from './lock-access.ts';

/** A lock as it is registered. */
export const NewLock = z.object({
  lockId: LockId,
  model: z.string().max(100).default(''),
  /** A lock of a test fleet; said by testers. */
  simulated: z.boolean().optional(),
  /** What it signs in with. */
  signIn: LockSignIn.default('secret'),
  /** Its certificates: SHA-256 of them or of their public keys. */
  pins: Pins.optional(),
  /** How it speaks, where a bridge signs in for it; absent: it speaks MQTT itself. */
  profile: ProfileName.optional(),
  /** The id that it bears on the wire; absent: its lock id. */
  wireId: WireId.optional(),
  /** Networks that it may connect to the bridge from; absent: any. */
  networks: z.array(Network).max(20).optional(),
  /** Its records are numbered one after the other; absent: unless it has a profile. */
  numbered: z.boolean().optional(),
});
export type NewLock = z.infer<typeof NewLock>;
