import type { Basemap } from '@sealwatch/schemas';
import type { ErrorEvent, LayerSpecification, Map as MapLibreMap, SourceSpecification } from 'maplibre-gl';
import { INK } from './ink.ts';

/** The lowest of the wall's own layers: the operator's map is drawn below it and above the bundled map. */
const BELOW = 'corridor-glow';
const PREFIX = 'operator-';
/** Highest zoom for which street maps usually have tiles; beyond it these are enlarged. */
const DEEPEST_ZOOM = 18;
/** Tiles that could not be loaded are requested again this often, ms. */
const RETRY_MS = 60_000;

/** Turns a light map dark: white becomes dark, black becomes grey, hues are kept. */
const TURNED_DARK = {
  'raster-brightness-min': 0.32,
  'raster-brightness-max': 0.06,
  'raster-hue-rotate': 180,
  'raster-saturation': -0.3,
} as const;

export interface OperatorStyle {
  sources: Record<string, SourceSpecification>;
  /** The lowest first. */
  layers: LayerSpecification[];
}

/** Escapes text: MapLibre inserts an attribution as HTML. */
const plain = (text: string) => text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/**
 * Sources and layers of the operator's own basemap.
 * @param base root URL of the platform, e.g. `http://127.0.0.1:8080/`
 * @param ui pixels of a rem / 16
 */
export function operatorStyle(basemap: Basemap, base: string, ui: number): OperatorStyle {
  if (basemap.kind === 'offline') return { sources: {}, layers: [] };
  const attribution = plain(basemap.attribution);
  const picture = (source: string): LayerSpecification => ({
    id: source,
    type: 'raster',
    source,
    paint: basemap.tone === 'light' ? TURNED_DARK : { 'raster-brightness-max': 0.75 },
  });
  if (basemap.kind === 'tiles') {
    const named = basemap.layers.map((tiles, i) => [`${PREFIX}${i}`, tiles] as const);
    const raster = { type: 'raster', tileSize: 256, maxzoom: DEEPEST_ZOOM, attribution } as const;
    return {
      sources: Object.fromEntries(named.map(([id, tiles]) => [id, { ...raster, tiles }])),
      layers: named.map(([id]) => picture(id)),
    };
  }
  const id = `${PREFIX}file`;
  const { minZoom: minzoom, maxZoom: maxzoom, bounds } = basemap;
  const tiles = [`pmtiles://${new URL(basemap.path, base).href}/{z}/{x}/{y}`];
  const common = { tiles, minzoom, maxzoom, bounds, attribution };
  return basemap.content === 'raster'
    ? { sources: { [id]: { type: 'raster', tileSize: 256, ...common } }, layers: [picture(id)] }
    : { sources: { [id]: { type: 'vector', ...common } }, layers: streets(id, ui) };
}

/** Water and streets of a vector map with the layer names of Protomaps or OpenMapTiles; other maps draw nothing. */
function streets(source: string, ui: number): LayerSpecification[] {
  const wide = (most: number): LayerSpecification['paint'] => ({
    'line-color': INK.street,
    'line-width': ['interpolate', ['exponential', 1.5], ['zoom'], 6, 0.4 * ui, 16, most * ui],
  });
  const line = (layer: string, filter: string[], id: string, most: number): LayerSpecification =>
    ({
      id: `${PREFIX}${layer}-${id}`,
      type: 'line',
      source,
      'source-layer': layer,
      filter: ['in', ['coalesce', ['get', 'kind'], ['get', 'class'], ''], ['literal', filter]],
      layout: { 'line-join': 'round', 'line-cap': 'round' },
      paint: wide(most),
    }) as LayerSpecification;
  const water = { id: `${PREFIX}water`, type: 'fill', source, 'source-layer': 'water' } as const;
  return [
    { ...water, filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': INK.sea } },
    ...(['roads', 'transportation'] as const).flatMap((layer) => [
      line(layer, ['minor_road', 'minor', 'service', 'tertiary', 'other'], 'minor', 3),
      line(layer, ['major_road', 'primary', 'secondary', 'trunk'], 'major', 6),
      line(layer, ['highway', 'motorway'], 'motorway', 9),
      line(layer, ['rail'], 'rail', 1.5),
    ]),
  ];
}

export interface OperatorMap {
  /** Sets the basemap that the platform names; only the first call has an effect. */
  set(basemap: Basemap): Promise<void>;
  /** Adds its layers to the map, also after the style was rebuilt. */
  addLayers(): void;
  /** True if an error of the map is about one of these tiles, which is then requested again later. */
  missed(event: ErrorEvent): boolean;
  close(): void;
}

export interface OperatorMapOptions {
  base: string;
  ui: number;
  /** Whether layers can be added to the style. */
  ready: () => boolean;
  /** Tiles cannot be loaded (true), so that the bundled map is seen; or they can again (false). */
  away: (away: boolean) => void;
}

interface Cell {
  x: number;
  y: number;
  z: number;
}

export function operatorMap(map: MapLibreMap, { base, ui, ready, away }: OperatorMapOptions): OperatorMap {
  let style: OperatorStyle = { sources: {}, layers: [] };
  let known = false;
  let retrying: ReturnType<typeof setTimeout> | undefined;
  const missing = new Map<string, { source: string; cell: Cell }>();
  const retry = () => {
    retrying = undefined;
    const failed = [...missing.values()];
    missing.clear();
    for (const source of Object.keys(style.sources)) {
      const cells = failed.filter((tile) => tile.source === source).map(({ cell }) => cell);
      if (cells.length > 0 && map.getSource(source)) map.refreshTiles(source, cells);
    }
    map.triggerRepaint();
  };
  // All requests have ended, and none has failed since the last retry.
  map.on('idle', () => missing.size === 0 && away(false));
  const addLayers = () => {
    for (const [id, source] of Object.entries(style.sources)) if (!map.getSource(id)) map.addSource(id, source);
    for (const layer of style.layers) if (!map.getLayer(layer.id)) map.addLayer(layer, BELOW);
  };
  return {
    set: async (basemap) => {
      if (known) return;
      known = true;
      // Loaded on demand: few platforms have such a file.
      if (basemap.kind === 'pmtiles') await (await import('./pmtiles.ts')).readPmtiles();
      style = operatorStyle(basemap, base, ui);
      if (ready()) addLayers();
    },
    addLayers,
    missed: (event) => {
      const { sourceId, tile } = event as { sourceId?: string; tile?: { tileID: { canonical: Cell } } };
      if (sourceId === undefined || !(sourceId in style.sources)) return false;
      if (tile) {
        const { x, y, z } = tile.tileID.canonical;
        missing.set(`${sourceId}/${z}/${x}/${y}`, { source: sourceId, cell: { x, y, z } });
      }
      retrying ??= setTimeout(retry, RETRY_MS);
      away(true);
      return true;
    },
    close: () => clearTimeout(retrying),
  };
}
