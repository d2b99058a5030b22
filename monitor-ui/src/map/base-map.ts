import { Map as MapLibreMap, ScaleControl, setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import 'maplibre-gl/dist/maplibre-gl.css';
import { wallStyle } from './style.ts';
import { MOST_CANVAS_PX } from './truck-canvas.ts';

setWorkerUrl(workerUrl);

/** `[west, south, east, north]`, degrees. */
export type Bounds = [number, number, number, number];

/** East China: shown before the routes are known. */
export const HOME: Bounds = [117.5, 27.6, 123.5, 32.2];

export interface BaseMapOptions {
  container: HTMLElement;
  /** Root URL of the platform, e.g. `http://127.0.0.1:8080/`. */
  base: string;
  locale: string;
  /** Pixels of a rem / 16. */
  ui: number;
  calmMotion: boolean;
}

/** The MapLibre map with the wall's style and a scale bar: flat, north-up, moved by mouse and touch only. */
export function createBaseMap({ container, base, locale, ui, calmMotion }: BaseMapOptions): MapLibreMap {
  const map = new MapLibreMap({
    container,
    style: wallStyle(base, locale, ui),
    bounds: HOME,
    minZoom: 2.2,
    maxZoom: 15,
    renderWorldCopies: false,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: false,
    fadeDuration: calmMotion ? 0 : 200,
    // By default MapLibre lowers the resolution of canvases above 4,096 pixels.
    maxCanvasSize: [MOST_CANVAS_PX, MOST_CANVAS_PX],
    canvasContextAttributes: { antialias: true, powerPreference: 'high-performance' },
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disable();
  map.addControl(new ScaleControl({ maxWidth: 110 * ui, unit: 'metric' }), 'bottom-left');
  return map;
}
