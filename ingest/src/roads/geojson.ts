import { type Brought, type BroughtLine, Unused } from './brought.ts';

type Json = Record<string, unknown>;
const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

/** Collections inside of collections beyond this are not read. */
const DEEPEST = 10;

/** Members that are read, of each type of object. */
const READ = new Map([
  ['FeatureCollection', ['type', 'features', 'crs', 'name']],
  ['Feature', ['type', 'geometry', 'properties']],
  ['GeometryCollection', ['type', 'geometries']],
  ['LineString', ['type', 'coordinates']],
  ['MultiLineString', ['type', 'coordinates']],
]);

/** A file that is one Feature with a line is read as it is, and so is what is no GeoJSON. */
const isPlain = (file: Json): boolean => {
  if (file.type === 'Feature') return !isRecord(file.geometry) || file.geometry.type !== 'GeometryCollection';
  return !READ.has(String(file.type));
};

class Gathering {
  readonly unused = new Unused();
  readonly lines: BroughtLine[] = [];
  properties: Json = {};
  #hasProperties = false;

  /** @param kind the path without numbers, by which what is not used is counted */
  gather(node: unknown, path: string, kind: string, depth: number): void {
    if (!isRecord(node) || depth > DEEPEST) {
      this.unused.add(kind);
      return;
    }
    const type = String(node.type);
    const read = READ.get(type);
    if (read === undefined) {
      this.unused.add(kind === '' ? type : `${kind} (${type})`);
      return;
    }
    const under = (name: string, from = kind) => (from === '' ? name : `${from}.${name}`);
    for (const name of Object.keys(node)) {
      const isRootCrs = name === 'crs' && path === '';
      if (!read.includes(name) && !isRootCrs) this.unused.add(under(name));
    }
    if (type === 'Feature') this.#feature(node, path, kind, depth);
    const children = type === 'FeatureCollection' ? 'features' : 'geometries';
    for (const [i, child] of listOf(node[children]).entries()) {
      this.gather(child, under(`${children}.${i}`, path), under(children), depth + 1);
    }
    if (type === 'LineString') this.#line(path, [[under('coordinates', path), node.coordinates]]);
    if (type === 'MultiLineString') {
      const parts = listOf(node.coordinates).entries();
      this.#line(
        path,
        [...parts].map(([i, part]) => [under(`coordinates.${i}`, path), part]),
      );
    }
  }

  #line(path: string, parts: [path: string, points: unknown][]): void {
    this.lines.push({ path, parts: parts.map(([at, points]) => ({ path: at, points: listOf(points) })) });
  }

  /** The first feature with a line has the properties of the route; what others say differently is not used. */
  #feature(node: Json, path: string, kind: string, depth: number): void {
    const before = this.lines.length;
    const dot = kind === '' ? '' : '.';
    this.gather(node.geometry, `${path}${dot}geometry`, `${kind}${dot}geometry`, depth + 1);
    const properties = isRecord(node.properties) ? node.properties : {};
    const own = this.lines.slice(before);
    for (const line of own) line.name = typeof properties.name === 'string' ? properties.name : undefined;
    if (own.length > 0 && !this.#hasProperties) {
      this.#hasProperties = true;
      this.properties = properties;
      return;
    }
    for (const [name, value] of Object.entries(properties)) {
      const isKnown = Object.hasOwn(this.properties, name) && value === this.properties[name];
      const isSame = own.length > 0 && isKnown;
      if (!isSame && (name !== 'name' || own.length === 0)) this.unused.add(`${kind}${dot}properties.${name}`);
    }
  }
}

/**
 * The lines of a FeatureCollection, of a GeometryCollection or of a geometry that stands alone; undefined for a plain
 * Feature and for what is no GeoJSON.
 */
export function readGeoJson(file: unknown): Brought | undefined {
  if (!isRecord(file) || isPlain(file)) return undefined;
  const gathering = new Gathering();
  gathering.gather(file, '', '', 0);
  const { lines, unused, properties } = gathering;
  const isSeveral = lines.length > 1;
  return {
    format: 'GeoJSON',
    found: lines.length,
    lines,
    name: typeof file.name === 'string' ? file.name : undefined,
    // The name of one leg is not that of the route.
    properties: isSeveral ? without(properties, 'name') : properties,
    crs: file.crs,
    unused,
  };
}

function without(properties: Json, name: string): Json {
  const { [name]: _, ...others } = properties;
  return others;
}
