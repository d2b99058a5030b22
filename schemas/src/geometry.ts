import { z } from 'zod';

export const Lon = z.number().min(-180).max(180);
export const Lat = z.number().min(-90).max(90);

/** `[lon, lat]`, WGS-84, degrees. A third value (altitude) is allowed by GeoJSON and ignored. */
export const LonLat = z.tuple([Lon, Lat]).rest(z.number());
export type LonLat = [lon: number, lat: number, ...rest: number[]];

export const LineString = z.object({ type: z.literal('LineString'), coordinates: z.array(LonLat).min(2).max(100_000) });
export const MultiLineString = z.object({
  type: z.literal('MultiLineString'),
  coordinates: z.array(z.array(LonLat).min(2).max(100_000)).min(1).max(1_000),
});
export const Polygon = z.object({
  type: z.literal('Polygon'),
  coordinates: z.array(z.array(LonLat).min(4).max(10_000)).min(1).max(100),
});
export type Polygon = z.infer<typeof Polygon>;

export const Circle = z.object({
  name: z.string().min(1).max(200),
  center: LonLat,
  radiusM: z.number().positive().max(100_000),
});
export type Circle = z.infer<typeof Circle>;
