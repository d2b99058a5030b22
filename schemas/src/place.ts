import { z } from 'zod';
import { Polygon } from './geometry.ts';
import { OfficeCode } from './identifiers.ts';

export const PlaceKind = z.enum(['office', 'gate', 'yard', 'yard-cell', 'service-area', 'restricted', 'port']);
export type PlaceKind = z.infer<typeof PlaceKind>;

/** A known place: a GeoJSON Feature. A gate is a place of kind `gate`; its id is the gate's id. */
export const Place = z.object({
  type: z.literal('Feature'),
  geometry: Polygon,
  properties: z.object({
    name: z.string().min(1).max(200),
    kind: PlaceKind,
    office: OfficeCode.optional(),
  }),
});
export type Place = z.infer<typeof Place>;
