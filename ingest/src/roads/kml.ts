import { type Brought, type BroughtLine, Unused } from './brought.ts';
import { usable } from './gpx.ts';
import { decimal, isAboutDocument, type XmlReader } from './xml.ts';

/** Elements that hold others, at any depth. */
const INSIDES = ['kml', 'document', 'folder', 'placemark', 'multigeometry', 'multitrack', 'linestring', 'track'];
/** Elements whose parts are one line. */
const GROUPS = ['multigeometry', 'multitrack'];
const PARTS = ['linestring', 'track'];

/** Whether the text of an element is read, by its name and that of the element around it. */
const isRead = (name: string, parent: string): boolean =>
  (name === 'coordinates' && parent === 'linestring') ||
  (name === 'coord' && parent === 'track') ||
  (name === 'name' && (parent === 'placemark' || parent === 'document'));

/** The lines of a KML 2.2 document: LineString and gx:Track, those of one MultiGeometry or gx:MultiTrack together. */
export class KmlReader implements XmlReader {
  readonly #unused = new Unused();
  readonly #lines: BroughtLine[] = [];
  /** Lines of the placemark that is read now, and its name, which may come after them. */
  #own: BroughtLine[] = [];
  #ownName: string | undefined;
  #name: string | undefined;
  #groups = 0;
  #points: unknown[] = [];

  open(path: string, attributes: ReadonlyMap<string, string>): boolean {
    const [name = '', parent = ''] = path.split('.').slice(-2).reverse();
    if (!INSIDES.includes(name) && !isRead(name, parent)) {
      this.#unused.add(path);
      return false;
    }
    if (name === 'placemark') [this.#own, this.#ownName] = [[], undefined];
    if (GROUPS.includes(name) && this.#groups++ === 0) this.#line();
    if (PARTS.includes(name)) {
      if (this.#groups === 0) this.#line();
      this.#points = [];
      const line = this.#lines.at(-1);
      line?.parts.push({
        path: this.#groups === 0 ? line.path : `${line.path}.${line.parts.length}`,
        points: this.#points,
      });
    }
    for (const attribute of attributes.keys()) {
      if (!isAboutDocument(attribute) && attribute !== 'id') this.#unused.add(`${path}.${attribute}`);
    }
    return true;
  }

  #line(): void {
    const line = { path: `kml.line.${this.#lines.length}`, parts: [] };
    this.#lines.push(line);
    this.#own.push(line);
  }

  close(path: string, text: string): void {
    const [name = '', parent = ''] = path.split('.').slice(-2).reverse();
    if (GROUPS.includes(name)) this.#groups--;
    if (name === 'name' && parent === 'placemark') this.#ownName ??= text.trim() || undefined;
    if (name === 'name' && parent === 'document') this.#name ??= text.trim() || undefined;
    if (name === 'coord') this.#points.push(numbersOf(text.trim().split(/\s+/)));
    if (name === 'coordinates') for (const tuple of tuplesOf(text)) this.#points.push(numbersOf(tuple.split(',')));
    if (name === 'placemark') for (const line of this.#own) line.name = this.#ownName;
    if (INSIDES.includes(name) && text.trim() !== '') this.#unused.add(`${path} (text)`);
  }

  brought(): Brought {
    const found = this.#lines.filter(({ parts }) => parts.length > 0);
    const lines = usable(found, this.#unused);
    return { format: 'KML', found: found.length, lines, name: this.#name, properties: {}, unused: this.#unused };
  }
}

const numbersOf = (texts: string[]): number[] => texts.map((text) => decimal(text));

/** `lon,lat,altitude` divided by blanks; some writers put blanks after the commas too. */
const tuplesOf = (text: string): string[] =>
  text
    .split(',')
    .map((part) => part.trim())
    .join(',')
    .split(/\s+/)
    .filter((tuple) => tuple !== '');
