import { z } from 'zod';

/** `light`: a light street map, turned dark by the screens; `dark`: drawn as it is (a dark map, photographs). */
export const BasemapTone = z.enum(['light', 'dark']);
export type BasemapTone = z.infer<typeof BasemapTone>;

const operators = {
  /** Attribution that the map must show; plain text. */
  attribution: z.string(),
  tone: BasemapTone,
};

/** What the screens draw above their own offline map and below everything that moves (GET /basemap). WGS-84, Web Mercator. */
export const Basemap = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('offline') }),
  z.object({
    kind: z.literal('tiles'),
    /** Drawn one over the other, the first lowest; of each the addresses that hold the same tiles, with `{z}`, `{x}`, `{y}`. */
    layers: z.array(z.array(z.string())),
    ...operators,
  }),
  z.object({
    kind: z.literal('pmtiles'),
    /** Path at which the platform serves the file, with HTTP Range. */
    path: z.string(),
    content: z.enum(['raster', 'vector']),
    minZoom: z.number(),
    maxZoom: z.number(),
    /** `[west, south, east, north]` */
    bounds: z.tuple([z.number(), z.number(), z.number(), z.number()]),
    ...operators,
  }),
]);
export type Basemap = z.infer<typeof Basemap>;
