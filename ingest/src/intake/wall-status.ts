import type { WallStatus } from '@sealwatch/schemas';
import { type FollowedTrip, isOver } from './roster.ts';

const RISK: WallStatus[] = ['green', 'amber', 'red'];

/** The colour of a trip's locks on the wall, by the same order as `custody/colour.ts`. */
export function wallStatus(trip: FollowedTrip | undefined): WallStatus {
  if (!trip || isOver(trip)) return 'idle';
  if (trip.risk === 2) return 'red';
  const { published } = trip.track;
  if (published.some((fact) => fact.phase === 'provisional' && fact.severity === 'critical')) return 'provisional';
  if (published.some((fact) => fact.active && fact.rule === 'comms.silent')) return 'silent';
  return RISK[trip.risk] ?? 'green';
}
