import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { PassageAnswer } from '@sealwatch/schemas';
import { PassageAnswer as PassageAnswerSchema } from '@sealwatch/schemas';
import { z } from 'zod';
import { closeTrip, readTrip } from '../demo/platform.ts';
import type { Rest } from '../rest.ts';
import type { Line, LineName } from './line.ts';
import type { Sending } from './lock-run.ts';
import { NOW } from './lock-run.ts';
import type { Radio } from './radio.ts';
import type { TripScript } from './trip-script.ts';
import type { TripTruth } from './truth.ts';

/** What playing scripts against a running platform needs. */
export interface PlayContext {
  rest: Rest;
  lines: ReadonlyMap<LineName, Line>;
  openRadio(lockId: string): Promise<Radio>;
  stop: AbortSignal;
  /** called at each PUBACK */
  onAcknowledged(records: number): void;
  /** called once the platform knows a trip */
  onDeclared(script: TripScript, tripId: string): void;
}

/** When records with fix times in a range were published; all times epoch ms. */
export interface Sent {
  lockId: string;
  fromMs: number;
  toMs: number;
  sentMs: number;
}

/** The result of one trip. */
export interface Played {
  tripId: string;
  lockIds: string[];
  sent: Sent[];
  departedMs: number;
  endMs: number;
  truth: TripTruth;
  answer?: PassageAnswer;
}

const CLOSE_WAIT_MS = 20_000;

/** Plays a script, and the following script of the same locks. */
export async function play(context: PlayContext, scripts: readonly TripScript[]): Promise<Played[]> {
  const [first, next] = scripts;
  if (!first) return [];
  const trip = await declare(context, first);
  const radios = await openRadios(context, first.lockIds);
  const held = first.sendings.filter((sending) => sending.held);
  try {
    await sendAll(context, radios, first.sendings, trip.sent);
    await sendAll(context, radios, first.liveNow, trip.sent);
    await untilSecondIsTold(context, first, trip.tripId);
    const answer = await pass(context, first);
    if (answer?.verdict === 'release') await untilClosed(context, trip.tripId);
    const played = [playedAs(first, trip, answer)];
    if (!next) return played.map((one) => named(one, radios));
    const nextTrip = await declare(context, next);
    // These records belong to the first trip but are sent after the second one was declared.
    const released = held.map((sending) => ({ ...sending, held: false }));
    await sendAll(context, radios, released, trip.sent);
    await sendAll(context, radios, next.liveNow, nextTrip.sent, LIVE_PACE_MS);
    return [...played, playedAs(next, nextTrip, undefined)].map((one) => named(one, radios));
  } finally {
    await Promise.all([...radios.values()].map((radio) => radio.close()));
  }
}

const LIVE_PACE_MS = 1_000;

interface Declared {
  tripId: string;
  departedMs: number;
  sent: Sent[];
}

function playedAs(script: TripScript, trip: Declared, answer: PassageAnswer | undefined): Played {
  const { lockIds, truth } = script;
  return { ...trip, lockIds, endMs: Date.now(), truth, ...(answer ? { answer } : {}) };
}

/** The truth with the names that the platform has for the records. */
function named(played: Played, radios: ReadonlyMap<string, Radio>): Played {
  const { truth } = played;
  const acknowledged = truth.acknowledged.map((id) => radios.get(id.split('/')[0]!)?.nameOf(id) ?? id);
  return { ...played, truth: { ...truth, acknowledged } };
}

/** @throws Error if a recording uses a line that is not on the platform */
function lineOf(context: PlayContext, script: TripScript): Line {
  const line = context.lines.get(script.line);
  if (!line) throw new Error(`no line ${script.line} on the platform`);
  return line;
}

async function declare(context: PlayContext, script: TripScript): Promise<Declared> {
  const { papers, lockIds, departedMs = Date.now() } = script;
  const boxes = [papers.containerNo, script.secondContainerNo];
  const { mode, originOffice, destinationOffice, routeId } = lineOf(context, script);
  const trip = await context.rest.post('/trips', {
    declarationNo: papers.declarationNo,
    mode,
    originOffice,
    destinationOffice,
    routeId,
    vehicle: { tractorPlate: papers.tractorPlate, trailerPlate: papers.trailerPlate },
    units: lockIds.map((lockId, unit) => ({ containerNo: boxes[unit], lockId })),
    takeover: {
      sealedAt: new Date(departedMs).toISOString(),
      departedAt: new Date(departedMs).toISOString(),
    },
  });
  const { tripId } = z.object({ tripId: z.string() }).parse(trip);
  context.onDeclared(script, tripId);
  return { tripId, departedMs, sent: [] };
}

async function openRadios(context: PlayContext, lockIds: readonly string[]): Promise<Map<string, Radio>> {
  const radios = new Map<string, Radio>();
  for (const lockId of lockIds) radios.set(lockId, await context.openRadio(lockId));
  return radios;
}

/** Sends payload by payload, each after the acknowledgement of the previous one; held ones are left out. */
async function sendAll(
  context: PlayContext,
  radios: ReadonlyMap<string, Radio>,
  sendings: readonly Sending[],
  sent: Sent[],
  paceMs = 0,
): Promise<void> {
  for (const { lockId, payload, held, dueMs, how } of sendings) {
    if (held) continue;
    const waitMs = Math.max(paceMs, (dueMs ?? 0) - Date.now());
    if (waitMs > 0) await delay(waitMs, undefined, { signal: context.stop }).catch(() => undefined);
    if (context.stop.aborted) return;
    const text = payload.replace(NOW, new Date().toISOString());
    sent.push({ lockId, ...timesIn(text), sentMs: Date.now() });
    await radios.get(lockId)?.send(text, how);
    context.onAcknowledged(payload.split('"boot"').length - 1);
  }
}

/** First and last fix time of a payload; undefined if it cannot be read. */
function timesIn(text: string): { fromMs: number; toMs: number } {
  const times = [...text.matchAll(/"time":"([^"]+)"/g)].map(([, time]) => Date.parse(time ?? ''));
  return { fromMs: Math.min(...times), toMs: Math.max(...times) };
}

/** A second connection is told beside the records, a moment after it came: a gate that is asked at once does not know it. */
async function untilSecondIsTold(context: PlayContext, { truth }: TripScript, tripId: string): Promise<void> {
  const rule = 'comms.second-connection';
  if (!truth.expected.some((one) => one.rule === rule)) return;
  const Found = z.object({ items: z.array(z.unknown()) });
  const until = Date.now() + CLOSE_WAIT_MS;
  while (Date.now() < until && !context.stop.aborted) {
    const found = Found.parse(await context.rest.get(`/alarms?tripId=${tripId}&rule=${rule}&limit=1`));
    if (found.items.length > 0) return;
    await delay(200, undefined, { signal: context.stop }).catch(() => undefined);
  }
}

/** The gate's readers see plate, boxes and locks as declared. */
async function pass(context: PlayContext, script: TripScript): Promise<PassageAnswer | undefined> {
  if (script.truth.verdict === 'unasked' || context.stop.aborted) return undefined;
  const numbers = [script.papers.containerNo, script.secondContainerNo].filter((no) => no !== undefined);
  const answer = await context.rest.post(`/gates/${lineOf(context, script).gateId}/passages`, {
    passageId: randomUUID(),
    lane: '1',
    direction: 'in',
    at: new Date().toISOString(),
    plate: { text: script.papers.tractorPlate, confident: true },
    containers: numbers.map((no) => ({ no, confident: true })),
    lockIds: script.lockIds,
  });
  return PassageAnswerSchema.parse(answer);
}

async function untilClosed(context: PlayContext, tripId: string): Promise<void> {
  const until = Date.now() + CLOSE_WAIT_MS;
  while (Date.now() < until && !context.stop.aborted) {
    const trip = await readTrip(context.rest, tripId);
    if (!trip || trip.status === 'closed') return;
    if (trip.status === 'unlocked') await closeTrip(context.rest, tripId);
    else await delay(200, undefined, { signal: context.stop }).catch(() => undefined);
  }
}
