import type { Map as MapLibreMap } from 'maplibre-gl';
import { whole } from '../text/format.ts';
import type { Fleet } from './fleet.ts';
import type { MapData } from './map-data.ts';
import { unitX, unitY, WORLD_UNITS } from './mercator.ts';
import { crowded, numbers, survey, type UnitBox } from './survey.ts';
import type { TruckCanvas } from './truck-canvas.ts';

/** Side of the cells in which trucks are counted, CSS pixels, and how often they are counted, ms. */
const CELL_PX = 96;
const MEASURE_EVERY_MS = 1_000;
/** The numbers of trucks are updated less often, because each update makes MapLibre draw the map again, ms. */
const NUMBERS_EVERY_MS = 5_000;

/** Counts the trucks in view; draws them small, with numbers on the map, where there are too many to tell apart. */
export class TruckDensity {
  /** A red truck was in view at the last count. */
  redInView = false;
  readonly #map: MapLibreMap;
  readonly #fleet: Fleet;
  readonly #trucks: TruckCanvas;
  readonly #data: MapData;
  readonly #cellPx: number;
  readonly #locale: string;
  #measuredMs = Number.NEGATIVE_INFINITY;
  #numberedMs = 0;

  /** @param ui pixels of a rem / 16 */
  constructor(map: MapLibreMap, fleet: Fleet, trucks: TruckCanvas, data: MapData, ui: number, locale: string) {
    this.#map = map;
    this.#fleet = fleet;
    this.#trucks = trucks;
    this.#data = data;
    this.#cellPx = CELL_PX * ui;
    this.#locale = locale;
  }

  /** The next call of `measure` counts, however recent the last count. */
  expire(): void {
    this.#measuredMs = Number.NEGATIVE_INFINITY;
  }

  /** Counts at most once a second; cheap to call in every frame. */
  measure(nowMs: number): void {
    if (nowMs - this.#measuredMs < MEASURE_EVERY_MS) return;
    // Whole zooms only, so that cells do not move while the zoom changes between them.
    const cellUnits = (this.#cellPx * WORLD_UNITS) / (512 * 2 ** Math.round(this.#map.getZoom()));
    const found = survey(this.#fleet, this.#view(), cellUnits);
    this.#measuredMs = nowMs;
    this.redInView = found.red;
    const { look } = this.#trucks;
    const before = look.crowded;
    look.crowded = crowded(found.perCell, before);
    const due = before !== look.crowded || (before && nowMs - this.#numberedMs >= NUMBERS_EVERY_MS);
    if (!due) return;
    this.#numberedMs = nowMs;
    this.#data.set(
      'numbers',
      look.crowded
        ? numbers(found, (count) => whole(count, this.#locale))
        : { type: 'FeatureCollection', features: [] },
    );
  }

  #view(): UnitBox {
    const view = this.#map.getBounds();
    return {
      west: unitX(Math.max(-180, view.getWest())),
      east: unitX(Math.min(179.999, view.getEast())),
      north: unitY(view.getNorth()),
      south: unitY(view.getSouth()),
    };
  }
}
