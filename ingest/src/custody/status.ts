import type { TripStatus } from '@sealwatch/schemas';

/**
 * The life of a trip.
 *
 *   declared ──release──► released ──hang──► hung ──seal──► sealed ──depart──► in-transit ──arrive──► arrived
 *      │                     │                │               │                    │                    │
 *      │ takeover            │                │               │                    └───────verify───────┤
 *      └──────────────────► in-transit        │               │                                         ▼
 *   closed ◄──close── unlocked ◄──unlock── verified ◄───────────────────────────────────────────────────┘
 *
 *   cancel: from every state before `verified` to cancelled.
 *   write-off: from in-transit, arrived or verified; it verifies what is not verified yet and is no state of its own.
 *
 * The statuses that nothing follows, closed and cancelled, are `isOver` of the schemas.
 */
export type TripAct = 'release' | 'hang' | 'seal' | 'depart' | 'arrive' | 'verify' | 'unlock' | 'close' | 'cancel';

const BEFORE_VERIFIED: TripStatus[] = ['declared', 'released', 'hung', 'sealed', 'in-transit', 'arrived'];

const MOVES: Record<TripAct, { from: TripStatus[]; to: TripStatus }> = {
  release: { from: ['declared'], to: 'released' },
  hang: { from: ['released'], to: 'hung' },
  seal: { from: ['hung'], to: 'sealed' },
  depart: { from: ['sealed'], to: 'in-transit' },
  arrive: { from: ['in-transit'], to: 'arrived' },
  // A gate may meet the truck before the fix that shows its arrival has come.
  verify: { from: ['in-transit', 'arrived'], to: 'verified' },
  unlock: { from: ['verified'], to: 'unlocked' },
  close: { from: ['unlocked'], to: 'closed' },
  cancel: { from: BEFORE_VERIFIED, to: 'cancelled' },
};

/** The states in which an act is allowed, for the answer to a caller who came at the wrong time. */
export const allowedFrom = (act: TripAct): TripStatus[] => MOVES[act].from;

/** The state after an act, or undefined where the act is not allowed in this state. */
export function move(status: TripStatus, act: TripAct): TripStatus | undefined {
  return MOVES[act].from.includes(status) ? MOVES[act].to : undefined;
}

/** The state after an act that was found to be allowed. @throws RangeError if it is not allowed: the caller must check first */
export function moved(status: TripStatus, act: TripAct): TripStatus {
  const next = move(status, act);
  if (next === undefined) throw new RangeError(`a trip that is ${status} cannot ${act}`);
  return next;
}

/** A trip is written off by its verification, or after it. */
export const WRITE_OFF_FROM: TripStatus[] = [...MOVES.verify.from, MOVES.verify.to];

/** What a gate lets through: in at the destination, out at the origin, where a fix may show the departure before the gate. */
export const EXPECTED_AT_GATE: Record<'in' | 'out', TripStatus[]> = {
  in: MOVES.verify.from,
  out: [...MOVES.depart.from, MOVES.depart.to],
};

const ORDER: TripStatus[] = [...BEFORE_VERIFIED, 'verified', 'unlocked', 'closed'];

/** Whether the trip has come as far as the act leads, or further: asked again, there is nothing to do. */
export const hasPassed = (status: TripStatus, act: Exclude<TripAct, 'cancel'>): boolean =>
  ORDER.indexOf(status) >= ORDER.indexOf(MOVES[act].to);

/** Whether its locks are to be shut: from sealing to unlocking. */
export const isUnderSeal = (status: TripStatus): boolean => hasPassed(status, 'seal') && !hasPassed(status, 'unlock');

/** The office that acts on a trip: the origin until departure, the destination from departure on. */
export function actingOffice(trip: { status: TripStatus; originOffice: string; destinationOffice: string }): string {
  const atOrigin: TripStatus[] = ['declared', 'released', 'hung', 'sealed'];
  return atOrigin.includes(trip.status) ? trip.originOffice : trip.destinationOffice;
}
