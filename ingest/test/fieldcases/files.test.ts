import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BOOTSTRAP, GATE, startPlatform, type TestPlatform } from '../api/platform.ts';

// Field cases 4: files that people bring. Each test names the public report that its case stands for.
const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8');

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
});
afterAll(() => platform?.stop());

type Position = [number, number];
interface Checked {
  ok: boolean;
  problems: { path: string; message: string; code?: string }[];
  warnings: { path: string; message: string; code?: string; values?: Record<string, unknown> }[];
  route: {
    geometry: { type: string; coordinates: number[][] | number[][][] };
    properties: { name: string; crs: string };
  };
  read: Record<string, unknown>;
}
const checked = ({ body }: { body: unknown }) => body as Checked;
const R1: Position[] = Array.from({ length: 11 }, (_, i) => [120 + 0.05 * i, 29.3]);
const feature = (coordinates: Position[], properties: object = {}, more: object = {}) => ({
  type: 'Feature',
  geometry: { type: 'LineString', coordinates },
  properties: { name: 'r1', ...properties },
  ...more,
});
const json = async (body: unknown, query = '') =>
  checked(await platform.call('POST', `routes/check${query}`, { body }));
const sendXml = (raw: string, query = '', type = 'application/gpx+xml') =>
  platform.call('POST', `routes/check${query}`, { raw, headers: { 'content-type': type } });
const xml = async (raw: string, query = '') => checked(await sendXml(raw, query));
const points = (line: Position[], tag = 'trkpt') =>
  line.map(([lon, lat]) => `<${tag} lat="${lat}" lon="${lon}"/>`).join('');
const track = (line: Position[], inside = '') => `<trk>${inside}<trkseg>${points(line)}</trkseg></trk>`;
const gpx = (...inside: string[]) =>
  `<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">${inside.join('')}</gpx>`;
const codes = ({ warnings }: Checked) => warnings.map(({ code }) => code);
const named = ({ warnings }: Checked) => warnings.filter(({ code }) => code === 'not-used').map(({ path }) => path);

describe('4.1 a GPX route of a planner (GPSBabel/gpsbabel#59, tkrajina/gpxpy#17, organicmaps/organicmaps#8579)', () => {
  test('has the points that shape it between its via points', async () => {
    const answer = await xml(fixture('basecamp.gpx'));
    expect(answer).toMatchObject({ ok: true, read: { format: 'GPX', points: 32, lines: 1, linesFound: 1 } });
    expect(answer.route.geometry.coordinates).toHaveLength(32);
    expect(Math.max(...(answer.route.geometry.coordinates as Position[]).map(([, lat]) => lat))).toBeGreaterThan(29.34);
  });

  test('names what of it is not used', async () => {
    expect(named(await xml(fixture('basecamp.gpx')))).toEqual([
      'gpx.metadata.time',
      'gpx.rte.rtept.name',
      'gpx.rte.rtept.extensions.viapoint',
      'gpx.rte.rtept.extensions.routepointextension.subclass',
    ]);
  });
});

describe('4.2 the name of a GPX track (open-wanderer/wanderer#62, IsraelHikingMap/Site#307 and #581, mmllr/GPXKit#14)', () => {
  test.each(['<name></name>', '<name/>', '<name> \n </name>', ''])('%j is as good as none', async (name) => {
    const answer = await xml(gpx(track(R1, name)));
    expect([answer.ok, answer.route.properties.name]).toEqual([true, 'GPX']);
    const fromFile = await xml(gpx(track(R1, name)), '?name=yiwu-daxie');
    expect(fromFile.route.properties.name).toBe('yiwu-daxie');
  });

  test.each([
    ['A &amp; B', 'A & B'],
    ['&#x4E49;&#20044; &lt;1&gt;', '义乌 <1>'],
    ['<![CDATA[A & B <1>]]>', 'A & B <1>'],
    ['一<!-- 1 -->号', '一号'],
  ])('%s is read as %s', async (written, name) => {
    expect((await xml(gpx(track(R1, `<name>${written}</name>`)))).route.properties.name).toBe(name);
  });
});

describe('4.3 a line in China whose system nobody names (FASTSHIFT/X-TRACK#106, traccar/traccar#4451, merlos/iOS-Open-GPX-Tracker#192, tumic0/GPXSee#668)', () => {
  /** The line R1 and the polygon of the gate as a map of China has them. */
  const { line: shifted, gate } = JSON.parse(fixture('gcj02.json')) as Record<'line' | 'gate', Position[]>;
  const kml = (line: Position[]) =>
    `<kml><Placemark><name>k</name><LineString><coordinates>${line.map((at) => at.join(',')).join(' ')}</coordinates></LineString></Placemark></kml>`;

  test('is warned of alike as GPX, KML and GeoJSON, and not outside of China or where it is named', async () => {
    for (const answer of [await xml(gpx(track(shifted))), await xml(kml(shifted)), await json(feature(shifted))]) {
      expect(answer.ok).toBe(true);
      expect(answer.warnings).toContainEqual(
        expect.objectContaining({ code: 'crs-unstated', message: expect.stringContaining('GCJ02') }),
      );
    }
    const abroad = R1.map(([lon, lat]): Position => [lon - 110, lat + 18]);
    expect(codes(await xml(gpx(track(abroad))))).toEqual([]);
    expect(codes(await xml(gpx(track(R1)), '?crs=WGS84'))).toEqual([]);
  });

  test.each(['GCJ02', 'gcj-02'])('is converted by ?crs=%s', async (crs) => {
    for (const answer of [await xml(gpx(track(shifted)), `?crs=${crs}`), await json(feature(shifted), `?crs=${crs}`)]) {
      const [lon, lat] = (answer.route.geometry.coordinates as Position[])[3]!;
      expect(Math.hypot((lon - R1[3]![0]) * 96_970, (lat - R1[3]![1]) * 111_190)).toBeLessThan(1);
      expect(answer).toMatchObject({ read: { crs: 'GCJ02' }, route: { properties: { crs: 'WGS84' } } });
      expect(codes(answer)).toContain('crs-converted');
    }
  });

  test('is refused if its system is named and cannot be read, with what to write', async () => {
    const answer = await xml(gpx(track(R1)), '?crs=EPSG:3857');
    expect(answer).toMatchObject({ ok: false, problems: [{ path: '?crs', code: 'crs-unreadable' }] });
    expect(answer.problems[0]!.message).toContain('GCJ02');
    const put = await platform.call('PUT', 'routes/x?crs=nonsense', { body: feature(R1) });
    expect([put.status, put.body.code]).toEqual([422, 'route.invalid']);
  });

  test('may be a place, which is converted by properties.crs or the old member, warned of, and refused alike', async () => {
    const square = GATE.geometry.coordinates[0]!.map((at) => at as Position);
    const place = (coordinates: Position[], crs?: unknown, member?: unknown) => ({
      type: 'Feature',
      geometry: { type: 'Polygon', coordinates: [coordinates] },
      properties: { name: 'gate', kind: 'gate', ...(crs === undefined ? {} : { crs }) },
      ...(member === undefined ? {} : { crs: member }),
    });
    const put = (body: unknown) => platform.call('PUT', 'places/p43', { body });
    for (const body of [place(gate, 'GCJ02'), place(gate, undefined, { properties: { name: 'GCJ-02' } })]) {
      const { geometry, properties } = (await put(body)).body as unknown as typeof GATE;
      expect(geometry.coordinates[0]![0]![0]).toBeCloseTo(square[0]![0], 5);
      expect(properties).not.toHaveProperty('crs');
    }
    const warned = await put(place(square));
    expect(warned.body).toMatchObject({ warnings: [{ path: 'properties.crs', message: /GCJ02/ }] });
    expect((await put(place(square, 'EPSG:4490'))).body).toMatchObject({ warnings: [{ message: /CGCS2000/ }] });
    expect((await put(place(square, 'WGS84'))).body).not.toHaveProperty('warnings');
    expect((await put(place(square, 'EPSG:3857'))).status).toBe(422);
    const extra = { ...place(square, 'WGS84'), id: 7 };
    Object.assign(extra.properties, { speedLimit: 5 });
    expect((await put(extra)).body.warnings).toEqual([
      expect.objectContaining({ path: 'properties.speedLimit' }),
      expect.objectContaining({ path: 'id' }),
    ]);
  });
});

describe('4.5 the systems that GIS programs write (hujiulong/gcoord#103, tumic0/GPXSee#397, CesiumGS/cesium#10782, maplibre/maplibre-native#2512)', () => {
  const member = (name: string) => ({ crs: { type: 'name', properties: { name } } });
  test.each([
    'urn:ogc:def:crs:EPSG::4490',
    'EPSG:4490',
    'http://www.opengis.net/def/crs/EPSG/0/4490',
    'CGCS2000',
    'China Geodetic Coordinate System 2000',
  ])('%s is taken as WGS-84 with a note', async (name) => {
    const answer = await json(feature(R1, {}, member(name)));
    expect([answer.ok, codes(answer)]).toEqual([true, ['crs-cgcs2000']]);
  });

  test.each([
    'urn:ogc:def:crs:OGC:1.3:CRS84',
    'urn:ogc:def:crs:OGC::CRS84h',
    'urn:ogc:def:crs:EPSG::4326',
    'EPSG:4326',
    'http://www.opengis.net/gml/srs/epsg.xml#4326',
    'WGS 84',
  ])('%s is WGS-84', async (name) => {
    const answer = await json(feature(R1, {}, member(name)));
    expect([answer.ok, codes(answer)]).toEqual([true, []]);
  });

  test.each(['EPSG:32650', 'WGS 84 / UTM zone 50N', 'EPSG:4479', 'urn:ogc:def:crs:EPSG::4547', 'BD09MC'])(
    '%s is refused',
    async (name) => {
      expect((await json(feature(R1, {}, member(name)))).problems[0]).toMatchObject({ path: 'crs' });
    },
  );

  test('a system that another one overrules is named', async () => {
    const answer = await json(feature(R1, { crs: 'GCJ02' }, member('EPSG:4326')));
    expect(answer.warnings).toContainEqual(expect.objectContaining({ path: 'crs', code: 'crs-overruled' }));
    expect(answer.read).toMatchObject({ crs: 'GCJ02' });
  });
});

describe('4.6 a file with several lines (locationtech/geogig#380, Freika/dawarich#228, google/ground-platform#668)', () => {
  test('is one route if they meet, and what is no line is named', async () => {
    const answer = await json(JSON.parse(fixture('three-legs.geojson')));
    expect(answer).toMatchObject({
      ok: true,
      read: { format: 'GeoJSON', lines: 3, linesFound: 3, points: 13, crs: 'WGS84' },
      route: { properties: { name: 'Yiwu bypass' } },
    });
    expect(answer.read.lengthM).toBeCloseTo(48_486, -2);
    expect(codes(answer)).toContain('joined');
    expect(named(answer)).toEqual(
      expect.arrayContaining([
        'properties.speedLimit',
        'features.properties.speedLimit',
        'features.geometry (Point)',
        'features.properties.name',
      ]),
    );
  });

  test('is saved as it was checked', async () => {
    const put = await platform.call('PUT', 'routes/legs', { body: JSON.parse(fixture('three-legs.geojson')) });
    expect(put.status).toBe(201);
    expect((put.body as unknown as Checked).route ?? put.body).toMatchObject({ geometry: { type: 'MultiLineString' } });
    expect(put.body.warnings).toContainEqual(expect.objectContaining({ code: 'joined' }));
  });

  test('is refused by name if they do not meet, as GeoJSON and as GPX', async () => {
    const [a, b] = [R1.slice(0, 4), R1.slice(6)];
    const collection = { type: 'FeatureCollection', name: 'n', features: [feature(a), feature(b)] };
    for (const answer of [await json(collection), await xml(gpx(track(a), track(b)))]) {
      expect(answer).toMatchObject({ ok: false, problems: [{ code: 'lines-apart' }] });
      expect(answer.problems[0]!.message).toContain('14.5 km');
    }
  });

  test('may be a GeometryCollection or a geometry that stands alone', async () => {
    const line = (coordinates: Position[]) => ({ type: 'LineString', coordinates });
    const collection = { type: 'GeometryCollection', geometries: [line(R1.slice(0, 6)), line(R1.slice(5))] };
    expect((await json(collection, '?name=g')).read).toMatchObject({ lines: 2, points: 12 });
    expect((await json({ ...feature(R1), geometry: collection })).read).toMatchObject({ lines: 2 });
    expect((await json(line(R1), '?name=g')).ok).toBe(true);
    expect((await json(line(R1))).problems[0]).toMatchObject({ path: 'properties.name' });
    expect(await json({ type: 'FeatureCollection', features: [] })).toMatchObject({ ok: false });
  });

  test('says where in the file a wrong point is', async () => {
    const wrong: unknown = {
      type: 'FeatureCollection',
      features: [
        feature(R1),
        feature([
          [120.5, 29.3],
          [120.6, 95],
        ]),
      ],
    };
    expect((await json(wrong, '?name=g')).problems[0]!.path).toBe('features.1.geometry.coordinates.1');
    expect((await xml(gpx(track([...R1, [121, 95]])))).problems[0]!.path).toBe('gpx.trk.0.trkseg.0.11');
    expect(
      (await xml(gpx('<trk><trkseg><trkpt lat="" lon="120"/><trkpt lat="29,3" lon="120.1"/></trkseg></trk>'))).ok,
    ).toBe(false);
  });
});

describe('4.7 a recorded track as a route (rcgroot/open-gpstracker#98, graphhopper map-matching, erik/derive#9)', () => {
  const there = R1.map(([lon, lat]): Position => [lon, lat]);
  test.each([
    ['a spike of 30 km', () => gpx(track([...R1.slice(0, 5), [120.2, 29.57], ...R1.slice(4)])), 'runs-back'],
    [
      '2,000 points within 40 m',
      () => {
        const jitter = Array.from(
          { length: 2_000 },
          (_, i): Position => [120.2 + 0.0001 * Math.sin(i * 7), 29.3 + 0.0001 * Math.cos(i * 11)],
        );
        return gpx(track([...R1.slice(0, 5), ...jitter, ...R1.slice(5)]));
      },
      'scribble',
    ],
    ['the way there and the way back as two tracks', () => gpx(track(there), track([...there].reverse())), 'runs-back'],
  ])('%s is warned of', async (_what, write, kind) => {
    const answer = await xml(write());
    expect(answer.ok).toBe(true);
    expect(answer.warnings).toContainEqual(expect.objectContaining({ shape: expect.objectContaining({ kind }) }));
  });
});

describe('4.7 what GPX files hold beside one track (mapbox/togeojson multitrackgpx.gpx, erik/derive#9)', () => {
  test('tracks and segments that follow each other are joined, and the answer says how many', async () => {
    const [a, b, c] = [R1.slice(0, 4), R1.slice(3, 7), R1.slice(6)];
    const answer = await xml(gpx(track(a, '<name>day 1</name>'), track(b, '<name>day 2</name>'), track(c)));
    expect(answer.read).toMatchObject({ lines: 3, linesFound: 3, points: 13 });
    expect(answer.warnings).toContainEqual(
      expect.objectContaining({ code: 'joined', values: { n: 3, names: 'day 1, day 2, gpx.trk.2' } }),
    );
    const segments = `<trk><trkseg>${points(a)}</trkseg><trkseg>${points(R1.slice(5))}</trkseg></trk>`;
    expect(codes(await xml(gpx(segments)))).toContain('gap');
  });

  test('a route beside a track, waypoints, heights and empty segments are named', async () => {
    const wpt = '<wpt lat="29" lon="120"><name>x</name></wpt>';
    const answer = await xml(
      gpx(
        wpt,
        wpt,
        `<rte>${points(R1, 'rtept')}</rte>`,
        `<trk><trkseg/><trkseg><trkpt lat="29.3" lon="120"><ele>3</ele></trkpt>${points(R1.slice(1))}</trkseg></trk>`,
      ),
    );
    expect(named(answer)).toEqual(['gpx.wpt', 'gpx.trk.trkseg.trkpt.ele', 'gpx.trk.0.trkseg.0', 'gpx.rte.0']);
    expect(answer.warnings).toContainEqual(expect.objectContaining({ path: 'gpx.wpt', values: { n: 2 } }));
    expect(answer.read).toMatchObject({ lines: 1, linesFound: 2 });
  });

  test('prefixes, capital letters, GPX 1.0 and other encodings are read', async () => {
    const prefixed = `<g:gpx xmlns:g="http://www.topografix.com/GPX/1/0" version="1.0"><g:name>P</g:name><g:trk><g:trkseg>${points(R1, 'g:trkpt')}</g:trkseg></g:trk></g:gpx>`;
    expect((await xml(prefixed)).route.properties.name).toBe('P');
    const capitals = `<GPX><TRK><TRKSEG>${points(R1, 'TRKPT').replaceAll('lat=', 'LAT=').replaceAll('lon=', 'LON=')}</TRKSEG></TRK></GPX>`;
    expect((await xml(capitals)).ok).toBe(true);
    expect((await xml(`\uFEFF<?xml version="1.0" encoding="UTF-8"?>${gpx(track(R1))}`)).ok).toBe(true);
    const gbk = Buffer.concat([
      Buffer.from('<?xml version="1.0" encoding="GBK"?><gpx><trk><name>'),
      Buffer.from([0xd2, 0xe5, 0xce, 0xda]),
      Buffer.from(`</name><trkseg>${points(R1)}</trkseg></trk></gpx>`),
    ]);
    const answer = await platform.api.inject({
      method: 'POST',
      url: '/api/v1/routes/check',
      headers: { authorization: `Bearer ${BOOTSTRAP}`, 'content-type': 'application/gpx+xml' },
      payload: gbk,
    });
    expect((answer.json() as Checked).route.properties.name).toBe('义乌');
  });
});

describe('KML', () => {
  test('is read by its lines; points, styles and folders are named', async () => {
    const answer = checked(await sendXml(fixture('google-earth.kml'), '', 'application/vnd.google-earth.kml+xml'));
    expect(answer).toMatchObject({ ok: true, read: { format: 'KML', points: 11, lines: 1 } });
    expect(answer.route.properties.name).toBe('Yiwu – Daxie');
    expect(named(answer)).toEqual([
      'kml.document.style',
      'kml.document.folder.name',
      'kml.document.folder.placemark.styleurl',
      'kml.document.folder.placemark.linestring.tessellate',
      'kml.document.folder.placemark.point',
    ]);
    expect(codes(answer)).toContain('altitude');
  });

  test('may hold a recorded track', async () => {
    const coords = R1.map((at) => `<when>2026-11-21T08:00:00Z</when><gx:coord>${at.join(' ')} 12</gx:coord>`).join('');
    const answer = await xml(`<kml xmlns:gx="x"><Placemark><gx:Track>${coords}</gx:Track></Placemark></kml>`);
    expect(answer).toMatchObject({ ok: true, read: { points: 11 }, route: { properties: { name: 'KML' } } });
  });

  test('that is zipped is refused with what to do', async () => {
    const kmz = await sendXml('PK\u0003\u0004xxxx', '', 'application/vnd.google-earth.kmz');
    expect([kmz.status, kmz.body.code]).toEqual([415, 'media-type.unsupported']);
    expect(kmz.text).toContain('unzip');
    expect((await sendXml('PK\u0003\u0004xxxx')).text).toContain('unzip');
  });
});

describe('members of a route that nothing reads', () => {
  test('are named, and the third value of positions once', async () => {
    const tall = R1.map(([lon, lat]) => [lon, lat, 120]);
    const body = {
      ...feature(tall as unknown as Position[], {
        crs: 'WGS84',
        speedLimit: 80,
        allowedStops: [{ name: 's', center: [120, 29.3], radiusM: 50, note: 'x' }],
      }),
      id: 'a',
    };
    const answer = await json(body);
    expect(named(answer).sort()).toEqual(['id', 'properties.allowedStops.0.note', 'properties.speedLimit']);
    expect(answer.warnings).toContainEqual(expect.objectContaining({ code: 'altitude', values: { n: 11 } }));
  });
});

describe('hostile files', () => {
  const nested = (depth: number) => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`;
  test.each([
    ['700,000 attributes', `<gpx ${Array.from({ length: 700_000 }, (_, i) => `a${i}=""`).join(' ')}/>`],
    ['depth', gpx(nested(100_000))],
    ['an entity bomb', `<!DOCTYPE gpx [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>${gpx(track(R1, '<name>&b;</name>'))}`],
    ['an entity of nobody', gpx(track(R1, '<name>&b;</name>'))],
    ['elements', gpx('<a/>'.repeat(1_000_001))],
    ['an attribute twice', gpx('<trk a="1" a="2"/>')],
    ['another root', '<svg/>'],
  ])('%s: refused', async (_what, raw) => {
    const answer = await sendXml(raw);
    expect([answer.status, answer.body.code]).toEqual([422, 'route.gpx']);
  });

  test('a collection inside of a collection without end is refused', async () => {
    const depth = 3_000;
    const raw = `${'{"type":"GeometryCollection","geometries":['.repeat(depth)}${']}'.repeat(depth)}`;
    const answer = await platform.call('POST', 'routes/check', {
      raw,
      headers: { 'content-type': 'application/json' },
    });
    expect([answer.status, answer.body.code]).toEqual([422, 'body.too-deep']);
  });
});

/** A name that nobody reads, so that it has to be named. */
const STRANGE = fc.stringMatching(/^x[a-z]{2,8}$/);

test('whatever else stands in a GeoJSON or GPX file is named, wherever it stands', async () => {
  const added = fc.uniqueArray(fc.record({ name: STRANGE, at: fc.constantFrom('feature', 'properties', 'geometry') }), {
    minLength: 1,
    maxLength: 4,
    selector: ({ name }) => name,
  });
  await fc.assert(
    fc.asyncProperty(added, async (members) => {
      const of = (place: string) =>
        Object.fromEntries(members.filter(({ at }) => at === place).map(({ name }) => [name, 1]));
      const body = feature(R1, of('properties'), of('feature'));
      Object.assign(body.geometry, of('geometry'));
      const paths = named(await json(body)).join('\n');
      for (const { name } of members) expect(paths).toContain(name);
      const inTrack = members.map(({ name }) => `<${name}>1</${name}>`).join('');
      const ofGpx = named(await xml(gpx(track(R1, `<name>r</name>${inTrack}`)))).join('\n');
      for (const { name } of members) expect(ofGpx).toContain(name);
    }),
    { numRuns: 20 },
  );
});
