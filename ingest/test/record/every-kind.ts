import { Report } from '@sealwatch/schemas';
import { z } from 'zod';

/** The contract's report, and further fields of every kind that a report can be given. */
export const EVERY_KIND = Report.extend({
  tiltDeg: z.number().min(-90).max(90).optional(),
  lightLux: z.number().optional(),
  wakeUps: z.int().optional(),
  firmware: z.string().min(1).max(12).optional(),
  isFitted: z.boolean(),
  profile: z.enum(['sea', 'land']).default('land'),
  doors: z.array(z.boolean()).optional(),
  cell: z.looseObject({ id: z.int().min(0).max(100) }).optional(),
  site: z.object({ siteCode: z.string().max(20), level: z.enum(['low', 'high']).default('low') }).optional(),
  climate: z.object({ celsius: z.number().min(-80).max(80).optional(), isWet: z.boolean().optional() }).optional(),
});

/** The columns that a migration would add for them. */
export const EVERY_COLUMN = `tilt_deg float8, light_lux float8, wake_ups bigint, firmware text, is_fitted boolean, profile text,
  doors jsonb, cell jsonb, site_code text, level text, celsius float8, is_wet boolean`;
