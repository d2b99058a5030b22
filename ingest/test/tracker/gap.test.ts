import { compileRoute } from '@sealwatch/geofence';
import { Route } from '@sealwatch/schemas';
import { expect, test } from 'vitest';
import type { ParamsInput } from '../../src/params/resolve.ts';
import { at, Ledger, planOf, reporter } from './trip.ts';

/** 19 km east, 2 km north, 19 km back west. */
const ROUTE = Route.parse({
  type: 'Feature',
  geometry: {
    type: 'LineString',
    coordinates: [
      [120, 30],
      [120.2, 30],
      [120.2, 30.02],
      [120, 30.02],
    ],
  },
  properties: { name: 'there and back', halfWidthM: 80 },
});

/** Two minutes after kilometre 5 the truck is at kilometre 36, which lies 2 km across from it. */
function shortcut(own: ParamsInput) {
  const plan = { ...planOf({ own, departedAtMs: at('08:00') }), route: ROUTE, corridor: compileRoute(ROUTE) };
  const make = reporter();
  const ledger = new Ledger(plan).take(
    make('08:10', { lon: 120.05, lat: 30 }),
    make('08:10:30', { lon: 120.052, lat: 30 }),
    make('08:12:30', { lon: 120.05, lat: 30.02 }),
  );
  return ledger.of('time.unaccounted').map(({ evidence }) => evidence.kind);
}

test.each([
  ['is reported beyond 2 km of it', {}, ['too-fast']],
  ['is reported beyond the shortcut that the parameter allows', { shortcutM: 20_000 }, ['too-fast']],
  ['is not reported within the shortcut that the parameter allows', { shortcutM: 30_000 }, []],
])('road that nobody can have driven %s', (_what, values, kinds) => {
  expect(shortcut({ 'time.unaccounted': values })).toEqual(kinds);
});
