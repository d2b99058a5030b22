import { expect, it } from 'vitest';
import { latOf, lonOf, metresBetween, metresPerPixel, pixelsPerUnit, unitX, unitY } from '../src/map/mercator.ts';

it('brings a position back within two centimetres', () => {
  for (const [lon, lat] of [
    [120.0754, 29.3062],
    [-179.9999, 60],
    [179.9999, -60],
    [0, 0],
    [82.57, 45.17],
  ] as const) {
    expect(Math.abs(lonOf(unitX(lon)) - lon) * 111_320).toBeLessThan(0.02);
    expect(Math.abs(latOf(unitY(lat)) - lat) * 111_320).toBeLessThan(0.02);
  }
});

it('agrees with the textbook formula of Web Mercator', () => {
  expect(unitX(90)).toBe(2 ** 30);
  expect(unitY(0)).toBe(0);
  // y of 45° N: ln(tan(67.5°)) / 2π of the world above the equator.
  expect(unitY(45) / 2 ** 32).toBeCloseTo(-0.14027496, 7);
});

it('measures metres across the antimeridian as across any other', () => {
  const across = metresBetween(unitX(179.9995), unitY(0), unitX(-179.9995), unitY(0));
  expect(across).toBeGreaterThan(110);
  expect(across).toBeLessThan(112);
});

it('gives pixels that agree with metres per pixel', () => {
  const units = unitX(120.01) - unitX(120);
  const pixels = units * pixelsPerUnit(10);
  expect((pixels * metresPerPixel(10, 30)) / (0.01 * 111_319.49 * Math.cos(Math.PI / 6))).toBeCloseTo(1, 4);
});
