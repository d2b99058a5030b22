import type {
  FramePosition,
  Injection,
  SimulatedLock,
  SimulatorRun,
  SimulatorScenario,
  Snapshot,
} from '@sealwatch/schemas';
import type { FeatureCollection } from '../map/geojson.ts';
import { call } from '../rest.ts';
import { truckOf } from '../snapshot.ts';

/** Scenarios that can be started, and runs (contract §3). */
export interface SimulatorState {
  scenarios: SimulatorScenario[];
  runs: SimulatorRun[];
}
export const simulatorState = () => call<SimulatorState>('GET', '/simulator');
export const start = (order: { scenario: string; trips?: number; seed?: number }) =>
  call<SimulatorRun>('POST', '/simulator/runs', order);
export const stop = (runId: string) => call<void>('POST', `/simulator/runs/${runId}/stop`);
export const inject = (runId: string, injection: Injection) =>
  call<void>('POST', `/simulator/runs/${runId}/inject`, injection);

/** The true positions of the locks; red if something happened that must raise an alarm. */
export const trueTrucks = (locks: readonly SimulatedLock[]): FramePosition[] =>
  locks.flatMap(({ position, happened }, index) =>
    position ? [{ index, ...position, status: happened.length > 0 ? 'red' : 'green', flags: 0 }] : [],
  );

/** The same locks as the platform shows them. */
export function saidTrucks(locks: readonly SimulatedLock[], wall: Snapshot | undefined): FramePosition[] {
  const known = new Map(wall?.locks.map((lock) => [lock.lockId, lock]));
  return locks.flatMap(({ lockId }, index) => {
    const lock = known.get(lockId);
    return lock ? truckOf(index, lock) : [];
  });
}

/** A driven line as a trail of the map. */
export function trailOf(way: readonly [number, number][]): FeatureCollection {
  const line = { type: 'LineString' as const, coordinates: way.map(([lon, lat]) => [lon, lat]) };
  const feature = { type: 'Feature' as const, properties: { kind: 'tail', opacity: 0.9 }, geometry: line };
  return { type: 'FeatureCollection', features: way.length > 1 ? [feature] : [] };
}
