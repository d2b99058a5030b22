import { expect, it } from 'vitest';
import { areWithin, latOf, lonOf, metresPerPixel, pixelsPerUnit, unitX, unitY } from '../src/map/mercator.ts';

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
  const across = (lat: number, metres: number) =>
    areWithin(unitX(179.9995), unitY(lat), unitX(-179.9995), unitY(lat), metres);
  expect([across(0, 110), across(0, 112)]).toEqual([false, true]);
  // At 60° half as much.
  expect([across(60, 55), across(60, 56)]).toEqual([false, true]);
});

it('gives pixels that agree with metres per pixel', () => {
  const units = unitX(120.01) - unitX(120);
  const pixels = units * pixelsPerUnit(10);
  expect((pixels * metresPerPixel(10, 30)) / (0.01 * 111_319.49 * Math.cos(Math.PI / 6))).toBeCloseTo(1, 4);
});
