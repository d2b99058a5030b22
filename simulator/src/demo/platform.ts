import { randomUUID } from 'node:crypto';
import type { PassageAnswer } from '@sealwatch/schemas';
import { PassageAnswer as PassageAnswerSchema, TripStatus } from '@sealwatch/schemas';
import { z } from 'zod';
import type { Papers } from '../papers.ts';
import type { Path } from '../path.ts';
import type { Rest } from '../rest.ts';
import { InterfaceError } from '../rest.ts';
import { DESTINATION_OFFICE, demoPlaces, demoRoute, GATE_ID, ORIGIN_OFFICE, ROUTE_ID } from './road.ts';

const Secrets = z.object({ items: z.array(z.object({ lockId: z.string(), secret: z.string() })) });
const TripAnswer = z.object({ tripId: z.string(), status: TripStatus, risk: z.string().optional() });
export type TripAnswer = z.infer<typeof TripAnswer>;

/** Declared well above the three hours that the road takes. */
const TIME_LIMIT_MIN = 480;

export async function putRoad(rest: Rest, road: Path): Promise<void> {
  await rest.put(`/routes/${ROUTE_ID}`, demoRoute(road));
  for (const [placeId, place] of Object.entries(demoPlaces(road))) await rest.put(`/places/${placeId}`, place);
}

export async function importLocks(
  rest: Rest,
  lockIds: readonly string[],
): Promise<{ lockId: string; secret: string }[]> {
  const locks = lockIds.map((lockId) => ({ lockId, model: 'JT701D (simulated)', simulated: true }));
  return Secrets.parse(await rest.post('/locks/import', { locks })).items;
}

/** Whether the platform knows a lock: a state file may belong to another database. */
export async function lockKnown(rest: Rest, lockId: string): Promise<boolean> {
  try {
    await rest.get(`/locks/${lockId}`);
    return true;
  } catch (error) {
    if (error instanceof InterfaceError && error.status === 404) return false;
    throw error;
  }
}

function declaration(papers: Papers, lockId: string, departureMs: number) {
  return {
    declarationNo: papers.declarationNo,
    mode: 'road',
    originOffice: ORIGIN_OFFICE,
    destinationOffice: DESTINATION_OFFICE,
    routeId: ROUTE_ID,
    vehicle: { tractorPlate: papers.tractorPlate, trailerPlate: papers.trailerPlate },
    units: [{ containerNo: papers.containerNo, lockId, mechanicalSealNo: papers.mechanicalSealNo }],
    plannedDepartureAt: new Date(departureMs).toISOString(),
    timeLimitMin: TIME_LIMIT_MIN,
  };
}

/** Declares a trip that is already under way, with its past. */
export async function declareTrip(rest: Rest, papers: Papers, lockId: string, departedMs: number): Promise<string> {
  const departedAt = new Date(departedMs).toISOString();
  const takeover = { sealedAt: departedAt, departedAt };
  return TripAnswer.parse(await rest.post('/trips', { ...declaration(papers, lockId, departedMs), takeover })).tripId;
}

/** Declares and releases a trip whose lock is not attached yet. */
export async function releaseTrip(rest: Rest, papers: Papers, lockId: string, plannedMs: number): Promise<string> {
  const { tripId } = TripAnswer.parse(await rest.post('/trips', declaration(papers, lockId, plannedMs)));
  await rest.post(`/trips/${tripId}/release`, {});
  return tripId;
}

/** 挂锁, 施封: the office reads plate, box and lock; the platform asks the lock itself. */
export async function sealTrip(rest: Rest, tripId: string, papers: Papers, lockId: string): Promise<void> {
  const read = { plate: papers.tractorPlate, containers: [papers.containerNo], lockIds: [lockId] };
  await rest.post(`/trips/${tripId}/hang`, { read });
  await rest.post(`/trips/${tripId}/seal`, { read });
}

export async function orderInterval(rest: Rest, lockId: string, intervalS: number): Promise<void> {
  await rest.post(`/locks/${lockId}/commands`, { type: 'interval', intervalS });
}

/** The current state of a trip; undefined if the platform does not know it. */
export async function readTrip(rest: Rest, tripId: string): Promise<TripAnswer | undefined> {
  try {
    return TripAnswer.parse(await rest.get(`/trips/${tripId}`));
  } catch (error) {
    if (error instanceof InterfaceError && error.status === 404) return undefined;
    throw error;
  }
}

const UNWATCHED = 'demo fleet: the truck was not watched to its end';

export async function cancelTrip(rest: Rest, tripId: string, reason = UNWATCHED): Promise<void> {
  await rest.post(`/trips/${tripId}/cancel`, { reason });
}

export async function closeTrip(rest: Rest, tripId: string): Promise<void> {
  await rest.post(`/trips/${tripId}/close`, {});
}

/** Asks the platform for a verdict on what the gate's readers saw of the truck. */
export async function askGate(
  rest: Rest,
  passageId: string,
  papers: Papers,
  lockId: string,
  nowMs: number,
): Promise<PassageAnswer> {
  const answer = await rest.post(`/gates/${GATE_ID}/passages`, {
    passageId,
    lane: '1',
    direction: 'in',
    at: new Date(nowMs).toISOString(),
    plate: { text: papers.tractorPlate, confident: true },
    containers: [{ no: papers.containerNo, confident: true }],
    lockIds: [lockId],
  });
  return PassageAnswerSchema.parse(answer);
}

export const newPassageId = (): string => randomUUID();
