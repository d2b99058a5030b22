import type { ExpressionSpecification, LayerSpecification, SourceSpecification, StyleSpecification } from 'maplibre-gl';
import { backdrop, backdropSources } from './backdrop.ts';
import { fontFaces } from './font-faces.ts';
import { INK, MAP_FONT } from './ink.ts';

/** Empty GeoJSON, filled later. */
const empty: SourceSpecification = { type: 'geojson', data: { type: 'FeatureCollection', features: [] } };

const round = { 'line-join': 'round', 'line-cap': 'round' } as const;

const kind = (value: string): ExpressionSpecification => ['==', ['get', 'kind'], value];

/** @param ui pixels of a rem / 16: texts and lines grow with the screen */
export function wallStyle(base: string, locale: string, ui: number): StyleSpecification {
  return {
    version: 8,
    'font-faces': fontFaces(MAP_FONT),
    sources: {
      ...backdropSources(base),
      corridors: empty,
      places: empty,
      trail: empty,
      marks: empty,
      numbers: empty,
    },
    layers: [...backdrop(locale, ui), ...corridors(ui), ...places(ui), ...trail(ui), ...marks(ui), ...truckNumbers(ui)],
  };
}

/** Planned routes with their corridors in true width. */
function corridors(ui: number): LayerSpecification[] {
  return [
    {
      id: 'corridor-glow',
      type: 'line',
      source: 'corridors',
      filter: kind('line'),
      layout: round,
      paint: { 'line-color': INK.corridor, 'line-width': 16 * ui, 'line-blur': 16 * ui, 'line-opacity': 0.22 },
    },
    {
      id: 'corridor',
      type: 'fill',
      source: 'corridors',
      filter: kind('area'),
      paint: { 'fill-color': INK.corridor, 'fill-opacity': 0.14 },
    },
    {
      id: 'corridor-edge',
      type: 'line',
      source: 'corridors',
      filter: kind('area'),
      minzoom: 9,
      layout: { 'line-join': 'round' },
      paint: { 'line-color': INK.corridorEdge, 'line-width': 1.2 * ui, 'line-opacity': 0.85 },
    },
    {
      id: 'corridor-line',
      type: 'line',
      source: 'corridors',
      filter: kind('line'),
      layout: round,
      paint: { 'line-color': INK.corridor, 'line-width': 1.8 * ui, 'line-opacity': 0.75 },
    },
  ];
}

/** Places: offices, gates, yards, service areas. */
function places(ui: number): LayerSpecification[] {
  return [
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

/** The track of the selected truck, and its deviations from the route. */
function trail(ui: number): LayerSpecification[] {
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
  ];
}

/** Where a deviation began, was farthest and ended. */
function marks(ui: number): LayerSpecification[] {
  return [
    {
      id: 'mark-dot',
      type: 'circle',
      source: 'marks',
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
      source: 'marks',
      layout: {
        'text-field': ['get', 'text'],
        'text-font': [MAP_FONT],
        'text-size': 12.5 * ui,
        // Not to the upper right, where the truck's own plate is.
        'text-variable-anchor': ['right', 'top', 'bottom', 'left'],
        'text-radial-offset': 0.9,
        'text-justify': 'auto',
        'text-padding': 2,
      },
      paint: { 'text-color': '#ffe9ec', 'text-halo-color': '#2a0710', 'text-halo-width': 2 },
    },
  ];
}

/** How many trucks there are where they are too many to tell apart. */
function truckNumbers(ui: number): LayerSpecification[] {
  return [
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
