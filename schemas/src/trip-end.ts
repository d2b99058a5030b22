import type { TripStatus } from './trip.ts';

// Apart from the schemas, so that the wall, which reads no schema, loads no zod.

/** The statuses that nothing follows: the trip has given its locks back. */
export const OVER_STATUSES = ['closed', 'cancelled'] as const satisfies TripStatus[];

export const isOver = ({ status }: { status: string }): boolean =>
  (OVER_STATUSES as readonly string[]).includes(status);
