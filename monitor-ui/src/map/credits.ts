import { AttributionControl, type Map as MapLibreMap } from 'maplibre-gl';

/** The credits in the corner of the map, with a notice while tiles of the operator's basemap cannot be loaded. */
export class Credits {
  readonly #map: MapLibreMap;
  readonly #notice: string;
  #control = new AttributionControl({ compact: false });
  #sources: string[] = [];
  #tilesAway = false;

  /** @param notice shown beside the credits while tiles cannot be loaded */
  constructor(map: MapLibreMap, notice: string) {
    this.#map = map;
    this.#notice = notice;
    map.addControl(this.#control, 'bottom-right');
  }

  setSources(lines: string[]): void {
    if (lines.join() === this.#sources.join()) return;
    this.#sources = lines;
    this.#show();
  }

  setTilesAway(away: boolean): void {
    if (away === this.#tilesAway) return;
    this.#tilesAway = away;
    this.#show();
  }

  /** MapLibre cannot change the text of a control, so the control is replaced. */
  #show(): void {
    this.#map.removeControl(this.#control);
    const customAttribution = this.#tilesAway ? [...this.#sources, this.#notice] : this.#sources;
    this.#control = new AttributionControl({ compact: false, customAttribution });
    this.#map.addControl(this.#control, 'bottom-right');
  }
}
