import { z } from 'zod';
import { Circle, LineString, MultiLineString, Polygon } from './geometry.ts';

export const Crs = z.enum(['WGS84', 'GCJ02', 'BD09']);
export type Crs = z.infer<typeof Crs>;

export const AllowedStop = Circle.extend({ maxStayMin: z.number().positive().max(10_080).optional() });
export type AllowedStop = z.infer<typeof AllowedStop>;

/** Part of a route with its own corridor; from and to in metres along the route. */
export const Leg = z.object({
  fromM: z.number().min(0),
  toM: z.number().positive(),
  halfWidthM: z.number().min(10).max(5_000),
  params: z.record(z.string(), z.unknown()).optional(),
});
export type Leg = z.infer<typeof Leg>;

const End = z.union([Circle, Polygon]);

export const DEFAULT_HALF_WIDTH_M = 200;

/** A planned route: a GeoJSON Feature (contract §3, PUT /routes/{id}). */
export const Route = z.object({
  type: z.literal('Feature'),
  geometry: z.discriminatedUnion('type', [LineString, MultiLineString]),
  properties: z.object({
    name: z.string().min(1).max(200),
    crs: Crs.default('WGS84'),
    halfWidthM: z.number().min(10).max(5_000).default(DEFAULT_HALF_WIDTH_M),
    legs: z.array(Leg).max(1_000).optional(),
    allowedStops: z.array(AllowedStop).max(1_000).default([]),
    origin: End.optional(),
    destination: End.optional(),
    requiredPoints: z.array(Circle).max(100).default([]),
    params: z.record(z.string(), z.unknown()).optional(),
    attribution: z.string().max(500).optional(),
  }),
});
export type Route = z.infer<typeof Route>;
export type RouteInput = z.input<typeof Route>;
