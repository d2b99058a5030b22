import type { Basemap } from '@sealwatch/schemas';
import type { ErrorEvent, LayerSpecification, Map as MapLibreMap, SourceSpecification } from 'maplibre-gl';
import { INK } from './ink.ts';

/** The lowest of the wall's own layers: the operator's map lies just below it, above the bundled one. */
const BELOW = 'corridor-glow';
const PREFIX = 'operator-';
/** Deepest tiles that street maps usually have; closer by, these are drawn larger. */
const DEEPEST_ZOOM = 18;
/** Tiles that did not come are asked for again this often, ms. */
const RETRY_MS = 60_000;

/** White paper becomes night, black ink becomes grey, and colours keep their hue. */
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

/** MapLibre takes an attribution for HTML. */
const plain = (text: string) => text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/**
 * Sources and layers of the operator's own basemap.
 * @param base where the platform is, e.g. `http://127.0.0.1:8080/`
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

/** Water and streets of a vector map, by the names of Protomaps' layers and of OpenMapTiles'. Others draw nothing. */
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
  /** Takes the word of the platform, once. */
  set(basemap: Basemap): Promise<void>;
  /** Puts it on the map, also on a style that was built again. */
  lay(): void;
  /** Whether an error of the map is one of these tiles', and taken care of. */
  missed(event: ErrorEvent): boolean;
  close(): void;
}

interface Told {
  base: string;
  ui: number;
  /** The style can take layers. */
  ready: () => boolean;
  /** Tiles do not come, so the bundled map is what is seen; or they come again. */
  away: (away: boolean) => void;
}

interface Cell {
  x: number;
  y: number;
  z: number;
}

export function operatorMap(map: MapLibreMap, { base, ui, ready, away }: Told): OperatorMap {
  let style: OperatorStyle = { sources: {}, layers: [] };
  let known = false;
  let retrying: ReturnType<typeof setTimeout> | undefined;
  const missing = new Map<string, { source: string; cell: Cell }>();
  const retry = () => {
    retrying = undefined;
    const asked = [...missing.values()];
    missing.clear();
    for (const source of Object.keys(style.sources)) {
      const cells = asked.filter((tile) => tile.source === source).map(({ cell }) => cell);
      if (cells.length > 0 && map.getSource(source)) map.refreshTiles(source, cells);
    }
    map.triggerRepaint();
  };
  // Nothing is on its way any more, and since the last try nothing has failed.
  map.on('idle', () => missing.size === 0 && away(false));
  const lay = () => {
    for (const [id, source] of Object.entries(style.sources)) if (!map.getSource(id)) map.addSource(id, source);
    for (const layer of style.layers) if (!map.getLayer(layer.id)) map.addLayer(layer, BELOW);
  };
  return {
    set: async (basemap) => {
      if (known) return;
      known = true;
      // Few platforms have such a file: the others do not load what reads it.
      if (basemap.kind === 'pmtiles') await (await import('./pmtiles.ts')).readPmtiles();
      style = operatorStyle(basemap, base, ui);
      if (ready()) lay();
    },
    lay,
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
