import type { Report } from '@sealwatch/schemas';
import { MAX_PAYLOAD_BYTES, MAX_REPORTS_PER_PUBLISH } from '@sealwatch/schemas';
import type { LockOutput, Stepped } from './input-output.ts';
import type { LockState, StoredRecord } from './state.ts';

/** Records that fit into the flash. */
const FLASH_RECORDS = 20_000;

/** Removes the records of an acknowledged flight. */
export function acknowledged({ batchFlight, ...state }: LockState, flight: number): LockState {
  const batch = batchFlight === undefined || batchFlight === flight ? {} : { batchFlight };
  return { ...state, ...batch, flash: state.flash.filter((record) => record.flight !== flight) };
}

/** Stores a record; if the flash is full, the oldest ones are overwritten. */
export function store(state: LockState, report: Report): LockState {
  const full = state.flash.length >= FLASH_RECORDS;
  const kept = full ? state.flash.slice(state.flash.length - FLASH_RECORDS + 1) : state.flash;
  return {
    ...state,
    flash: [...kept, { report, sent: false }],
    overwritten: state.overwritten + (full ? state.flash.length - kept.length : 0),
  };
}

/**
 * Sends what may be sent now: a record made while connected at once and alone; of the records made in a dead zone the
 * newest first, then the others oldest first, one batch at a time.
 * @param newestFirst a record was just made, or the connection just came back
 */
export function send(state: LockState, newestFirst: boolean): Stepped {
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

/** Indexes of the oldest records not in flight, as many as one publish may hold. */
function nextBatch(flash: readonly StoredRecord[]): number[] {
  const waiting: number[] = [];
  let bytes = 2;
  for (let i = 0; i < flash.length && waiting.length < MAX_REPORTS_PER_PUBLISH; i++) {
    if (flash[i]!.flight !== undefined) continue;
    // 8 bytes more: a comma, and `kind` may change to a longer word.
    bytes += JSON.stringify(flash[i]!.report).length + 8;
    if (bytes > MAX_PAYLOAD_BYTES) break;
    waiting.push(i);
  }
  return waiting;
}
