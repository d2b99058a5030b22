import type { Command, LockEvent, LockMode, Position, Reply, Report, SealState } from '@sealwatch/schemas';
import { MAX_PAYLOAD_BYTES, MAX_REPORTS_PER_PUBLISH } from '@sealwatch/schemas';

/**
 * The firmware of one lock as a pure step: (state, moment, input) → (state, outputs). Behaves like the real ones
 * (JT701D class): sleeps, wakes, keeps records in flash until they are acknowledged, sends the newest first after a
 * dead zone and the blind-area records oldest first after that, sends again what was not acknowledged.
 *
 *   sleep 30 min ──wake──► awake 60 s ──10 min──► sleep       battery < 5 % ──► deep-sleep
 *     ▲   rope inserted, command seal ──► sealed (interval) ──command unlock──► awake
 *     └── tracking (interval) while an interval was commanded and no seal is on
 */
export interface LockState {
  lockId: string;
  boot: number;
  /** of the next record */
  seq: number;
  mode: LockMode;
  /** commanded, for `sealed` and `tracking` */
  intervalS: number;
  seal: SealState & { useCount: number };
  /** exact; reported in whole percent */
  batteryPercent: number;
  charging: boolean;
  percentPerHour: number;
  /** the last moment the battery was reckoned to */
  batteryMs: number;
  awakeUntilMs: number;
  nextReportMs: number;
  /** the lock's clock minus true time at `clockSetMs`, and how it runs away from it */
  clockOffsetMs: number;
  clockDriftPpm: number;
  clockSetMs: number;
  connected: boolean;
  /** records not yet acknowledged, oldest first */
  flash: readonly StoredRecord[];
  /** records lost because the flash was full */
  overwritten: number;
  nextFlight: number;
  /** most live records on their way at once */
  liveFlights: number;
  /** the blind-area records on their way: one batch at a time */
  batchFlight?: number;
  pendingEvents: readonly LockEvent[];
  /** the next record answers a roll call */
  rollCall: boolean;
  /** refuses a remote unlock here (Jointech answers code 99) */
  refusesUnlock: boolean;
}

export interface StoredRecord {
  report: Report;
  /** set while it is on its way */
  flight?: number;
  /** was on its way before: its body must not change any more */
  sent: boolean;
}

/** What the lock's receivers sense at a moment. */
export interface Sensed {
  position?: Position;
  rssiDbm?: number;
}

export type LockInput =
  | { type: 'tick'; sensed: Sensed }
  | { type: 'connected' }
  | { type: 'disconnected' }
  | { type: 'acknowledged'; flight: number }
  | { type: 'command'; command: Command }
  | { type: 'wake' }
  | { type: 'rope'; to: SealState['rope'] }
  | { type: 'cover'; to: SealState['cover'] }
  | { type: 'motor'; to: SealState['motor'] }
  | { type: 'event'; event: LockEvent }
  | { type: 'charging'; on: boolean };

export type LockOutput =
  | { type: 'publish'; flight: number; reports: Report[] }
  | { type: 'reply'; reply: Reply }
  /** the connection ends with the restart and must be opened again */
  | { type: 'restart' };

export interface Stepped {
  state: LockState;
  outputs: LockOutput[];
}

export const FLASH_RECORDS = 20_000;
const SLEEP_S = 1_800;
const AWAKE_S = 60;
const AWAKE_FOR_MS = 600_000;
const DEEP_SLEEP_PERCENT = 5;
const U32 = 0x1_0000_0000;
/** Invented battery drain of a realistic size: about two weeks on one charge at 30 s. */
const PERCENT_PER_RECORD = 0.002;
const PERCENT_PER_HOUR = 0.05;
const CHARGED_PER_HOUR = 20;
/** Default for records without PUBACK at the same time; further records stay in flash. */
const LIVE_FLIGHTS = 8;

export function newLock(lockId: string, nowMs: number, from: Partial<LockState> = {}): LockState {
  return {
    lockId,
    boot: 1,
    seq: 0,
    mode: 'sleep',
    intervalS: 30,
    seal: { rope: 'pulled', motor: 'unlocked', cover: 'closed', useCount: 0 },
    batteryPercent: 100,
    charging: false,
    percentPerHour: PERCENT_PER_HOUR,
    batteryMs: nowMs,
    awakeUntilMs: 0,
    nextReportMs: nowMs,
    clockOffsetMs: 0,
    clockDriftPpm: 0,
    clockSetMs: nowMs,
    connected: false,
    flash: [],
    overwritten: 0,
    nextFlight: 1,
    liveFlights: LIVE_FLIGHTS,
    pendingEvents: [],
    rollCall: false,
    refusesUnlock: false,
    ...from,
  };
}

/** Restarts the lock: a new boot number, the sequence from 0, flash kept. */
export function rebooted(state: LockState, nowMs: number, reason: string): LockState {
  return {
    ...landed(state),
    boot: (state.boot + 1) % U32,
    seq: 0,
    connected: false,
    pendingEvents: [...state.pendingEvents, { type: 'restart', reason }],
    nextReportMs: nowMs,
  };
}

export function intervalMs(state: LockState): number {
  if (state.mode === 'sleep') return SLEEP_S * 1_000;
  if (state.mode === 'awake') return AWAKE_S * 1_000;
  return state.mode === 'deep-sleep' ? Number.POSITIVE_INFINITY : state.intervalS * 1_000;
}

/** Whether a tick at this moment makes a record: only then must the receivers be asked. */
export function wantsReport(state: LockState, nowMs: number): boolean {
  return nowMs >= state.nextReportMs && Number.isFinite(state.nextReportMs);
}

/** What the lock's own clock shows at a true moment, epoch ms. */
export function lockClockMs(state: LockState, nowMs: number): number {
  return nowMs + state.clockOffsetMs + ((nowMs - state.clockSetMs) * state.clockDriftPpm) / 1e6;
}

export function step(state: LockState, nowMs: number, input: LockInput): Stepped {
  switch (input.type) {
    case 'tick':
      return tick(state, nowMs, input.sensed);
    case 'connected':
      return send({ ...landed(state), connected: true }, true);
    case 'disconnected':
      return { state: { ...landed(state), connected: false }, outputs: [] };
    case 'acknowledged':
      return send(acknowledged(state, input.flight), false);
    case 'command':
      return obey(state, nowMs, input.command);
    default:
      return { state: sensedChange(woken(state, nowMs), nowMs, input), outputs: [] };
  }
}

/** Nothing is on its way any more: what was not acknowledged will be sent again. */
function landed({ batchFlight: _, ...state }: LockState): LockState {
  return { ...state, flash: state.flash.map(({ report, sent }) => ({ report, sent })) };
}

function acknowledged({ batchFlight, ...state }: LockState, flight: number): LockState {
  const batch = batchFlight === undefined || batchFlight === flight ? {} : { batchFlight };
  return { ...state, ...batch, flash: state.flash.filter((record) => record.flight !== flight) };
}

/** A wake gives ten minutes at 60 s and a record at once. */
function woken(state: LockState, nowMs: number): LockState {
  if (state.mode === 'deep-sleep' && !state.charging) return state;
  const asleep = state.mode === 'sleep' || state.mode === 'deep-sleep';
  return {
    ...state,
    mode: asleep ? 'awake' : state.mode,
    awakeUntilMs: nowMs + AWAKE_FOR_MS,
    nextReportMs: nowMs,
  };
}

function sensedChange(
  state: LockState,
  nowMs: number,
  input: Exclude<LockInput, { type: 'tick' | 'connected' | 'disconnected' | 'acknowledged' | 'command' }>,
): LockState {
  switch (input.type) {
    case 'wake':
      return state;
    case 'rope':
      return { ...state, seal: { ...state.seal, rope: input.to } };
    case 'cover':
      return { ...state, seal: { ...state.seal, cover: input.to } };
    case 'motor':
      return { ...state, seal: { ...state.seal, motor: input.to } };
    case 'event':
      return { ...state, pendingEvents: [...state.pendingEvents, input.event] };
    case 'charging':
      return woken({ ...drained(state, nowMs), charging: input.on }, nowMs);
  }
}

function drained(state: LockState, nowMs: number): LockState {
  const hours = Math.max(0, nowMs - state.batteryMs) / 3_600_000;
  const change = state.charging ? hours * CHARGED_PER_HOUR : -hours * state.percentPerHour;
  return { ...state, batteryPercent: Math.min(100, Math.max(0, state.batteryPercent + change)), batteryMs: nowMs };
}

function tick(state: LockState, nowMs: number, sensed: Sensed): Stepped {
  if (!wantsReport(state, nowMs)) return { state, outputs: [] };
  const power = drained(state, nowMs);
  const flat = power.batteryPercent < DEEP_SLEEP_PERCENT && !power.charging;
  const tired = power.mode === 'awake' && nowMs >= power.awakeUntilMs;
  const mode: LockMode = flat ? 'deep-sleep' : tired ? 'sleep' : power.mode;
  const moded = { ...power, mode };
  const recorded = remember(moded, recordOf(moded, nowMs, sensed));
  // On a grid of its interval, so that a tick that comes late does not make every later one late.
  const interval = intervalMs(moded);
  const behind = nowMs - state.nextReportMs;
  const next = Number.isFinite(interval) ? nowMs + interval - (behind < interval ? behind : 0) : interval;
  const after: LockState = {
    ...recorded,
    seq: (state.seq + 1) % U32,
    nextReportMs: next,
    batteryPercent: Math.max(0, power.batteryPercent - (power.charging ? 0 : PERCENT_PER_RECORD)),
    pendingEvents: [],
    rollCall: false,
  };
  return send(after, true);
}

function recordOf(state: LockState, nowMs: number, sensed: Sensed): Report {
  return {
    v: 1,
    boot: state.boot,
    seq: state.seq,
    time: new Date(Math.round(lockClockMs(state, nowMs))).toISOString(),
    kind: state.rollCall ? 'roll-call' : state.connected ? 'live' : 'backfill',
    mode: state.mode,
    ...(sensed.position ? { position: sensed.position } : {}),
    seal: state.seal,
    battery: state.charging ? { charging: true } : { percent: Math.round(state.batteryPercent), charging: false },
    ...(sensed.rssiDbm === undefined ? {} : { network: { rssiDbm: sensed.rssiDbm } }),
    ...(state.pendingEvents.length > 0 ? { events: [...state.pendingEvents] } : {}),
  };
}

function remember(state: LockState, report: Report): LockState {
  const full = state.flash.length >= FLASH_RECORDS;
  const kept = full ? state.flash.slice(state.flash.length - FLASH_RECORDS + 1) : state.flash;
  return {
    ...state,
    flash: [...kept, { report, sent: false }],
    overwritten: state.overwritten + (full ? state.flash.length - kept.length : 0),
  };
}

/**
 * Sends what may be sent now: each record made while connected by itself, at once; of those made in a dead zone the
 * newest first, then one batch at a time, oldest first.
 * @param newestFirst a record was just made, or the connection just came back
 */
function send(state: LockState, newestFirst: boolean): Stepped {
  if (!state.connected || state.flash.length === 0) return { state, outputs: [] };
  const outputs: LockOutput[] = [];
  const flash = [...state.flash];
  let flight = state.nextFlight;
  const launch = (indexes: readonly number[], kind: Report['kind']) => {
    const reports = indexes.map((index) => {
      const { report, sent } = flash[index]!;
      const body = sent || report.kind === 'roll-call' ? report : { ...report, kind };
      flash[index] = { report: body, flight, sent: true };
      return body;
    });
    outputs.push({ type: 'publish', flight, reports });
    flight += 1;
    return flight - 1;
  };
  const newest = flash.length - 1;
  const flights = new Set(flash.flatMap((record) => record.flight ?? []));
  if (newestFirst && flash[newest]?.flight === undefined && flights.size < state.liveFlights) launch([newest], 'live');
  const waiting = state.batchFlight === undefined ? nextBatch(flash) : [];
  const batch = waiting.length > 0 ? { batchFlight: launch(waiting, 'backfill') } : {};
  return { state: { ...state, ...batch, flash, nextFlight: flight }, outputs };
}

/** The oldest records that are not on their way, as many as one publish may hold. */
function nextBatch(flash: readonly StoredRecord[]): number[] {
  const waiting: number[] = [];
  let bytes = 2;
  for (let i = 0; i < flash.length && waiting.length < MAX_REPORTS_PER_PUBLISH; i++) {
    if (flash[i]!.flight !== undefined) continue;
    // One more for the comma, a few for the change of `kind`.
    bytes += JSON.stringify(flash[i]!.report).length + 8;
    if (bytes > MAX_PAYLOAD_BYTES) break;
    waiting.push(i);
  }
  return waiting;
}

function obey(state: LockState, nowMs: number, command: Command): Stepped {
  const answer = (result: Reply['result'], reason?: string): LockOutput => ({
    type: 'reply',
    reply: {
      v: 1,
      commandId: command.commandId,
      result,
      ...(reason === undefined ? {} : { reason }),
      time: new Date(Math.round(lockClockMs(state, nowMs))).toISOString(),
    },
  });
  if (command.expiresAt !== undefined && Date.parse(command.expiresAt) < lockClockMs(state, nowMs)) {
    return { state, outputs: [answer('refused', 'expired')] };
  }
  switch (command.type) {
    case 'interval': {
      const sealed = state.mode === 'sealed';
      const intervalS = command.intervalS ?? 30;
      const mode = sealed ? 'sealed' : 'tracking';
      return { state: { ...state, mode, intervalS, nextReportMs: nowMs }, outputs: [answer('done')] };
    }
    case 'seal':
      return state.seal.rope === 'inserted'
        ? { state: sealed(state, nowMs), outputs: [answer('done')] }
        : { state, outputs: [answer('failed', `rope is ${state.seal.rope}: insert it first`)] };
    case 'unlock':
      return state.refusesUnlock
        ? { state: unlockRefused(state, nowMs), outputs: [answer('refused', '99 outside-area')] }
        : { state: unlocked(state, nowMs), outputs: [answer('done')] };
    case 'locate':
      return { state: { ...state, rollCall: true, nextReportMs: nowMs }, outputs: [answer('done')] };
    case 'reboot':
      return { state: rebooted(state, nowMs, 'remote'), outputs: [answer('done'), { type: 'restart' }] };
  }
}

/** Locks the motor on the inserted rope; the counter of sealings never goes back. */
export function sealed(state: LockState, nowMs: number): LockState {
  return {
    ...state,
    mode: 'sealed',
    seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: state.seal.useCount + 1 },
    pendingEvents: [...state.pendingEvents, { type: 'lock', source: 'remote', verified: true }],
    nextReportMs: nowMs,
  };
}

function unlocked(state: LockState, nowMs: number): LockState {
  return {
    ...state,
    mode: 'awake',
    awakeUntilMs: nowMs + AWAKE_FOR_MS,
    seal: { ...state.seal, motor: 'unlocked' },
    pendingEvents: [...state.pendingEvents, { type: 'unlock', source: 'remote', verified: true }],
    nextReportMs: nowMs,
  };
}

function unlockRefused(state: LockState, nowMs: number): LockState {
  const event: LockEvent = { type: 'unlock', source: 'remote', verified: false, reason: 'outside-area' };
  return { ...state, pendingEvents: [...state.pendingEvents, event], nextReportMs: nowMs };
}
