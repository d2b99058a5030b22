import type { Basemap, PlaceKind } from '@sealwatch/schemas';
import type { GeoJSONSource, Map as MapLibreMap } from 'maplibre-gl';
import { type Bounds, createBaseMap, HOME } from './base-map.ts';
import { watchContextLoss } from './context-loss.ts';
import { Credits } from './credits.ts';
import type { Fleet } from './fleet.ts';
import type { FeatureCollection } from './geojson.ts';
import { MapData } from './map-data.ts';
import { WORLD_UNITS } from './mercator.ts';
import { operatorMap } from './operator-map.ts';
import { addSigns } from './signs.ts';
import { splitTrail } from './trail.ts';
import { TruckCanvas } from './truck-canvas.ts';
import { TruckDensity } from './truck-density.ts';
import { TruckFrames } from './truck-frames.ts';

/** Close enough to see a ramp, far enough for the basemap to show where it is. */
const CLOSE_ZOOM = 10.6;
/** A click within this distance of a truck selects it, CSS pixels. */
const PICK_PX = 16;
/** If a frame of the trucks costs the GPU more than this, the camera jumps instead of gliding, ms. */
const GLIDE_UP_TO_MS = 80;
const GLIDE_MS = 1_800;

export interface MapViewOptions {
  container: HTMLElement;
  fleet: Fleet;
  locale: string;
  /** Pixels of a rem / 16. */
  ui: number;
  calmMotion: boolean;
  /** One character for the sign of each kind of place. */
  letters: (kind: PlaceKind) => string;
  /** Shown beside the credits. */
  notices: {
    /** While tiles of the operator's own basemap cannot be loaded. */
    tilesAway: string;
    /** The browser draws without a graphics card. */
    software: string;
  };
  /** A click: the slot of the truck there, if there is one, and the position. */
  picked: (slot: number | undefined, at: { lon: number; lat: number }) => void;
  /** The operator moved the map. */
  handled: () => void;
  /** Part of the basemap could not be loaded. */
  failed: () => void;
  /** The browser took the WebGL context away (true) or restored it (false). */
  dark?: (dark: boolean) => void;
}

/** CSS pixels of the map that panels cover, at each side. */
export interface Padding {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export interface MapView {
  setCorridors(features: FeatureCollection): void;
  /** The operator's own basemap; only the first call has an effect. */
  setBasemap(basemap: Basemap): void;
  /** Attribution that the routes' sources require. */
  setSources(lines: string[]): void;
  setPlaces(features: FeatureCollection): void;
  setTrail(features: FeatureCollection): void;
  setOverview(bounds: Bounds | undefined): void;
  setPadding(padding: Padding): void;
  setLook(look: { selectedSlot?: number; stale?: boolean }): void;
  overview(): void;
  show(place: { lon: number; lat: number }): void;
  /** CSS pixels of a place in the map's box. */
  project(place: { lon: number; lat: number }): { x: number; y: number };
  /** The place under CSS pixels of the map's box. */
  unproject(at: { x: number; y: number }): { lon: number; lat: number };
  /** Calls the listener after every frame of the trucks. */
  drawn(listener: () => void): void;
  close(): void;
}

/** @throws Error if the browser has no WebGL2 */
export function createMapView(options: MapViewOptions): MapView {
  const { fleet, ui, locale, notices } = options;
  const base = new URL(import.meta.env.BASE_URL, location.origin).href;
  const map = createBaseMap({ ...options, base });
  const credits = new Credits(map);
  const trucks = addTrucks(map, options);
  credits.setNotice(notices.software, trucks.isSoftware);
  const data = new MapData((source, features) => map.getSource<GeoJSONSource>(source)?.setData(features));
  const operators = operatorMap(map, {
    base,
    ui,
    ready: () => data.ready,
    away: (away) => credits.setNotice(notices.tilesAway, away),
  });
  map.on('style.load', async () => {
    await addSigns(map, options.letters, ui);
    data.begin();
    operators.addLayers();
  });
  map.on('webglcontextlost', () => data.end());
  map.on('error', (event) => {
    if (operators.missed(event)) return;
    console.warn('map:', event.error?.message);
    options.failed();
  });
  watchContextLoss([map.getCanvas(), trucks.element], (lost) => options.dark?.(lost));
  watchOperator(map, options);
  const frames = new TruckFrames(map, fleet, trucks, new TruckDensity(map, fleet, trucks, data, ui, locale), ui);
  frames.start();
  return {
    ...overlaysOf(data),
    ...cameraOf(map, trucks, options),
    setBasemap: (basemap) => void operators.set(basemap).catch(options.failed),
    setSources: (lines) => credits.setSources(lines),
    setLook: (look) => {
      if (look.selectedSlot !== undefined) trucks.look.selectedSlot = look.selectedSlot;
      if (look.stale !== undefined) trucks.look.stale = look.stale ? 1 : 0;
      frames.draw();
    },
    drawn: (listener) => frames.drawn(listener),
    close: () => {
      frames.stop();
      operators.close();
      trucks.close();
      map.remove();
    },
  };
}

function addTrucks(map: MapLibreMap, { fleet, ui, calmMotion }: MapViewOptions): TruckCanvas {
  const trucks = new TruckCanvas(fleet);
  trucks.look.redPx = 10.5 * ui;
  trucks.look.motion = !calmMotion;
  map.getCanvasContainer().append(trucks.element);
  return trucks;
}

/** Reports clicks, and movements of the map that a person made. */
function watchOperator(map: MapLibreMap, { fleet, ui, picked, handled }: MapViewOptions): void {
  map.on('click', (event) => {
    const { lng, lat } = event.lngLat;
    const radius = (PICK_PX * ui * WORLD_UNITS) / (512 * 2 ** map.getZoom());
    picked(fleet.pick(lng, lat, radius, performance.now()), { lon: lng, lat });
  });
  for (const event of ['dragstart', 'zoomstart'] as const) {
    map.on(event, (e) => 'originalEvent' in e && e.originalEvent && handled());
  }
}

function overlaysOf(data: MapData): Pick<MapView, 'setCorridors' | 'setPlaces' | 'setTrail'> {
  return {
    setCorridors: (features) => data.set('corridors', features),
    setPlaces: (features) => data.set('places', features),
    setTrail: (trail) => {
      const { lines, marks } = splitTrail(trail);
      data.set('trail', lines);
      data.set('marks', marks);
    },
  };
}

type CameraView = Pick<MapView, 'setOverview' | 'setPadding' | 'overview' | 'show' | 'project' | 'unproject'>;

function cameraOf(map: MapLibreMap, trucks: TruckCanvas, { ui, calmMotion }: MapViewOptions): CameraView {
  let bounds = HOME;
  // With expensive frames a glide stutters, and the red truck at its end is seen late.
  const glide = () => ({ duration: calmMotion || trucks.costMs > GLIDE_UP_TO_MS ? 0 : GLIDE_MS, essential: true });
  return {
    setOverview: (box) => {
      bounds = box ?? HOME;
    },
    setPadding: (padding) => map.setPadding(padding),
    overview: () => {
      const camera = map.cameraForBounds(bounds, { padding: 48 * ui, maxZoom: CLOSE_ZOOM });
      if (camera) map.easeTo({ ...camera, ...glide() });
    },
    show: ({ lon, lat }) =>
      map.flyTo({ center: [lon, lat], zoom: Math.max(CLOSE_ZOOM, Math.min(map.getZoom(), 12.5)), ...glide() }),
    project: ({ lon, lat }) => map.project([lon, lat]),
    unproject: ({ x, y }) => {
      const { lng, lat } = map.unproject([x, y]);
      return { lon: lng, lat };
    },
  };
}
