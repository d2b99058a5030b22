import { z } from 'zod';
import { Route } from '../route.ts';
import { Time } from '../time.ts';

/** One thing that was found in a route: a problem, or a warning. */
export const RouteFinding = z.object({
  path: z.string(),
  message: z.string(),
  at: z.array(z.number()).optional(),
  /** Of a warning about the shape of the line: where along the route, and metres of road concerned. */
  shape: z
    .object({
      kind: z.enum(['crossing', 'spike', 'runs-back', 'scribble']),
      alongM: z.number(),
      lengthM: z.number(),
    })
    .optional(),
  /** Which finding it is, with what its words say; for screens in another language. */
  code: z.string().optional(),
  values: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
});
export type RouteFinding = z.infer<typeof RouteFinding>;

const Rings = z.array(z.array(z.tuple([z.number(), z.number()])));
/** A corridor as an area. */
export const CorridorShape = z.discriminatedUnion('type', [
  z.object({ type: z.literal('Polygon'), coordinates: Rings }),
  z.object({ type: z.literal('MultiPolygon'), coordinates: z.array(Rings) }),
]);
export type CorridorShape = z.infer<typeof CorridorShape>;

/** A version of a route without its geometry. */
export const RouteHead = z.object({
  routeId: z.string(),
  version: z.int(),
  name: z.string(),
  createdAt: Time,
  createdBy: z.string(),
});
export type RouteHead = z.infer<typeof RouteHead>;

export const RouteView = Route.extend({
  ...RouteHead.omit({ name: true }).shape,
  warnings: z.array(RouteFinding).optional(),
});
export type RouteView = z.infer<typeof RouteView>;

export const RouteCheck = z.object({
  ok: z.boolean(),
  problems: z.array(RouteFinding),
  warnings: z.array(RouteFinding),
  /** The route as it would be stored, WGS-84. */
  route: Route.optional(),
  /** Absent where the corridor of the route cannot be drawn. */
  corridor: CorridorShape.optional(),
  /** What of the file became the route. */
  read: z
    .object({
      format: z.enum(['GeoJSON', 'GPX', 'KML']),
      lines: z.int(),
      linesFound: z.int(),
      points: z.int(),
      lengthM: z.number(),
      crs: z.string(),
    })
    .optional(),
});
export type RouteCheck = z.infer<typeof RouteCheck>;

/** What a route would have made of a past trip. */
export const WhatIfVerdict = z.object({
  tripId: z.string(),
  plate: z.string(),
  departedAt: Time,
  routeVersion: z.int(),
  /** The records confirm a deviation. */
  wasRed: z.boolean(),
  /** There would have been one. */
  red: z.boolean(),
  records: z.int(),
  startedAt: Time.optional(),
  endedAt: Time.optional(),
  maxDistanceM: z.number().optional(),
  position: z.object({ lon: z.number(), lat: z.number() }).optional(),
});
export type WhatIfVerdict = z.infer<typeof WhatIfVerdict>;
export const WhatIfAnswer = z.object({
  items: z.array(WhatIfVerdict),
  /** False where the time ran out or there are more trips than the limit. */
  complete: z.boolean(),
});
export type WhatIfAnswer = z.infer<typeof WhatIfAnswer>;
