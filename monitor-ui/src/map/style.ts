import type { ExpressionSpecification, LayerSpecification, SourceSpecification, StyleSpecification } from 'maplibre-gl';
import { fontFaces } from './fontfaces.ts';

export const MAP_FONT = 'Noto Sans SC Variable';

/** The wall's colours on the map; the same values stand in wall.css for what is not on the map. */
export const INK = {
  sea: '#060c16',
  land: '#101d30',
  shore: '#2a4666',
  river: '#132a42',
  border: '#33475f',
  grid: '#0d1828',
  city: '#9db1ca',
  water: '#2f5f86',
  corridor: '#36b7f0',
  corridorEdge: '#1d6f9a',
  red: '#ff3045',
  tail: '#bfe6ff',
  green: '#38e3a3',
  amber: '#ffb52e',
} as const;

const ATTRIBUTION =
  'Natural Earth · © OpenStreetMap contributors (ODbL) · GeoNames (CC BY 4.0) · world-geo-json-zh · MapLibre';

/** Empty GeoJSON, filled later. */
const empty: SourceSpecification = { type: 'geojson', data: { type: 'FeatureCollection', features: [] } };

/** Pixels of a width in metres at every zoom, at the latitude carried by the feature as `pxPerM0` (zoom 0). */
const metresWide = (property: string, extraPx = 0): ExpressionSpecification => [
  'interpolate',
  ['exponential', 2],
  ['zoom'],
  0,
  ['+', ['*', ['get', property], 1], extraPx],
  22,
  ['+', ['*', ['get', property], 2 ** 22], extraPx],
];

const label = (locale: string): ExpressionSpecification => ['get', locale.startsWith('zh') ? 'zh' : 'en'];
const kind = (value: string): ExpressionSpecification => ['==', ['get', 'kind'], value];

/** @param ui pixels of a rem / 16: texts and lines grow with the screen */
export function wallStyle(base: string, locale: string, ui: number): StyleSpecification {
  const data = (name: string) => ({ type: 'geojson', data: `${base}basemap/${name}.json` }) as const;
  return {
    version: 8,
    'font-faces': fontFaces(MAP_FONT),
    sources: {
      land: { ...data('land'), attribution: ATTRIBUTION },
      coast: data('coast'),
      waters: data('waters'),
      borders: data('borders'),
      names: data('names'),
      grid: { type: 'geojson', data: graticule(10, [-180, -80, 180, 80]) },
      'fine-grid': { type: 'geojson', data: graticule(0.5, [100, 15, 130, 45]) },
      corridors: empty,
      places: empty,
      trail: empty,
      numbers: empty,
    },
    layers: [...backdrop(locale, ui), ...planned(ui), ...happened(ui)],
  };
}

function backdrop(locale: string, ui: number): LayerSpecification[] {
  const rank = (n: number): ExpressionSpecification => ['==', ['get', 'rank'], n];
  const cities = (n: number, minzoom: number, size: number): LayerSpecification => ({
    id: `city-${n}`,
    type: 'symbol',
    source: 'names',
    minzoom,
    filter: ['all', kind('city'), rank(n)],
    layout: {
      'text-field': ['format', '•', { 'font-scale': 0.8 }, '\n', {}, label(locale), {}],
      'text-font': [MAP_FONT],
      'text-size': size * ui,
      'text-line-height': 1.05,
      'text-anchor': 'center',
      'text-offset': [0, 0.35],
      'text-padding': 6,
    },
    paint: {
      'text-color': INK.city,
      'text-halo-color': INK.land,
      'text-halo-width': 1.2,
      'text-opacity': n > 2 ? 0.75 : 0.95,
    },
  });
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
    cities(3, 8.2, 10.5),
    cities(2, 6, 12),
    cities(1, 3, 13.5),
  ];
}

/** What was planned: corridors in their true width, places, gates. */
function planned(ui: number): LayerSpecification[] {
  const round = { 'line-join': 'round', 'line-cap': 'round' } as const;
  return [
    {
      id: 'corridor-glow',
      type: 'line',
      source: 'corridors',
      layout: round,
      paint: { 'line-color': INK.corridor, 'line-width': 16 * ui, 'line-blur': 16 * ui, 'line-opacity': 0.22 },
    },
    {
      id: 'corridor-casing',
      type: 'line',
      source: 'corridors',
      minzoom: 9,
      layout: { 'line-join': 'round' },
      paint: {
        'line-color': INK.corridorEdge,
        'line-gap-width': metresWide('widthPx0'),
        'line-width': 1.2 * ui,
        'line-opacity': 0.85,
      },
    },
    {
      id: 'corridor',
      type: 'line',
      source: 'corridors',
      layout: { 'line-join': 'round' },
      paint: { 'line-color': INK.corridor, 'line-width': metresWide('widthPx0'), 'line-opacity': 0.14 },
    },
    {
      id: 'corridor-line',
      type: 'line',
      source: 'corridors',
      layout: round,
      paint: { 'line-color': INK.corridor, 'line-width': 1.8 * ui, 'line-opacity': 0.75 },
    },
    {
      id: 'place-area',
      type: 'fill',
      source: 'places',
      filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'fill-color': ['get', 'colour'], 'fill-opacity': 0.14 },
    },
    {
      id: 'place-edge',
      type: 'line',
      source: 'places',
      filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'line-color': ['get', 'colour'], 'line-width': 1.1 * ui, 'line-opacity': 0.8 },
    },
    {
      id: 'place-sign',
      type: 'symbol',
      source: 'places',
      filter: ['==', ['geometry-type'], 'Point'],
      layout: {
        'icon-image': ['get', 'icon'],
        'icon-allow-overlap': true,
        'text-field': ['step', ['zoom'], ['case', ['get', 'major'], ['get', 'name'], ''], 9.2, ['get', 'name']],
        'text-font': [MAP_FONT],
        'text-size': 11.5 * ui,
        'text-anchor': 'left',
        'text-offset': [1.15, 0],
        'text-optional': true,
        'symbol-sort-key': ['case', ['get', 'major'], 0, 1],
      },
      paint: { 'text-color': '#c9d9ea', 'text-halo-color': INK.sea, 'text-halo-width': 1.4 },
    },
  ];
}

/** What happened: the tail of the truck looked at, and where it left the route. */
function happened(ui: number): LayerSpecification[] {
  const round = { 'line-join': 'round', 'line-cap': 'round' } as const;
  return [
    {
      id: 'tail',
      type: 'line',
      source: 'trail',
      filter: kind('tail'),
      layout: round,
      paint: { 'line-color': INK.tail, 'line-width': 2.2 * ui, 'line-opacity': ['get', 'opacity'] },
    },
    {
      id: 'deviation-glow',
      type: 'line',
      source: 'trail',
      filter: kind('deviation'),
      layout: round,
      paint: { 'line-color': INK.red, 'line-width': 14 * ui, 'line-blur': 12 * ui, 'line-opacity': 0.5 },
    },
    {
      id: 'deviation',
      type: 'line',
      source: 'trail',
      filter: kind('deviation'),
      layout: round,
      paint: { 'line-color': INK.red, 'line-width': 3.2 * ui },
    },
    {
      id: 'deviation-reach',
      type: 'line',
      source: 'trail',
      filter: kind('reach'),
      paint: { 'line-color': '#ffd7dc', 'line-width': 1.2 * ui, 'line-dasharray': [3, 3] },
    },
    {
      id: 'mark-dot',
      type: 'circle',
      source: 'trail',
      filter: kind('mark'),
      paint: {
        'circle-radius': 4.5 * ui,
        'circle-color': INK.sea,
        'circle-stroke-color': '#ffd7dc',
        'circle-stroke-width': 2 * ui,
      },
    },
    {
      id: 'mark-text',
      type: 'symbol',
      source: 'trail',
      filter: kind('mark'),
      layout: {
        'text-field': ['get', 'text'],
        'text-font': [MAP_FONT],
        'text-size': 12.5 * ui,
        // Away from the truck's own plate, which stands above it to the right.
        'text-variable-anchor': ['right', 'top', 'bottom', 'left'],
        'text-radial-offset': 0.9,
        'text-justify': 'auto',
        'text-padding': 2,
      },
      paint: { 'text-color': '#ffe9ec', 'text-halo-color': '#2a0710', 'text-halo-width': 2 },
    },
    {
      id: 'numbers',
      type: 'symbol',
      source: 'numbers',
      layout: {
        'text-field': ['get', 'text'],
        'text-font': [MAP_FONT],
        'text-size': ['interpolate', ['linear'], ['get', 'count'], 20, 13 * ui, 2000, 22 * ui],
        'symbol-sort-key': ['-', 0, ['get', 'count']],
        'text-padding': 4,
      },
      paint: { 'text-color': '#eafff6', 'text-halo-color': '#04140f', 'text-halo-width': 2 },
    },
  ];
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
