import { z } from 'zod';
import { Lat, Lon } from './geometry.ts';
import { ASIDE, LETTER, Stored, steps, UNSIGNED } from './stored.ts';
import { Time } from './time.ts';

const U32 = z.int().min(0).max(0xffff_ffff);

export const LockMode = z.enum(['sleep', 'awake', 'sealed', 'tracking', 'deep-sleep']);
export type LockMode = z.infer<typeof LockMode>;

export const Position = z.object({
  lon: Lon.clone().register(Stored, steps(1e7, 'int')),
  lat: Lat.clone().register(Stored, steps(1e7, 'int')),
  accuracyM: z.number().min(0).max(1_000_000).register(Stored, steps(10, 'smallint')).optional(),
  speedKmh: z.number().min(0).max(2_000).register(Stored, steps(10, 'smallint')).optional(),
  headingDeg: z.number().min(0).max(360).register(Stored, steps(10, 'smallint')).optional(),
  satellites: z.int().min(0).max(200).register(Stored, steps(1, 'byte')).optional(),
  source: z.enum(['gnss', 'cell', 'wifi']).register(Stored, LETTER).default('gnss'),
});
export type Position = z.infer<typeof Position>;

/** What a lock tells of its seal. A part that is absent is not known: it neither raises an alarm nor ends one. */
export const SealState = z.object({
  rope: z.enum(['inserted', 'pulled', 'cut']).register(Stored, LETTER).optional(),
  motor: z.enum(['locked', 'unlocked', 'stuck']).register(Stored, LETTER).optional(),
  cover: z.enum(['closed', 'opened']).register(Stored, LETTER).optional(),
  // 0xffff_ffff is what a counter says that could not be read.
  useCount: z.int().min(0).max(0xffff_fffe).register(Stored, steps(1, 'smallint')).optional(),
});
export type SealState = z.infer<typeof SealState>;

const UnlockSource = z.enum(['card', 'password', 'dynamic-password', 'bluetooth', 'remote', 'key', 'auto']);
const Card = z.string().max(64).optional();
const LockAct = {
  source: UnlockSource.optional(),
  card: Card,
  verified: z.boolean().optional(),
  reason: z.string().max(200).optional(),
};

export const LockEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('lock'), ...LockAct }),
  z.object({ type: z.literal('unlock'), ...LockAct, source: UnlockSource }),
  z.object({ type: z.literal('illegal-card'), card: Card }),
  z.object({ type: z.literal('wrong-password'), count: z.int().min(0).max(1_000_000).optional() }),
  z.object({ type: z.literal('jamming') }),
  z.object({ type: z.literal('vibration') }),
  z.object({ type: z.literal('restart'), reason: z.string().max(200).optional() }),
]);
export type LockEvent = z.infer<typeof LockEvent>;

/** One record of a lock (contract §2). (lock, boot, seq) is its identity. Unknown fields are left out. */
export const Report = z.object({
  v: z.literal(1),
  boot: U32,
  seq: U32.clone().register(Stored, UNSIGNED),
  time: Time,
  kind: z.enum(['live', 'roll-call', 'backfill']).register(Stored, LETTER).default('live'),
  mode: LockMode.clone().register(Stored, LETTER).optional(),
  position: Position.optional(),
  seal: SealState.optional(),
  battery: z
    .object({
      percent: z.number().min(0).max(100).register(Stored, steps(1, 'byte')).optional(),
      charging: z.boolean().register(Stored, LETTER).optional(),
    })
    .optional(),
  network: z.object({ rssiDbm: z.number().min(-200).max(50).register(Stored, steps(1, 'byte')).optional() }).optional(),
  events: z.array(LockEvent).max(50).register(Stored, ASIDE).optional(),
});
export type Report = z.infer<typeof Report>;

/** The most records in one publish, and the most bytes of one. */
export const MAX_REPORTS_PER_PUBLISH = 200;
export const MAX_PAYLOAD_BYTES = 256 * 1024;
