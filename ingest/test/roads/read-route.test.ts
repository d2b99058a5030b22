import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readRoute } from '../../src/roads/read-route.ts';

const NAME = fc.stringMatching(/^[a-z]{3,8}$/);
const LINE = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 400 })), { minLength: 2, maxLength: 8 })
  .map((steps) => steps.map(([east, north]) => [10 + east / 1_000, 50 + north / 1_000]))
  .filter((line) => line.some(([lon, lat]) => lon !== line[0]![0] || lat !== line[0]![1]));

/** Everything that an answer names: paths of its problems and of its warnings. */
const named = ({ problems, warnings }: Awaited<ReturnType<typeof readRoute>>) =>
  [...problems, ...warnings].map(({ path }) => path);

describe('everything in a file is read, refused or named', () => {
  // Members that a route has, or that GeoJSON has; any other one must be named.
  const KNOWN = ['type', 'name', 'crs', 'legs', 'origin', 'params', 'geometry', 'properties', 'attribution'];
  const strange = NAME.filter((name) => !KNOWN.includes(name));

  test('every member of a Feature and every property', async () => {
    await fc.assert(
      fc.asyncProperty(LINE, strange, strange, strange, async (coordinates, member, property, ofGeometry) => {
        const feature = {
          type: 'Feature',
          geometry: { type: 'LineString', coordinates, [ofGeometry]: 1 },
          properties: { name: 'r', [property]: { deep: 1 } },
          [member]: [],
        };
        const answer = await readRoute(feature, {});
        if (answer.ok) {
          expect(named(answer)).toEqual(
            expect.arrayContaining([member, `properties.${property}`, `geometry.${ofGeometry}`]),
          );
        } else expect(answer.problems).not.toEqual([]);
      }),
    );
  });

  test('every member, property, line and other geometry of a FeatureCollection', async () => {
    const other = fc.record({ type: fc.constantFrom('Point', 'Polygon', 'MultiPoint') });
    const features = fc.array(fc.tuple(fc.oneof(LINE, other), strange), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(features, strange, async (list, member) => {
        const collection = {
          type: 'FeatureCollection',
          [member]: 1,
          features: list.map(([geometry, property], i) => ({
            type: 'Feature',
            geometry: Array.isArray(geometry) ? { type: 'LineString', coordinates: geometry } : geometry,
            properties: { [property]: i },
          })),
        };
        const answer = await readRoute(collection, { name: 'r' });
        const lines = list.filter(([geometry]) => Array.isArray(geometry));
        expect(named(answer)).toContain(member);
        for (const [geometry, property] of list) {
          if (!Array.isArray(geometry)) expect(named(answer)).toContain(`features.geometry (${geometry.type})`);
          if (!answer.ok) continue;
          const isNamed = [`properties.${property}`, `features.properties.${property}`].some((path) =>
            named(answer).includes(path),
          );
          expect(isNamed).toBe(true);
        }
        if (answer.ok) {
          expect(answer.read).toMatchObject({ lines: lines.length, linesFound: lines.length });
          const { coordinates, type } = answer.route!.geometry;
          expect(type === 'LineString' ? [coordinates] : coordinates).toEqual(lines.map(([geometry]) => geometry));
        } else expect(answer.problems).not.toEqual([]);
      }),
    );
  });

  test('every element and attribute of GPX', async () => {
    const WHERE = ['gpx', 'gpx.trk', 'gpx.trk.trkseg', 'gpx.trk.trkseg.trkpt'];
    const strangeElement = strange.filter(
      (name) => !/^(gpx|metadata|trk|trkseg|trkpt|rte|rtept|version|creator|lat|lon)$/.test(name),
    );
    await fc.assert(
      fc.asyncProperty(
        LINE,
        fc.constantFrom(...WHERE),
        strangeElement,
        strangeElement,
        async (line, where, element, attribute) => {
          const at = (path: string) => ({
            attribute: path === where ? ` ${attribute}="1"` : '',
            inside: path === where ? `<x:${element} xmlns:x="x">7<a b="c"/></x:${element}>` : '',
          });
          const [gpx, trk, seg, pt] = WHERE.map(at) as [
            ReturnType<typeof at>,
            ReturnType<typeof at>,
            ReturnType<typeof at>,
            ReturnType<typeof at>,
          ];
          const points = line.map(
            ([lon, lat]) => `<trkpt lon="${lon}" lat="${lat}"${pt.attribute}>${pt.inside}</trkpt>`,
          );
          const xml = `<gpx${gpx.attribute}>${gpx.inside}<trk${trk.attribute}>${trk.inside}<trkseg${seg.attribute}>${seg.inside}${points.join('')}</trkseg></trk></gpx>`;
          const answer = await readRoute(Buffer.from(xml), {});
          expect(named(answer)).toEqual(expect.arrayContaining([`${where}.${element}`, `${where}.${attribute}`]));
          if (answer.ok) expect(answer.route!.geometry.coordinates).toEqual(line);
        },
      ),
    );
  });

  test('and no text, however broken, fails in any other way than a refusal', async () => {
    const piece = fc.constantFrom(
      '<gpx>',
      '</gpx>',
      '<trk>',
      '</trk>',
      '<trkseg>',
      '<trkpt lat="1" lon="2"/>',
      '<name>',
      '&amp;',
      '&#0;',
      ']]>',
      '<![CDATA[',
      '<!--',
      '-->',
      '<kml>',
      '<coordinates>1,2 3,4',
      '\u0000',
      '𐀀',
      '<?xml version="1.0"?>',
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(piece, fc.string())), async (pieces) => {
        const read = await readRoute(Buffer.from(pieces.join('')), {}).catch(
          (error: { statusCode?: number }) => error.statusCode,
        );
        expect(read === 422 || typeof read === 'object').toBe(true);
      }),
    );
  });
});
