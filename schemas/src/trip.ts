import { z } from 'zod';
import { ContainerNo, DeclarationNo, LockId, SlugId, Uuid, WrittenOfficeCode } from './identifiers.ts';
import { Vehicle } from './plate.ts';
import { Time } from './time.ts';

export const TripStatus = z.enum([
  'declared',
  'released',
  'hung',
  'sealed',
  'in-transit',
  'arrived',
  'verified',
  'unlocked',
  'closed',
  'cancelled',
]);
export type TripStatus = z.infer<typeof TripStatus>;

/** In rising order. */
export const Risk = z.enum(['green', 'amber', 'red']);
export type Risk = z.infer<typeof Risk>;

/** The closed loop: 挂锁 施封 在途 验封 开锁. */
export const StepName = z.enum(['hang', 'seal', 'transit', 'verify', 'unlock']);
export type StepName = z.infer<typeof StepName>;

export const Check = z.object({
  check: z.string(),
  passed: z.boolean(),
  detail: z.string().optional(),
  waivedBy: z.string().optional(),
});
export type Check = z.infer<typeof Check>;

export const Step = z.object({
  step: StepName,
  state: z.enum(['pending', 'active', 'done', 'failed', 'waived']),
  at: Time.optional(),
  checks: z.array(Check),
});
export type Step = z.infer<typeof Step>;

export const Unit = z.object({
  containerNo: ContainerNo,
  lockId: LockId,
  mechanicalSealNo: z.string().max(40).optional(),
});
export type Unit = z.infer<typeof Unit>;

export const Takeover = z.object({ sealedAt: Time, departedAt: Time });

/** The haulage company of a trip; thresholds of rules may differ per company. */
export const Company = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}+$/u, 'a name has no control characters');

/** Body of POST /trips. */
export const TripDeclaration = z.object({
  declarationNo: DeclarationNo,
  mode: z.enum(['road', 'rail', 'barge']).default('road'),
  originOffice: WrittenOfficeCode,
  destinationOffice: WrittenOfficeCode,
  routeId: SlugId,
  company: Company.optional(),
  vehicle: Vehicle,
  units: z.array(Unit).min(1).max(2),
  plannedDepartureAt: Time.optional(),
  timeLimitMin: z.number().positive().max(527_040).optional(),
  /** Declared weight of the whole vehicle, kg; if given, a gate compares its weighbridge with it. */
  grossWeightKg: z.number().positive().max(1_000_000).optional(),
  takeover: Takeover.optional(),
});
export type TripDeclaration = z.infer<typeof TripDeclaration>;

export const Progress = z.object({ doneM: z.number(), totalM: z.number(), etaAt: Time.optional() });

/** An open alarm of a trip. */
export const OpenAlarm = z.object({
  alarmId: Uuid,
  rule: z.string(),
  severity: z.enum(['info', 'minor', 'major', 'critical']),
  state: z.string(),
  startedAt: Time,
});

export const Trip = z.object({
  tripId: Uuid,
  /** The train that it is a box of. */
  convoyId: Uuid.optional(),
  status: TripStatus,
  risk: Risk,
  declarationNo: z.string(),
  mode: z.enum(['road', 'rail', 'barge']),
  originOffice: z.string(),
  destinationOffice: z.string(),
  company: z.string().optional(),
  vehicle: z.object({
    tractorPlate: z.string(),
    trailerPlate: z.string().optional(),
    plateCountry: z.string().optional(),
  }),
  units: z.array(
    z.object({
      containerNo: z.string(),
      lockId: z.string(),
      mechanicalSealNo: z.string().optional(),
      /** Its lock reports over a protocol that tells it by an id alone: the bridge's profile of it. */
      profile: z.string().optional(),
    }),
  ),
  routeId: z.string(),
  routeVersion: z.int(),
  plannedDepartureAt: Time.optional(),
  timeLimitMin: z.number().optional(),
  grossWeightKg: z.number().optional(),
  /** Set while a named person holds the trip (布控). */
  hold: z.object({ reason: z.string(), by: z.string() }).optional(),
  /** Until then alarms are recorded, but nobody is called and no sound is played. */
  frozen: z.object({ reason: z.string(), by: z.string(), until: Time }).optional(),
  /** Set on a trip that was taken over under way: who declared it so, and when. */
  takenOver: z.object({ by: z.string(), at: Time }).optional(),
  createdAt: Time,
  sealedAt: Time.optional(),
  departedAt: Time.optional(),
  arrivedAt: Time.optional(),
  verifiedAt: Time.optional(),
  unlockedAt: Time.optional(),
  closedAt: Time.optional(),
  writtenOffAt: Time.optional(),
  steps: z.array(Step),
  progress: Progress,
  openAlarms: z.array(OpenAlarm),
  /**
   * Latched alarms of other trips with one of this trip's locks or containers that nobody has disposed of. They give this
   * trip its colour as if they were its own.
   */
  inherited: z.array(z.object({ alarmId: Uuid, tripId: Uuid, rule: z.string() })).optional(),
  lastReport: z
    .object({
      lockId: z.string(),
      time: Time,
      receivedAt: Time.optional(),
      /** The last credible fix. */
      position: z.object({ lon: z.number(), lat: z.number() }).loose().optional(),
      /** Fix time of `position`, if the report has no credible fix of its own. */
      positionAt: Time.optional(),
      seal: z.looseObject({}).optional(),
      battery: z.looseObject({}).optional(),
    })
    .optional(),
});
export type Trip = z.infer<typeof Trip>;
