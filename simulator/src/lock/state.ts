import type { LockEvent, LockMode, Report, SealState } from '@sealwatch/schemas';

/** Everything that a lock remembers. Immutable: every change makes a new state. */
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
  /** time for which `batteryPercent` holds */
  batteryMs: number;
  awakeUntilMs: number;
  nextReportMs: number;
  /** the lock's clock minus true time at `clockSetMs`, and its drift since then */
  clockOffsetMs: number;
  clockDriftPpm: number;
  clockSetMs: number;
  connected: boolean;
  /** records not yet acknowledged, oldest first */
  flash: readonly StoredRecord[];
  /** records lost because the flash was full */
  overwritten: number;
  nextFlight: number;
  /** largest number of live records in flight at once */
  liveFlights: number;
  /** flight of the blind-area batch, if one is in flight: one at a time */
  batchFlight?: number;
  pendingEvents: readonly LockEvent[];
  /** the next record answers a roll call */
  rollCall: boolean;
  /** refuses a remote unlock here (Jointech answers code 99) */
  refusesUnlock: boolean;
}

/** A record in flash. */
export interface StoredRecord {
  report: Report;
  /** set while the record is in flight */
  flight?: number;
  /** was in flight before: its body must not change any more */
  sent: boolean;
}

/** Boot and sequence numbers are unsigned 32-bit integers. */
export const U32 = 0x1_0000_0000;
const SLEEP_S = 1_800;
const AWAKE_S = 60;
const AWAKE_FOR_MS = 600_000;
/** Invented battery drain of a realistic size: about two weeks on one charge at 30 s. */
const PERCENT_PER_HOUR = 0.05;
const CHARGED_PER_HOUR = 20;
/** Default for records without PUBACK at the same time; further records stay in flash. */
const LIVE_FLIGHTS = 8;

/** A new lock that sleeps with an open rope and a full battery. */
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

export function intervalMs(state: LockState): number {
  if (state.mode === 'sleep') return SLEEP_S * 1_000;
  if (state.mode === 'awake') return AWAKE_S * 1_000;
  return state.mode === 'deep-sleep' ? Number.POSITIVE_INFINITY : state.intervalS * 1_000;
}

/** Whether a tick at this time makes a record: only then are the receivers read. */
export function wantsReport(state: LockState, nowMs: number): boolean {
  return nowMs >= state.nextReportMs && Number.isFinite(state.nextReportMs);
}

/** Marks every record as not in flight: what was not acknowledged will be sent again. */
export function withoutFlights({ batchFlight: _, ...state }: LockState): LockState {
  return { ...state, flash: state.flash.map(({ report, sent }) => ({ report, sent })) };
}

/** Restarts the lock: a new boot number, the sequence from 0, flash kept. */
export function rebooted(state: LockState, nowMs: number, reason: string): LockState {
  return {
    ...withoutFlights(state),
    boot: (state.boot + 1) % U32,
    seq: 0,
    connected: false,
    pendingEvents: [...state.pendingEvents, { type: 'restart', reason }],
    nextReportMs: nowMs,
  };
}

/** What the lock's own clock shows at a true time, epoch ms. */
export function lockClockMs(state: LockState, nowMs: number): number {
  return nowMs + state.clockOffsetMs + ((nowMs - state.clockSetMs) * state.clockDriftPpm) / 1e6;
}

/** Wakes the lock: ten minutes at 60 s, and a record at once. */
export function woken(state: LockState, nowMs: number): LockState {
  if (state.mode === 'deep-sleep' && !state.charging) return state;
  const asleep = state.mode === 'sleep' || state.mode === 'deep-sleep';
  return {
    ...state,
    mode: asleep ? 'awake' : state.mode,
    awakeUntilMs: nowMs + AWAKE_FOR_MS,
    nextReportMs: nowMs,
  };
}

/** The battery at a moment: drained, or charged, since it was last computed. */
export function drained(state: LockState, nowMs: number): LockState {
  const hours = Math.max(0, nowMs - state.batteryMs) / 3_600_000;
  const change = state.charging ? hours * CHARGED_PER_HOUR : -hours * state.percentPerHour;
  return { ...state, batteryPercent: Math.min(100, Math.max(0, state.batteryPercent + change)), batteryMs: nowMs };
}

/** Locks the motor on the inserted rope; the seal's use counter never decreases. */
export function sealed(state: LockState, nowMs: number): LockState {
  return {
    ...state,
    mode: 'sealed',
    seal: { rope: 'inserted', motor: 'locked', cover: 'closed', useCount: state.seal.useCount + 1 },
    pendingEvents: [...state.pendingEvents, { type: 'lock', source: 'remote', verified: true }],
    nextReportMs: nowMs,
  };
}

/** Opens the motor and stays awake for ten minutes. */
export function unlocked(state: LockState, nowMs: number): LockState {
  return {
    ...state,
    mode: 'awake',
    awakeUntilMs: nowMs + AWAKE_FOR_MS,
    seal: { ...state.seal, motor: 'unlocked' },
    pendingEvents: [...state.pendingEvents, { type: 'unlock', source: 'remote', verified: true }],
    nextReportMs: nowMs,
  };
}

export function unlockRefused(state: LockState, nowMs: number): LockState {
  const event: LockEvent = { type: 'unlock', source: 'remote', verified: false, reason: 'outside-area' };
  return { ...state, pendingEvents: [...state.pendingEvents, event], nextReportMs: nowMs };
}
