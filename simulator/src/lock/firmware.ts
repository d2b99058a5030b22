import type { LockMode, Report } from '@sealwatch/schemas';
import { execute } from './commands.ts';
import { acknowledged, send, store } from './flash.ts';
import type { LockInput, Sensed, Stepped } from './input-output.ts';
import type { LockState } from './state.ts';
import { drained, intervalMs, lockClockMs, U32, wantsReport, withoutFlights, woken } from './state.ts';

const DEEP_SLEEP_PERCENT = 5;
/** Battery that one record takes, invented like the drain per hour. */
const PERCENT_PER_RECORD = 0.002;

/**
 * The firmware of one lock as a pure step: (state, time, input) → (state, outputs). Behaves like the real ones
 * (JT701D class): sleeps, wakes, keeps records in flash until they are acknowledged, sends the newest first after a
 * dead zone and the blind-area records oldest first after that, sends again what was not acknowledged.
 *
 *   sleep 30 min ──wake──► awake 60 s ──10 min──► sleep       battery < 5 % ──► deep-sleep
 *     ▲   rope inserted, command seal ──► sealed (interval) ──command unlock──► awake
 *     └── tracking (interval) while an interval was commanded and no seal is on
 */
export function step(state: LockState, nowMs: number, input: LockInput): Stepped {
  switch (input.type) {
    case 'tick':
      return tick(state, nowMs, input.sensed);
    case 'connected':
      return send({ ...withoutFlights(state), connected: true }, true);
    case 'disconnected':
      return { state: { ...withoutFlights(state), connected: false }, outputs: [] };
    case 'acknowledged':
      return send(acknowledged(state, input.flight), false);
    case 'command':
      return execute(state, nowMs, input.command);
    default:
      return { state: sensedChange(woken(state, nowMs), nowMs, input), outputs: [] };
  }
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

function tick(state: LockState, nowMs: number, sensed: Sensed): Stepped {
  if (!wantsReport(state, nowMs)) return { state, outputs: [] };
  const power = drained(state, nowMs);
  const flat = power.batteryPercent < DEEP_SLEEP_PERCENT && !power.charging;
  const tired = power.mode === 'awake' && nowMs >= power.awakeUntilMs;
  const mode: LockMode = flat ? 'deep-sleep' : tired ? 'sleep' : power.mode;
  const moded = { ...power, mode };
  const recorded = store(moded, recordOf(moded, nowMs, sensed));
  // The next report is due one interval after this one was due, so that one late tick does not delay all later ones.
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
