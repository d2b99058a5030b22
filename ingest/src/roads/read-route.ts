import { checkRoute, type RouteCheck } from '@sealwatch/geofence';
import { apart, type Brought, featureOf, inFile, joined } from './brought.ts';
import { readGeoJson } from './geojson.ts';
import { GpxReader } from './gpx.ts';
import { KmlReader } from './kml.ts';
import { refusedXml, walkXml, xmlText } from './xml.ts';

export interface RouteRead {
  format: Brought['format'];
  /** How many lines of the file became the route, and how many it has. */
  lines: number;
  linesFound: number;
  points: number;
  lengthM: number;
  /** The system that its coordinates were taken in. */
  crs: string;
}

/** What a caller says about a file beside it. */
export interface FileFacts {
  /** The coordinate system; overrules the file's own word. */
  crs?: string | undefined;
  /** Names the route if the file does not. */
  name?: string | undefined;
}

export type ReadRoute = Omit<RouteCheck, 'read'> & { read?: RouteRead };

const FORMATS = { gpx: () => new GpxReader(), kml: () => new KmlReader() } as const;

async function readXmlFile(bytes: Buffer): Promise<Brought> {
  let reader: GpxReader | KmlReader | undefined;
  await walkXml(xmlText(bytes), {
    open: (path, attributes) => {
      if (reader === undefined) {
        if (path !== 'gpx' && path !== 'kml')
          throw refusedXml(`its root is <${path.slice(0, 40)}>, not <gpx> or <kml>`);
        reader = FORMATS[path]();
      }
      return reader.open(path, attributes);
    },
    close: (path, text) => reader?.close(path, text),
  });
  const brought = reader?.brought();
  if (brought === undefined || brought.lines.length === 0) {
    const unused = brought?.unused.warnings().map(({ path }) => path) ?? [];
    const instead = unused.length === 0 ? '' : `; it has ${unused.slice(0, 10).join(', ')}`;
    throw refusedXml(`has no line of two points or more${instead}`);
  }
  return brought;
}

/** A file of several objects as the route that they make together. */
function checkBrought(brought: Brought, { crs, name }: FileFacts): ReadRoute {
  const { format, lines, unused, found } = brought;
  const warnings = [...unused.warnings(), ...joined(brought)];
  if (lines.length === 0) {
    const problem = { path: 'type', message: 'has no LineString and no MultiLineString', code: 'no-line' };
    return { ok: false, problems: [problem], warnings };
  }
  const problems = apart(lines);
  if (problems.length > 0) return { ok: false, problems, warnings: unused.warnings() };
  const { read, ...check } = checkRoute(featureOf(brought, name), crs);
  const said = check.warnings.map((warning) => inFile(warning, brought));
  return {
    ...check,
    problems: check.problems.map((problem) => inFile(problem, brought)),
    warnings: [...said, ...warnings],
    ...(read ? { read: { format, lines: lines.length, linesFound: found, ...read } } : {}),
  };
}

function withName(file: unknown, name: string | undefined): unknown {
  if (name === undefined || typeof file !== 'object' || file === null || !('properties' in file)) return file;
  const properties = file.properties as Record<string, unknown> | null;
  const own = properties?.name;
  return typeof own === 'string' && own.trim() !== '' ? file : { ...file, properties: { ...properties, name } };
}

/**
 * Reads a route as people bring it: a GeoJSON Feature, another GeoJSON object that holds lines, or the bytes of a GPX or KML
 * file. Everything in it is read, is a problem, or is named in the warnings.
 * @throws ApiProblem 422 if an XML file cannot be read
 */
export async function readRoute(body: unknown, facts: FileFacts): Promise<ReadRoute> {
  const brought = Buffer.isBuffer(body) ? await readXmlFile(body) : readGeoJson(body);
  if (brought !== undefined) return checkBrought(brought, facts);
  const { read, ...check } = checkRoute(withName(body, facts.name), facts.crs);
  return { ...check, ...(read ? { read: { format: 'GeoJSON', lines: 1, linesFound: 1, ...read } } : {}) };
}
