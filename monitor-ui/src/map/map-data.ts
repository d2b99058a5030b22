import type { FeatureCollection } from './geojson.ts';

/**
 * The GeoJSON of the map's own sources, by source name. Data equal to what a source already has is not set again:
 * MapLibre would lay out all labels anew and fade them in, redrawing the whole map for each frame of the fade.
 */
export class MapData {
  readonly #apply: (source: string, data: FeatureCollection) => void;
  readonly #bySource = new Map<string, { data: FeatureCollection; text: string }>();
  #ready = false;

  /** Whether the map has its sources. */
  get ready(): boolean {
    return this.#ready;
  }

  /** @param apply sets the data of a source of the map */
  constructor(apply: (source: string, data: FeatureCollection) => void) {
    this.#apply = apply;
  }

  set(source: string, data: FeatureCollection): void {
    const text = JSON.stringify(data);
    if (this.#bySource.get(source)?.text === text) return;
    this.#bySource.set(source, { data, text });
    if (this.#ready) this.#apply(source, data);
  }

  /** The map has its sources, for the first time or again: all data set so far is applied. */
  begin(): void {
    this.#ready = true;
    for (const [source, { data }] of this.#bySource) this.#apply(source, data);
  }

  /** The WebGL context is lost, and the sources with it. */
  end(): void {
    this.#ready = false;
  }
}
