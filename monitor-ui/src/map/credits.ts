import { AttributionControl, type Map as MapLibreMap } from 'maplibre-gl';

/** The credits in the corner of the map, with what is to be known about it beside them. */
export class Credits {
  readonly #map: MapLibreMap;
  #control = new AttributionControl({ compact: false });
  #sources: string[] = [];
  readonly #notices = new Set<string>();

  constructor(map: MapLibreMap) {
    this.#map = map;
    map.addControl(this.#control, 'bottom-right');
  }

  setSources(lines: string[]): void {
    if (lines.join() === this.#sources.join()) return;
    this.#sources = lines;
    this.#show();
  }

  /** Shows a notice, or takes it away. */
  setNotice(text: string, holds: boolean): void {
    if (this.#notices.has(text) === holds) return;
    if (holds) this.#notices.add(text);
    else this.#notices.delete(text);
    this.#show();
  }

  /** MapLibre cannot change the text of a control, so the control is replaced. */
  #show(): void {
    this.#map.removeControl(this.#control);
    this.#control = new AttributionControl({
      compact: false,
      customAttribution: [...this.#sources, ...this.#notices],
    });
    this.#map.addControl(this.#control, 'bottom-right');
  }
}
