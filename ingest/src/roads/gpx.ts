import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { wrongField } from '../problem.ts';

/** No entities are expanded and no DTD is read: a GPX track needs neither, and an attack needs both. */
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  processEntities: false,
  removeNSPrefix: true,
  isArray: (name) => ['trk', 'trkseg', 'trkpt', 'rte', 'rtept'].includes(name),
});

interface GpxPoint {
  lon?: string;
  lat?: string;
}
interface Gpx {
  gpx?: {
    metadata?: { name?: string };
    trk?: { name?: string; trkseg?: { trkpt?: GpxPoint[] }[] }[];
    rte?: { name?: string; rtept?: GpxPoint[] }[];
  };
}

const refused = (message: string) =>
  wrongField('route.gpx', { path: 'gpx', message, expected: 'a GPX 1.1 document with a track or a route' });

const lineOf = (points: GpxPoint[] = []) => points.map(({ lon, lat }) => [Number(lon), Number(lat)]);

/**
 * A GPX track or route as the GeoJSON Feature that `PUT /routes/{id}` takes; GPX is WGS-84 by definition.
 * @throws ApiProblem 422 where it is not well-formed XML, carries a DTD, or has no line
 */
export function routeFromGpx(xml: string): object {
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) throw refused('a document type definition is not taken');
  const wellFormed = XMLValidator.validate(xml);
  if (wellFormed !== true) throw refused(`is not well-formed XML: ${wellFormed.err.msg}, line ${wellFormed.err.line}`);
  const { gpx } = parser.parse(xml) as Gpx;
  const tracks = (gpx?.trk ?? []).flatMap((track) => (track.trkseg ?? []).map((segment) => lineOf(segment.trkpt)));
  const lines = (tracks.length > 0 ? tracks : (gpx?.rte ?? []).map((route) => lineOf(route.rtept))).filter(
    (line) => line.length > 1,
  );
  if (lines.length === 0) throw refused('has no track and no route of two points or more');
  const name = gpx?.trk?.[0]?.name ?? gpx?.rte?.[0]?.name ?? gpx?.metadata?.name ?? 'GPX';
  const geometry =
    lines.length === 1
      ? { type: 'LineString', coordinates: lines[0] }
      : { type: 'MultiLineString', coordinates: lines };
  return { type: 'Feature', geometry, properties: { name: String(name), crs: 'WGS84' } };
}
