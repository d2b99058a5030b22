import type { Basemap, PlaceKind } from '@sealwatch/schemas';
import { AttributionControl, type GeoJSONSource, Map as MapLibreMap, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import { whole } from '../text/format.ts';
import type { Fleet } from './fleet.ts';
import type { FeatureCollection } from './geojson.ts';
import { Laid } from './laid.ts';
import { metresPerPixel, unitX, unitY, WORLD_UNITS } from './mercator.ts';
import { operatorMap } from './operator-map.ts';
import { framesPerSecond } from './pace.ts';
import { addSigns } from './signs.ts';
import { wallStyle } from './style.ts';
import { crowded, numbers, survey } from './survey.ts';
import { parted } from './trail.ts';
import { MOST_CANVAS_PX, TruckCanvas } from './truck-canvas.ts';

setWorkerUrl(workerUrl);

/** East China: what is shown before the routes are known. */
const HOME: [number, number, number, number] = [117.5, 27.6, 123.5, 32.2];
/** Close enough to see a ramp, far enough for the basemap to say where it is. */
const CLOSE_ZOOM = 10.6;
/** A click within this of a truck means the truck, CSS pixels. */
const PICK_PX = 16;
/** A picture of the trucks that takes the graphics longer than this is dear, ms. */
const DEAR_MS = 80;
/** Side of the cells in which trucks are counted, CSS pixels, and how often they are. */
const CELL_PX = 96;
const SURVEY_EVERY_MS = 1_000;
/** Numbers draw the map anew: not with every look. */
const NUMBERS_EVERY_MS = 5_000;
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
  /** Said beside the credits while the operator's own basemap does not come. */
  tilesAway: string;
  /** A click: the truck there, if one is, and where it was. */
  picked: (slot: number | undefined, at: { lon: number; lat: number }) => void;
  /** The operator moved the map. */
  handled: () => void;
  /** Something of the basemap could not be read. */
  failed: () => void;
  /** The machine took the graphics away, or gave them back. */
  dark?: (dark: boolean) => void;
}

export interface Padding {
  top: number;
  right: number;
  bottom: number;
  left: number;
}

export interface Stage {
  setCorridors(features: FeatureCollection): void;
  /** The operator's own basemap; the first word of it counts. */
  setBasemap(basemap: Basemap): void;
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
  const base = new URL(import.meta.env.BASE_URL, location.origin).href;
  const map = new MapLibreMap({
    container: options.container,
    style: wallStyle(base, options.locale, ui),
    bounds: HOME,
    minZoom: 2.2,
    maxZoom: 15,
    renderWorldCopies: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: false,
    fadeDuration: options.calmMotion ? 0 : 200,
    // MapLibre draws coarser above 4,096 unless told.
    maxCanvasSize: [MOST_CANVAS_PX, MOST_CANVAS_PX],
    canvasContextAttributes: { antialias: true, powerPreference: 'high-performance' },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disable();
  map.addControl(new ScaleControl({ maxWidth: 110 * ui, unit: 'metric' }), 'bottom-left');
  let attribution = new AttributionControl({ compact: false });
  map.addControl(attribution, 'bottom-right');
  let sources: string[] = [];
  let tilesAway = false;
  const credit = () => {
    map.removeControl(attribution);
    const customAttribution = tilesAway ? [...sources, options.tilesAway] : sources;
    attribution = new AttributionControl({ compact: false, customAttribution });
    map.addControl(attribution, 'bottom-right');
  };
  const trucks = new TruckCanvas(fleet);
  trucks.look.redPx = 10.5 * ui;
  trucks.look.motion = !options.calmMotion;
  map.getCanvasContainer().append(trucks.element);

  let bounds = HOME;
  const laid = new Laid((name, data) => map.getSource<GeoJSONSource>(name)?.setData(data));
  const operators = operatorMap(map, {
    base,
    ui,
    ready: () => laid.ready,
    away: (away) => {
      if (away === tilesAway) return;
      tilesAway = away;
      credit();
    },
  });
  map.on('style.load', async () => {
    await addSigns(map, options.letters, ui);
    laid.begin();
    operators.lay();
  });
  map.on('webglcontextlost', () => laid.end());
  const dark = new Set<HTMLCanvasElement>();
  for (const canvas of [map.getCanvas(), trucks.element]) {
    canvas.addEventListener('webglcontextlost', () => options.dark?.(dark.add(canvas).size > 0));
    canvas.addEventListener('webglcontextrestored', () => {
      dark.delete(canvas);
      options.dark?.(dark.size > 0);
    });
  }

  map.on('click', (event) => {
    const { lng, lat } = event.lngLat;
    const radius = (PICK_PX * ui * WORLD_UNITS) / (512 * 2 ** map.getZoom());
    options.picked(fleet.pick(lng, lat, radius, performance.now()), { lon: lng, lat });
  });
  for (const event of ['dragstart', 'zoomstart'] as const) {
    map.on(event, (e) => 'originalEvent' in e && e.originalEvent && options.handled());
  }
  map.on('error', (event) => {
    if (operators.missed(event)) return;
    console.warn('map:', event.error?.message);
    options.failed();
  });

  const listeners: (() => void)[] = [];
  let lastMs = 0;
  const draw = () => {
    lastMs = performance.now();
    const zoom = map.getZoom();
    const { lng: lon, lat } = map.getCenter().wrap();
    const { x, y } = map.project(map.getCenter());
    trucks.look.bodyPx = bodyPx(zoom) * ui;
    fleet.rebase(lastMs);
    trucks.draw({ lon, lat, zoom, x, y }, lastMs);
    for (const listener of listeners) listener();
  };
  const fit = () => {
    const { clientWidth, clientHeight } = map.getContainer();
    trucks.resize(clientWidth, clientHeight, devicePixelRatio);
    draw();
  };
  map.on('resize', fit);
  // While the camera moves, trucks are drawn in the same picture as the map under them.
  let moved = false;
  map.on('move', () => {
    moved = true;
  });
  map.on('render', () => {
    if (moved) draw();
    moved = false;
  });

  let numberedMs = 0;
  let seen = { atMs: Number.NEGATIVE_INFINITY, red: false };
  const look = (nowMs: number) => {
    if (nowMs - seen.atMs < SURVEY_EVERY_MS) return;
    const view = map.getBounds();
    const box = {
      west: unitX(Math.max(-180, view.getWest())),
      east: unitX(Math.min(179.999, view.getEast())),
      north: unitY(view.getNorth()),
      south: unitY(view.getSouth()),
    };
    // Whole zooms only, so that cells stay where they are between them.
    const found = survey(fleet, box, (CELL_PX * ui * WORLD_UNITS) / (512 * 2 ** Math.round(map.getZoom())));
    seen = { atMs: nowMs, red: found.red };
    const before = trucks.look.crowded;
    trucks.look.crowded = crowded(found.perCell, before);
    const due = before !== trucks.look.crowded || (before && nowMs - numberedMs >= NUMBERS_EVERY_MS);
    if (due) {
      numberedMs = nowMs;
      laid.fill(
        'numbers',
        trucks.look.crowded
          ? numbers(found, (count) => whole(count, options.locale))
          : { type: 'FeatureCollection', features: [] },
      );
    }
  };
  let frame = 0;
  let drawnReds = 0;
  const tick = (nowMs: number) => {
    frame = requestAnimationFrame(tick);
    if (trucks.busy(nowMs)) return;
    const reds = fleet.heldRed();
    // Red does not wait for the next picture due.
    if (reds !== drawnReds) {
      drawnReds = reds;
      seen.atMs = Number.NEGATIVE_INFINITY;
      lastMs = Number.NEGATIVE_INFINITY;
    }
    look(nowMs);
    const px = TYPICAL_SPEED_MS / metresPerPixel(map.getZoom(), map.getCenter().lat);
    const { stale, motion } = trucks.look;
    const fps = stale ? 1 : framesPerSecond(px, motion && seen.red, trucks.costMs);
    if (nowMs - lastMs >= 1000 / fps) draw();
  };
  fit();
  frame = requestAnimationFrame(tick);
  // Where a picture is dear a glide is a stutter, and the red at its end comes late: the camera is set down there.
  const glide = () => ({ duration: options.calmMotion || trucks.costMs > DEAR_MS ? 0 : 1_800, essential: true });

  return {
    setCorridors: (features) => laid.fill('corridors', features),
    setBasemap: (basemap) => void operators.set(basemap).catch(options.failed),
    setSources: (lines) => {
      if (lines.join() === sources.join()) return;
      sources = lines;
      credit();
    },
    setPlaces: (features) => laid.fill('places', features),
    setTrail: (trail) => {
      const { lines, marks } = parted(trail);
      laid.fill('trail', lines);
      laid.fill('marks', marks);
    },
    setOverview: (box) => {
      bounds = box ?? HOME;
    },
    setPadding: (padding) => map.setPadding(padding),
    setLook: (look) => {
      if (look.selectedSlot !== undefined) trucks.look.selectedSlot = look.selectedSlot;
      if (look.stale !== undefined) trucks.look.stale = look.stale ? 1 : 0;
      draw();
    },
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
    drawn: (listener) => listeners.push(listener),
    close: () => {
      cancelAnimationFrame(frame);
      operators.close();
      trucks.close();
      map.remove();
    },
  };
}
