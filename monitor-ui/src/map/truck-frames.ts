import type { Map as MapLibreMap } from 'maplibre-gl';
import type { Fleet } from './fleet.ts';
import { framesPerSecond } from './frame-rate.ts';
import { metresPerPixel } from './mercator.ts';
import type { TruckCanvas } from './truck-canvas.ts';
import type { TruckDensity } from './truck-density.ts';

/** Speed of trucks on a motorway, from which the frame rate is derived, m/s. */
const TYPICAL_SPEED_MS = 25;

/** Smaller when a whole route is seen, so that the corridor stays visible under its trucks; larger close up. */
const bodyPx = (zoom: number): number => Math.max(4.6, Math.min(8.6, 4.6 + (zoom - 7.6) * 1.35));

/**
 * Decides when the trucks are drawn: in the same frame as the map while the camera moves, otherwise as often as
 * their movement and the cost of a frame allow.
 */
export class TruckFrames {
  readonly #map: MapLibreMap;
  readonly #fleet: Fleet;
  readonly #trucks: TruckCanvas;
  readonly #density: TruckDensity;
  readonly #ui: number;
  readonly #listeners: (() => void)[] = [];
  #drawnMs = 0;
  #drawnReds = 0;
  #moved = false;
  #request = 0;

  /** @param ui pixels of a rem / 16 */
  constructor(map: MapLibreMap, fleet: Fleet, trucks: TruckCanvas, density: TruckDensity, ui: number) {
    this.#map = map;
    this.#fleet = fleet;
    this.#trucks = trucks;
    this.#density = density;
    this.#ui = ui;
    map.on('resize', () => this.#resize());
    map.on('move', () => {
      this.#moved = true;
    });
    map.on('render', () => {
      if (this.#moved) this.draw();
      this.#moved = false;
    });
  }

  start(): void {
    this.#resize();
    this.#request = requestAnimationFrame(this.#tick);
  }

  stop(): void {
    cancelAnimationFrame(this.#request);
  }

  /** Calls the listener after every frame. */
  drawn(listener: () => void): void {
    this.#listeners.push(listener);
  }

  draw(): void {
    const map = this.#map;
    this.#drawnMs = performance.now();
    const zoom = map.getZoom();
    const { lng: lon, lat } = map.getCenter().wrap();
    const { x, y } = map.project(map.getCenter());
    this.#trucks.look.bodyPx = bodyPx(zoom) * this.#ui;
    this.#fleet.rebase(this.#drawnMs);
    this.#trucks.draw({ lon, lat, zoom, x, y }, this.#drawnMs);
    for (const listener of this.#listeners) listener();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#map.getContainer();
    this.#trucks.resize(clientWidth, clientHeight, devicePixelRatio);
    this.draw();
  }

  readonly #tick = (nowMs: number): void => {
    this.#request = requestAnimationFrame(this.#tick);
    if (this.#trucks.busy(nowMs)) return;
    const reds = this.#fleet.heldRed();
    // A change of the red locks is drawn at once, whatever the frame rate.
    if (reds !== this.#drawnReds) {
      this.#drawnReds = reds;
      this.#density.expire();
      this.#drawnMs = Number.NEGATIVE_INFINITY;
    }
    this.#density.measure(nowMs);
    const pxPerS = TYPICAL_SPEED_MS / metresPerPixel(this.#map.getZoom(), this.#map.getCenter().lat);
    const { stale, motion } = this.#trucks.look;
    const fps = stale ? 1 : framesPerSecond(pxPerS, motion && this.#density.redInView, this.#trucks.costMs);
    if (nowMs - this.#drawnMs >= 1000 / fps) this.draw();
  };
}
