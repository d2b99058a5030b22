import type { PlaceKind } from '@sealwatch/schemas';
import { AttributionControl, type GeoJSONSource, Map as MapLibreMap, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import type { FeatureCollection } from './geojson.ts';
import 'maplibre-gl/dist/maplibre-gl.css';
import type { Fleet } from './fleet.ts';
import { metresPerPixel, WORLD_UNITS } from './mercator.ts';
import { framesPerSecond } from './pace.ts';
import { addSigns } from './signs.ts';
import { wallStyle } from './style.ts';
import { TruckLayer } from './trucklayer.ts';

setWorkerUrl(workerUrl);

/** East China: what is shown before the routes are known. */
const HOME: [number, number, number, number] = [117.5, 27.6, 123.5, 32.2];
/** Close enough to see a ramp, far enough for the basemap to say where it is. */
const CLOSE_ZOOM = 10.6;
/** A click within this of a truck means the truck, CSS pixels. */
const PICK_PX = 16;
/** Trucks on a motorway; how fast pictures have to follow is reckoned from it, m/s. */
const TYPICAL_SPEED_MS = 25;

/** Small where a whole route is seen, so that the corridor stays visible under its trucks; large close by. */
const bodyPx = (zoom: number): number => Math.max(4.6, Math.min(8.6, 4.6 + (zoom - 7.6) * 1.35));

export interface StageOptions {
  container: HTMLElement;
  fleet: Fleet;
  locale: string;
  /** Pixels of a rem / 16. */
  ui: number;
  calmMotion: boolean;
  letters: (kind: PlaceKind) => string;
  /** A click: the truck there, if one is, and where it was. */
  picked: (slot: number | undefined, at: { lon: number; lat: number }) => void;
  /** The operator moved the map. */
  handled: () => void;
  /** Something of the basemap could not be read. */
  failed: () => void;
}

export interface Padding {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export interface Stage {
  setCorridors(features: FeatureCollection): void;
  /** What has to be said of where the routes come from. */
  setSources(lines: string[]): void;
  setPlaces(features: FeatureCollection): void;
  setTrail(features: FeatureCollection): void;
  setOverview(bounds: [number, number, number, number] | undefined): void;
  setPadding(padding: Padding): void;
  setLook(look: { selectedSlot?: number; stale?: boolean }): void;
  overview(): void;
  show(place: { lon: number; lat: number }): void;
  /** CSS pixels of a place in the map's box. */
  project(place: { lon: number; lat: number }): { x: number; y: number };
  /** The place under CSS pixels of the map's box. */
  unproject(at: { x: number; y: number }): { lon: number; lat: number };
  /** Called with every picture drawn. */
  drawn(listener: () => void): void;
  close(): void;
}

export function createStage(options: StageOptions): Stage {
  const { fleet, ui } = options;
  const map = new MapLibreMap({
    container: options.container,
    style: wallStyle(new URL(import.meta.env.BASE_URL, location.origin).href, options.locale, ui),
    bounds: HOME,
    minZoom: 2.2,
    maxZoom: 15,
    renderWorldCopies: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: false,
    fadeDuration: options.calmMotion ? 0 : 200,
    canvasContextAttributes: { antialias: true, powerPreference: 'high-performance' },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disable();
  map.addControl(new ScaleControl({ maxWidth: 110 * ui, unit: 'metric' }), 'bottom-left');
  let attribution = new AttributionControl({ compact: false });
  map.addControl(attribution, 'bottom-right');
  const layer = new TruckLayer(fleet);
  layer.look.redPx = 10.5 * ui;
  layer.look.motion = !options.calmMotion;

  let bounds = HOME;
  const waiting = new Map<string, FeatureCollection>();
  const ready = map.once('style.load').then(async () => {
    await addSigns(map, options.letters, ui);
    map.addLayer(layer);
    for (const [name, data] of waiting) source(name)?.setData(data);
    waiting.clear();
  });
  const source = (name: string) => map.getSource<GeoJSONSource>(name);
  const fill = (name: string, data: FeatureCollection) => {
    const found = map.isStyleLoaded() || map.getLayer('trucks') ? source(name) : undefined;
    if (found) found.setData(data);
    else waiting.set(name, data);
  };

  map.on('click', (event) => {
    const { lng, lat } = event.lngLat;
    const radius = (PICK_PX * ui * WORLD_UNITS) / (512 * 2 ** map.getZoom());
    options.picked(fleet.pick(lng, lat, radius, performance.now()), { lon: lng, lat });
  });
  for (const event of ['dragstart', 'zoomstart'] as const) {
    map.on(event, (e) => 'originalEvent' in e && e.originalEvent && options.handled());
  }
  map.on('error', (event) => {
    console.warn('map:', event.error?.message);
    options.failed();
  });
  map.on('webglcontextrestored', () => {
    const context = map.getCanvas().getContext('webgl2');
    if (context) layer.restore(context);
  });

  let frame = 0;
  let lastMs = 0;
  const tick = (nowMs: number) => {
    frame = requestAnimationFrame(tick);
    const px = TYPICAL_SPEED_MS / metresPerPixel(map.getZoom(), map.getCenter().lat);
    const fps = layer.look.stale ? 1 : framesPerSecond(px, layer.look.motion && redInSight());
    if (nowMs - lastMs < 1000 / fps) return;
    lastMs = nowMs;
    layer.look.bodyPx = bodyPx(map.getZoom()) * ui;
    fleet.rebase(nowMs);
    map.triggerRepaint();
  };
  let redSeen = { atMs: 0, red: false };
  const redInSight = () => {
    const nowMs = performance.now();
    if (nowMs - redSeen.atMs < 500) return redSeen.red;
    const view = map.getBounds();
    let red = false;
    for (let slot = 0; slot < fleet.count && !red; slot++) {
      if (!fleet.isRed(slot)) continue;
      const at = fleet.reported(slot);
      red = at !== undefined && view.contains([at.lon, at.lat]);
    }
    redSeen = { atMs: nowMs, red };
    return red;
  };
  ready.then(() => {
    frame = requestAnimationFrame(tick);
  });
  const glide = { duration: options.calmMotion ? 0 : 1_800, essential: true };

  return {
    setCorridors: (features) => fill('corridors', features),
    setSources: (lines) => {
      map.removeControl(attribution);
      attribution = new AttributionControl({ compact: false, customAttribution: lines });
      map.addControl(attribution, 'bottom-right');
    },
    setPlaces: (features) => fill('places', features),
    setTrail: (features) => fill('trail', features),
    setOverview: (box) => {
      bounds = box ?? HOME;
    },
    setPadding: (padding) => map.setPadding(padding),
    setLook: (look) => {
      if (look.selectedSlot !== undefined) layer.look.selectedSlot = look.selectedSlot;
      if (look.stale !== undefined) layer.look.stale = look.stale ? 1 : 0;
      map.triggerRepaint();
    },
    overview: () => {
      const camera = map.cameraForBounds(bounds, { padding: 48 * ui, maxZoom: CLOSE_ZOOM });
      if (camera) map.easeTo({ ...camera, ...glide });
    },
    show: ({ lon, lat }) =>
      map.flyTo({ center: [lon, lat], zoom: Math.max(CLOSE_ZOOM, Math.min(map.getZoom(), 12.5)), ...glide }),
    project: ({ lon, lat }) => map.project([lon, lat]),
    unproject: ({ x, y }) => {
      const { lng, lat } = map.unproject([x, y]);
      return { lon: lng, lat };
    },
    drawn: (listener) => map.on('render', listener),
    close: () => {
      cancelAnimationFrame(frame);
      map.remove();
    },
  };
}
