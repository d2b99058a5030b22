import type { FeatureCollection } from './geojson.ts';

/**
 * What lies on the map, by the name of its source. The same again is not laid again: words that are laid anew fade in anew,
 * and the whole map is drawn again and again meanwhile.
 */
export class Laid {
  readonly #lay: (name: string, data: FeatureCollection) => void;
  readonly #told = new Map<string, { data: FeatureCollection; text: string }>();
  #ready = false;

  /** Whether the map has its sources. */
  get ready(): boolean {
    return this.#ready;
  }

  constructor(lay: (name: string, data: FeatureCollection) => void) {
    this.#lay = lay;
  }

  fill(name: string, data: FeatureCollection): void {
    const text = JSON.stringify(data);
    if (this.#told.get(name)?.text === text) return;
    this.#told.set(name, { data, text });
    if (this.#ready) this.#lay(name, data);
  }

  /** The map has its sources, for the first time or again: whatever was told is laid. */
  begin(): void {
    this.#ready = true;
    for (const [name, { data }] of this.#told) this.#lay(name, data);
  }

  /** The graphics are lost, and the sources with them. */
  end(): void {
    this.#ready = false;
  }
}
