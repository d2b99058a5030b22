import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { PassageAnswer } from '@sealwatch/schemas';
import {
  Command,
  commandTopic,
  PassageAnswer as PassageAnswerSchema,
  replyTopic,
  reportTopic,
} from '@sealwatch/schemas';
import type { MqttClient } from 'mqtt';
import { connect } from 'mqtt';
import { z } from 'zod';
import { closeTrip, readTrip } from '../demo/platform.ts';
import type { Rest } from '../rest.ts';
import { InterfaceError } from '../rest.ts';
import type { Line, LineName } from './line.ts';
import type { Sending } from './lock-run.ts';
import { NOW } from './lock-run.ts';
import type { TripScript } from './trip-script.ts';
import type { TripTruth } from './truth.ts';

/** What playing scripts against a running platform needs. */
export interface PlayContext {
  rest: Rest;
  mqtt: string;
  lines: ReadonlyMap<LineName, Line>;
  secrets: Map<string, string>;
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
    const answer = await pass(context, first);
    if (answer?.verdict === 'release') await untilClosed(context, trip.tripId);
    const played = [playedAs(first, trip, answer)];
    if (!next) return played;
    const nextTrip = await declare(context, next);
    // These records belong to the first trip but are sent after the second one was declared.
    const released = held.map((sending) => ({ ...sending, held: false }));
    await sendAll(context, radios, released, trip.sent);
    await sendAll(context, radios, next.liveNow, nextTrip.sent, LIVE_PACE_MS);
    return [...played, playedAs(next, nextTrip, undefined)];
  } finally {
    await Promise.all([...radios.values()].map((radio) => radio.endAsync().catch(() => undefined)));
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

async function openRadios(context: PlayContext, lockIds: readonly string[]): Promise<Map<string, MqttClient>> {
  const radios = new Map<string, MqttClient>();
  for (const lockId of lockIds) radios.set(lockId, await openRadio(context, lockId));
  return radios;
}

function openRadio(context: PlayContext, lockId: string): Promise<MqttClient> {
  const called = `MQTT ${context.mqtt}, lock ${lockId}`;
  return new Promise((resolve, reject) => {
    const client = connect(context.mqtt, {
      clientId: lockId,
      username: lockId,
      password: context.secrets.get(lockId) ?? '',
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 1_000,
      connectTimeout: 30_000,
    });
    client.on('error', (error) => {
      client.end(true);
      reject(new InterfaceError(called, error.message));
    });
    client.on('message', (_topic, payload) => answerCommand(client, lockId, payload.toString()));
    client.once('connect', () => {
      client.subscribeAsync(commandTopic(lockId), { qos: 1 }).then(
        () => resolve(client),
        (error: unknown) => reject(new InterfaceError(called, String(error))),
      );
    });
    const quit = () => client.end(true);
    context.stop.addEventListener('abort', quit, { once: true });
    client.once('end', () => context.stop.removeEventListener('abort', quit));
  });
}

/** Replies to every command as done; commands do not change the script, which is fixed beforehand. */
function answerCommand(client: MqttClient, lockId: string, text: string): void {
  const read = Command.safeParse(JSON.parse(text));
  if (!read.success) return;
  const reply = { v: 1, commandId: read.data.commandId, result: 'done', time: new Date().toISOString() };
  client.publish(replyTopic(lockId), JSON.stringify(reply), { qos: 1 });
}

/** Sends payload by payload, each after the acknowledgement of the previous one; held ones are left out. */
async function sendAll(
  context: PlayContext,
  radios: Map<string, MqttClient>,
  sendings: readonly Sending[],
  sent: Sent[],
  paceMs = 0,
): Promise<void> {
  for (const { lockId, payload, held, dueMs } of sendings) {
    if (held) continue;
    const waitMs = Math.max(paceMs, (dueMs ?? 0) - Date.now());
    if (waitMs > 0) await delay(waitMs, undefined, { signal: context.stop }).catch(() => undefined);
    if (context.stop.aborted) return;
    const text = payload.replace(NOW, new Date().toISOString());
    sent.push({ lockId, ...timesIn(text), sentMs: Date.now() });
    await radios.get(lockId)?.publishAsync(reportTopic(lockId), text, { qos: 1 });
    context.onAcknowledged(payload.split('"boot"').length - 1);
  }
}

/** First and last fix time of a payload; undefined if it cannot be read. */
function timesIn(text: string): { fromMs: number; toMs: number } {
  const times = [...text.matchAll(/"time":"([^"]+)"/g)].map(([, time]) => Date.parse(time ?? ''));
  return { fromMs: Math.min(...times), toMs: Math.max(...times) };
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
