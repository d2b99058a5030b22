import type { ExpressionSpecification, LayerSpecification, SourceSpecification } from 'maplibre-gl';
import { INK, MAP_FONT } from './ink.ts';

const ATTRIBUTION =
  'Natural Earth · © OpenStreetMap contributors (ODbL) · GeoNames (CC BY 4.0) · world-geo-json-zh · MapLibre';

const label = (locale: string): ExpressionSpecification => ['get', locale.startsWith('zh') ? 'zh' : 'en'];
const kind = (value: string): ExpressionSpecification => ['==', ['get', 'kind'], value];

/** The data of the bundled map. @param base root URL of the platform, e.g. `http://127.0.0.1:8080/` */
export function backdropSources(base: string): Record<string, SourceSpecification> {
  const data = (name: string) => ({ type: 'geojson', data: `${base}basemap/${name}.json` }) as const;
  return {
    land: { ...data('land'), attribution: ATTRIBUTION },
    coast: data('coast'),
    waters: data('waters'),
    borders: data('borders'),
    names: data('names'),
    grid: { type: 'geojson', data: graticule(10, [-180, -80, 180, 80]) },
    'fine-grid': { type: 'geojson', data: graticule(0.5, [100, 15, 130, 45]) },
  };
}

/** The layers of the bundled map, lowest first: land, waters, borders, towns. @param ui pixels of a rem / 16 */
export function backdrop(locale: string, ui: number): LayerSpecification[] {
  return [...land(ui), ...coast(ui), ...grids(ui), ...waters(ui), ...borders(ui), ...names(locale, ui)];
}

/** The coarse land of small scales. */
function land(ui: number): LayerSpecification[] {
  return [
    { id: 'sea', type: 'background', paint: { 'background-color': INK.sea } },
    { id: 'land', type: 'fill', source: 'land', paint: { 'fill-color': INK.land, 'fill-antialias': false } },
    {
      id: 'land-shore',
      type: 'line',
      source: 'land',
      maxzoom: 6.5,
      paint: { 'line-color': INK.shore, 'line-width': 0.8 * ui, 'line-opacity': 0.7 },
    },
  ];
}

/** The detailed coast of East China, for larger scales. */
function coast(ui: number): LayerSpecification[] {
  return [
    {
      id: 'coast-land',
      type: 'fill',
      source: 'coast',
      filter: kind('land'),
      minzoom: 5,
      paint: { 'fill-color': INK.land, 'fill-antialias': false },
    },
    {
      id: 'coast-sea',
      type: 'fill',
      source: 'coast',
      filter: kind('sea'),
      minzoom: 5,
      paint: { 'fill-color': INK.sea, 'fill-antialias': false },
    },
    {
      id: 'coast-glow',
      type: 'line',
      source: 'coast',
      filter: kind('shore'),
      minzoom: 5,
      layout: { 'line-join': 'round' },
      paint: { 'line-color': '#1c4a75', 'line-width': 9 * ui, 'line-blur': 9 * ui, 'line-opacity': 0.42 },
    },
    {
      id: 'coast-shore',
      type: 'line',
      source: 'coast',
      filter: kind('shore'),
      minzoom: 5,
      paint: { 'line-color': INK.shore, 'line-width': 0.9 * ui },
    },
  ];
}

/** Meridians and parallels. */
function grids(ui: number): LayerSpecification[] {
  return [
    {
      id: 'grid',
      type: 'line',
      source: 'grid',
      paint: { 'line-color': '#5f86b3', 'line-width': 0.6 * ui, 'line-opacity': 0.1 },
    },
    {
      id: 'fine-grid',
      type: 'line',
      source: 'fine-grid',
      minzoom: 7,
      paint: {
        'line-color': '#5f86b3',
        'line-width': 0.6 * ui,
        'line-opacity': ['interpolate', ['linear'], ['zoom'], 7, 0, 8.5, 0.09],
      },
    },
  ];
}

/** Lakes and rivers. */
function waters(ui: number): LayerSpecification[] {
  return [
    {
      id: 'lakes',
      type: 'fill',
      source: 'waters',
      filter: kind('lake'),
      paint: { 'fill-color': '#0a1728', 'fill-outline-color': INK.shore },
    },
    {
      id: 'rivers',
      type: 'line',
      source: 'waters',
      filter: kind('river'),
      layout: { 'line-join': 'round' },
      paint: {
        'line-color': '#1b3a5a',
        'line-width': ['interpolate', ['linear'], ['zoom'], 3, 0.5 * ui, 10, 2.2 * ui],
        'line-opacity': 0.8,
      },
    },
  ];
}

/** National borders. */
function borders(ui: number): LayerSpecification[] {
  return [
    {
      id: 'borders-other',
      type: 'line',
      source: 'borders',
      filter: kind('other'),
      paint: { 'line-color': INK.border, 'line-width': 0.7 * ui, 'line-opacity': 0.6 },
    },
    {
      id: 'borders-china',
      type: 'line',
      source: 'borders',
      filter: kind('china'),
      paint: { 'line-color': '#56708f', 'line-width': 1.1 * ui },
    },
    { id: 'borders-dash', type: 'fill', source: 'borders', filter: kind('dash'), paint: { 'fill-color': '#56708f' } },
  ];
}

/** Names of waters, and of cities by rank: the largest (1) from the lowest zoom on. */
function names(locale: string, ui: number): LayerSpecification[] {
  return [
    {
      id: 'water-names',
      type: 'symbol',
      source: 'names',
      filter: ['all', kind('water'), ['<=', ['get', 'rank'], ['step', ['zoom'], 2, 6.5, 3, 9, 4]]],
      layout: {
        'text-field': label(locale),
        'text-font': [MAP_FONT],
        'text-size': ['-', 17 * ui, ['*', ['get', 'rank'], 1.6 * ui]],
        'text-letter-spacing': 0.25,
      },
      paint: { 'text-color': INK.water, 'text-opacity': 0.9 },
    },
    cities(3, 8.2, 10.5 * ui, locale),
    cities(2, 6, 12 * ui, locale),
    cities(1, 3, 13.5 * ui, locale),
  ];
}

function cities(rank: number, minzoom: number, sizePx: number, locale: string): LayerSpecification {
  return {
    id: `city-${rank}`,
    type: 'symbol',
    source: 'names',
    minzoom,
    filter: ['all', kind('city'), ['==', ['get', 'rank'], rank]],
    layout: {
      'text-field': ['format', '•', { 'font-scale': 0.8 }, '\n', {}, label(locale), {}],
      'text-font': [MAP_FONT],
      'text-size': sizePx,
      'text-line-height': 1.05,
      'text-anchor': 'center',
      'text-offset': [0, 0.35],
      'text-padding': 6,
    },
    paint: {
      'text-color': INK.city,
      'text-halo-color': INK.land,
      'text-halo-width': 1.2,
      'text-opacity': rank > 2 ? 0.75 : 0.95,
    },
  };
}

/** Meridians and parallels every `step` degrees inside a box. */
function graticule(step: number, [west, south, east, north]: [number, number, number, number]) {
  const lines: [number, number][][] = [];
  for (let lon = west; lon <= east; lon += step)
    lines.push([
      [lon, south],
      [lon, north],
    ]);
  for (let lat = south; lat <= north; lat += step)
    lines.push([
      [west, lat],
      [east, lat],
    ]);
  return {
    type: 'Feature' as const,
    properties: {},
    geometry: { type: 'MultiLineString' as const, coordinates: lines },
  };
}
