import { z } from 'zod';
import { Time } from './time.ts';

/** One stored position of a trip, by fix time. */
export const TrackPoint = z.object({
  lockId: z.string(),
  time: Time,
  lon: z.number(),
  lat: z.number(),
  speedKmh: z.number().optional(),
  headingDeg: z.number().optional(),
  source: z.enum(['gnss', 'cell', 'wifi']).optional(),
});
export type TrackPoint = z.infer<typeof TrackPoint>;

/** Answer of GET /trips/{id}/track: stored positions in fix-time order, thinned to `maxPoints`. */
export const Track = z.object({ tripId: z.string(), points: z.array(TrackPoint) });
export type Track = z.infer<typeof Track>;
