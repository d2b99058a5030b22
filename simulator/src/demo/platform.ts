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
  const locks = lockIds.map((lockId) => ({ lockId, model: 'JT701D (simulated)' }));
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

/** A trip under way, taken over with its past. */
export async function declareTrip(rest: Rest, papers: Papers, lockId: string, departedMs: number): Promise<string> {
  const departedAt = new Date(departedMs).toISOString();
  const trip = await rest.post('/trips', {
    declarationNo: papers.declarationNo,
    mode: 'road',
    originOffice: ORIGIN_OFFICE,
    destinationOffice: DESTINATION_OFFICE,
    routeId: ROUTE_ID,
    vehicle: { tractorPlate: papers.tractorPlate, trailerPlate: papers.trailerPlate },
    units: [{ containerNo: papers.containerNo, lockId, mechanicalSealNo: papers.mechanicalSealNo }],
    plannedDepartureAt: departedAt,
    timeLimitMin: TIME_LIMIT_MIN,
    takeover: { sealedAt: new Date(departedMs - 600_000).toISOString(), departedAt },
  });
  return TripAnswer.parse(trip).tripId;
}

/** The trip as it stands, or undefined where the platform does not know it. */
export async function readTrip(rest: Rest, tripId: string): Promise<TripAnswer | undefined> {
  try {
    return TripAnswer.parse(await rest.get(`/trips/${tripId}`));
  } catch (error) {
    if (error instanceof InterfaceError && error.status === 404) return undefined;
    throw error;
  }
}

export async function cancelTrip(rest: Rest, tripId: string): Promise<void> {
  await rest.post(`/trips/${tripId}/cancel`, { reason: 'demo fleet: the truck was not watched to its end' });
}

export async function closeTrip(rest: Rest, tripId: string): Promise<void> {
  await rest.post(`/trips/${tripId}/close`, {});
}

/** What the gate's own readers saw of the truck, asked of the platform. */
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
