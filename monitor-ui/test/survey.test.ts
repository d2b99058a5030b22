import type { FramePosition, WallStatus } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { Fleet } from '../src/map/fleet.ts';
import { unitX, unitY } from '../src/map/mercator.ts';
import { crowded, numbers, survey } from '../src/map/survey.ts';

const at = (index: number, lon: number, lat: number, status: WallStatus = 'green'): FramePosition => ({
  index,
  lon,
  lat,
  speedKmh: 70,
  headingDeg: 90,
  status,
  flags: 0,
});
const BOX = { west: unitX(118), east: unitX(123), north: unitY(31), south: unitY(28) };
const CELL = unitX(0.5);
const fleetOf = (positions: FramePosition[]) => {
  const fleet = new Fleet(0);
  fleet.apply(positions, 0, true);
  return fleet;
};

describe('one look at the trucks in sight', () => {
  it('sees a red one in sight, and none outside', () => {
    expect(survey(fleetOf([at(0, 120, 29, 'provisional')]), BOX, CELL).red).toBe(true);
    expect(survey(fleetOf([at(0, 130, 29, 'red'), at(1, 120, 29)]), BOX, CELL).red).toBe(false);
  });

  it('counts where there are many, in the middle of them, and never a red one', () => {
    const group = Array.from({ length: 24 }, (_, i) => at(i, 120.1 + i * 0.01, 29.3, i === 0 ? 'red' : 'green'));
    const found = survey(fleetOf([...group, at(40, 121.9, 30.4)]), BOX, CELL);
    const { features } = numbers(found, String);
    expect(features.map(({ properties }) => properties.text)).toEqual(['23']);
    const [lon, lat] = features[0]!.geometry.coordinates as [number, number];
    expect(lon).toBeCloseTo(120.22, 3);
    expect(lat).toBeCloseTo(29.3, 3);
    expect(found.perCell).toBe(12);
  });

  it('changes between trucks and lights without flicker', () => {
    expect([9, 13].map((perCell) => crowded(perCell, false))).toEqual([false, true]);
    expect([9, 7].map((perCell) => crowded(perCell, true))).toEqual([true, false]);
  });
});

it('knows how many trucks have a status, through changes, growth and a snapshot', () => {
  const fleet = fleetOf([at(0, 120, 29), at(1, 120, 29, 'red')]);
  fleet.apply([at(1, 120, 29), at(5_000, 120, 29, 'silent')], 1_000);
  expect([fleet.held('green'), fleet.held('red'), fleet.held('silent')]).toEqual([2, 0, 1]);
  fleet.apply([at(0, 120, 29, 'amber')], 2_000, true);
  expect([fleet.held('green'), fleet.held('amber'), fleet.held('silent')]).toEqual([0, 1, 0]);
});
