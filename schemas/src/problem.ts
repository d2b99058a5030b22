import { z } from 'zod';
import { Check } from './trip.ts';

/** RFC 9457 problem details. `code` is stable and for machines; `detail` says what to do next. */
export const Problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  detail: z.string().optional(),
  instance: z.string().optional(),
  /** Of a step that is refused: the checks that failed. */
  checks: z.array(Check).optional(),
  errors: z
    .array(
      z.object({
        path: z.string(),
        message: z.string(),
        value: z.unknown().optional(),
        expected: z.string().optional(),
      }),
    )
    .optional(),
});
export type Problem = z.infer<typeof Problem>;

/** What was taken, and what a person should know of it; as `warnings` in the answer of the call. */
export const Warning = z.object({
  /** The member of the body, e.g. `vehicle.tractorPlate`. */
  path: z.string(),
  message: z.string(),
});
export type Warning = z.infer<typeof Warning>;
