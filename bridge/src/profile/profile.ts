import { LockMode, SealState } from '@sealwatch/schemas';
import { parse } from 'yaml';
import { z } from 'zod';

const Hex = (digits: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9A-F]{${digits}}$`), `expected ${digits} capital hexadecimal digits in quotes, e.g. "0B29"`);
const Bit = z.int().min(0).max(31);

/** A number of a record, and what of it is looked at. */
export const Condition = z
  .strictObject({
    /** The word it stands in: `status` and `alarms` of all families, `wake` and `serial` of `$` frames. */
    word: z.enum(['status', 'alarms', 'wake', 'serial']).optional(),
    /** Or the item it stands in, and the byte of it from which up to two are read. */
    tag: Hex(2).optional(),
    byte: z.int().min(0).max(254).default(0),
    /** One bit, or the bits from the first to the last one; absent: the whole value. */
    bit: Bit.optional(),
    bits: z.tuple([Bit, Bit]).optional(),
    /** The value that fulfils it. */
    equals: z.int().min(0).max(0xffff_ffff).default(1),
  })
  .refine(({ word, tag }) => (word === undefined) !== (tag === undefined), 'expected either word or tag')
  .refine(({ bit, bits }) => bit === undefined || bits === undefined, 'expected bit or bits, not both');
export type Condition = z.infer<typeof Condition>;

/** The first case whose condition holds names the state; a case without `when` always holds. */
const cases = <T extends z.ZodType>(states: T) =>
  z.array(z.strictObject({ when: Condition.optional(), is: states })).max(16);

/** How the bytes of an item are read. What has no such line is kept raw. */
export const TagKind = z.enum([
  'battery-percent',
  'battery-hundredths',
  'csq',
  'satellites',
  'lock-event',
  'huabao-sub-locks',
  'hhd-seals',
  'hhd-event',
  'other',
]);

const Reference = z.enum(['0x8103', '0x0310', 'P04']);
const Commands = z.strictObject({
  /** With the parameters that hold seconds, and the limits of the lock; of P04 also the minutes between wake-ups asleep. */
  interval: z
    .strictObject({
      as: Reference,
      parameters: z.array(Hex(4)).max(8).default([]),
      leastS: z.int().min(1).max(86_400),
      mostS: z.int().min(1).max(86_400),
      asleepMin: z.int().min(1).max(1_440).optional(),
    })
    .optional(),
  locate: z.strictObject({ as: z.enum(['0x8201', 'P02']) }).optional(),
  unlock: z.strictObject({ as: z.enum(['0x8500', 'P43', 'P52', 'ELOCK']) }).optional(),
  seal: z.strictObject({ as: z.literal('0x8500') }).optional(),
  reboot: z.strictObject({ as: z.enum(['0x8105', '0x0310', 'P15']) }).optional(),
});

/** What the bridge knows of a model: data, so that another model of a known family needs no code. */
export const Profile = z.strictObject({
  /** What a lock is registered with as its profile. */
  profile: z.string().regex(/^[a-z0-9][a-z0-9-]{1,39}$/, 'expected small letters, digits and dashes'),
  title: z.strictObject({ zh: z.string().min(1).max(100), en: z.string().min(1).max(100) }),
  /** For people: grows with every change. */
  version: z.int().min(1).max(1_000_000),
  /** Models of locks that have this profile. */
  models: z.array(z.string().min(1).max(60)).max(50),
  family: z.enum(['jt808', 'jt705', 'jointech']),
  /** Offset of the times in location bodies; Jointech's BCD frames are UTC always. */
  timeZone: z.string().regex(/^[+-](0\d|1[0-4]):[0-5]\d$/, 'expected an offset such as "+08:00"'),
  /** `ignore` only for devices that count it wrongly: a flipped bit is not noticed then. */
  checksum: z.enum(['strict', 'ignore']).default('strict'),
  lengths: z.enum(['strict', 'ignore']).default('strict'),
  /** How records are acknowledged. */
  acknowledge: z.enum(['0x8001', '0x4401', 'P69', 'P35']),
  /** Which number P69 names for a record of a sub-lock. */
  subLockSerial: z.enum(['sensor', 'frame']).default('sensor'),
  tags: z.record(Hex(2), z.strictObject({ name: z.string().min(1).max(60), as: TagKind.default('other') })).default({}),
  /** Values of the battery byte that mean charging. */
  charging: z.array(z.int().min(101).max(255)).max(4).default([255]),
  /** The position is one of a cell tower. */
  cellPosition: Condition.optional(),
  seal: z
    .strictObject({
      rope: cases(SealState.shape.rope.unwrap()).optional(),
      motor: cases(SealState.shape.motor.unwrap()).optional(),
      cover: cases(SealState.shape.cover.unwrap()).optional(),
    })
    .default({}),
  /** Seals of a hub: what is said of one that is closed, and of one that is open. */
  subLocks: z.strictObject({ closed: SealState, open: SealState }).optional(),
  mode: cases(LockMode).default([]),
  /** Bits that are events, where all conditions hold. Bits of a state repeat in each record: `frame: alarm` avoids that. */
  events: z
    .array(
      z.strictObject({
        type: z.enum(['vibration', 'restart', 'illegal-card', 'wrong-password']),
        frame: z.enum(['alarm', 'any']).default('any'),
        /** Of `wrong-password`: how many the bit stands for. */
        count: z.int().min(1).max(100).optional(),
        when: z.array(Condition).min(1).max(4),
      }),
    )
    .max(16)
    .default([]),
  /** What proves that the lock was opened: an event of its own, or its state alone. The answer to a command never does. */
  openingProof: z.array(z.enum(['P45', '0B', 'WLNET', 'state'])).min(1),
  /** Between reports, as the lock comes from its maker. */
  intervals: z.strictObject({
    awakeS: z.int().min(1).max(86_400),
    asleepS: z.int().min(1).max(86_400),
  }),
  commands: Commands.default({}),
});
export type Profile = z.infer<typeof Profile>;

export class ProfileError extends Error {
  override name = 'ProfileError';
  /** What to do. */
  readonly hint = 'See docs/connecting-locks.md, or copy a profile of bridge/profiles and change it.';
}

function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  let value = given;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Object.getOwnPropertyDescriptor(value, key)?.value;
  }
  return value;
}

/**
 * Reads a profile from YAML or JSON.
 * @param name of the file, for messages
 * @throws ProfileError that names each field, its value and what was expected
 */
export function readProfile(text: string, name: string): Profile {
  let given: unknown;
  try {
    given = parse(text, { maxAliasCount: 10 });
  } catch (error) {
    throw new ProfileError(`${name}: not YAML: ${(error as Error).message}`);
  }
  const read = Profile.safeParse(given);
  if (read.success) return read.data;
  const lines = read.error.issues.map((issue) => {
    const { path } = issue;
    const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
    const value = JSON.stringify(valueAt(given, path))?.slice(0, 80) ?? 'absent';
    return `${name}: ${path.join('.') || 'profile'} = ${value}: ${message}`;
  });
  throw new ProfileError(lines.join('\n'));
}
