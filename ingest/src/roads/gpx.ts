import { type Brought, type BroughtLine, Unused } from './brought.ts';
import { decimal, isAboutDocument, type XmlReader } from './xml.ts';

const TRACK = 'gpx.trk';
const SEGMENT = 'gpx.trk.trkseg';
const ROUTE = 'gpx.rte';
/** Garmin's planners put the way between two route points into the first of them. */
const GARMIN = 'gpx.rte.rtept.extensions';
const POINTS = ['gpx.trk.trkseg.trkpt', 'gpx.rte.rtept', `${GARMIN}.routepointextension.rpt`];
const INSIDES = ['gpx', 'gpx.metadata', TRACK, SEGMENT, ROUTE, GARMIN, `${GARMIN}.routepointextension`];
const NAMES = ['gpx.name', 'gpx.metadata.name', 'gpx.trk.name', 'gpx.rte.name'];

/** The lines of a GPX 1.0 or 1.1 document: tracks with their segments, or routes with the points that shape them. */
export class GpxReader implements XmlReader {
  readonly #unused = new Unused();
  readonly #tracks: BroughtLine[] = [];
  readonly #routes: BroughtLine[] = [];
  #name: string | undefined;
  #points: unknown[] = [];

  open(path: string, attributes: ReadonlyMap<string, string>): boolean {
    const isPoint = POINTS.includes(path);
    if (!isPoint && !INSIDES.includes(path) && !NAMES.includes(path)) {
      this.#unused.add(path);
      return false;
    }
    if (path === TRACK) this.#tracks.push({ path: `${TRACK}.${this.#tracks.length}`, parts: [] });
    if (path === SEGMENT) this.#part(this.#tracks.at(-1), true);
    if (path === ROUTE) {
      this.#routes.push({ path: `${ROUTE}.${this.#routes.length}`, parts: [] });
      this.#part(this.#routes.at(-1), false);
    }
    if (isPoint) this.#points.push([decimal(attributes.get('lon')), decimal(attributes.get('lat'))]);
    for (const name of attributes.keys()) {
      const isRead = isPoint && (name === 'lon' || name === 'lat');
      if (!isRead && !isAboutDocument(name)) this.#unused.add(`${path}.${name}`);
    }
    return true;
  }

  #part(line: BroughtLine | undefined, isSegment: boolean): void {
    this.#points = [];
    if (line === undefined) return;
    const path = isSegment ? `${line.path}.trkseg.${line.parts.length}` : line.path;
    line.parts.push({ path, points: this.#points });
  }

  close(path: string, text: string): void {
    const name = text.trim();
    if (name === '') return;
    if (!NAMES.includes(path)) {
      this.#unused.add(`${path} (text)`);
      return;
    }
    const line =
      path === 'gpx.trk.name' ? this.#tracks.at(-1) : path === 'gpx.rte.name' ? this.#routes.at(-1) : undefined;
    if (line) line.name ??= name;
    else this.#name ??= name;
  }

  /** Tracks go before routes: a file that has both has the same road as it was planned and as it was driven. */
  brought(): Brought {
    const [tracks, routes] = [usable(this.#tracks, this.#unused), usable(this.#routes, this.#unused)];
    const lines = tracks.length > 0 ? tracks : routes;
    if (tracks.length > 0) for (const { path } of routes) this.#unused.add(path);
    const found = this.#tracks.length + this.#routes.length;
    return { format: 'GPX', found, lines, name: this.#name, properties: {}, unused: this.#unused };
  }
}

/** Lines with the parts that have two points or more; the others are added to `unused`. */
export function usable(lines: BroughtLine[], unused: Unused): BroughtLine[] {
  return lines.flatMap((line) => {
    const parts = line.parts.filter(({ points }) => points.length > 1);
    for (const part of line.parts) if (!parts.includes(part)) unused.add(part.path);
    if (line.parts.length === 0) unused.add(line.path);
    return parts.length === 0 ? [] : [{ ...line, parts }];
  });
}
