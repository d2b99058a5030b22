import { z } from 'zod';

/** What became of each of the alarms that were to be acknowledged at once. */
export const AcknowledgedAlarms = z.object({
  items: z.array(
    z.object({
      alarmId: z.string(),
      /** `unchanged`: somebody had acknowledged it before. */
      result: z.enum(['acknowledged', 'unchanged', 'refused']),
      acknowledgedBy: z.string().optional(),
      code: z.string().optional(),
      detail: z.string().optional(),
    }),
  ),
  /** By filter: more match than were taken at once; ask again. */
  more: z.boolean(),
});
export type AcknowledgedAlarms = z.infer<typeof AcknowledgedAlarms>;
