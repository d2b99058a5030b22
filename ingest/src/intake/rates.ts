import type { IntakeRecord } from '../record/record.ts';

const SLOTS = 5;

interface Slot {
  second: number;
  records: number;
  lagMs: number;
}

/** Records committed and their lag over the last five whole seconds. */
export class Rates {
  readonly #nowMs: () => number;
  #slots: Slot[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  add(committed: readonly IntakeRecord[]): void {
    const nowMs = this.#nowMs();
    const slot = this.#slot(Math.floor(nowMs / 1000));
    slot.records += committed.length;
    for (const { kind, timeMs } of committed) {
      if (kind !== 'backfill') slot.lagMs = Math.max(slot.lagMs, nowMs - timeMs);
    }
  }

  read(): { reportsPerSecond: number; lagMs: number } {
    const second = Math.floor(this.#nowMs() / 1000);
    const slots = this.#slots.filter((slot) => slot.second >= second - SLOTS && slot.second <= second);
    const whole = slots.filter((slot) => slot.second < second);
    return {
      reportsPerSecond: whole.reduce((sum, slot) => sum + slot.records, 0) / SLOTS,
      lagMs: slots.reduce((most, slot) => Math.max(most, slot.lagMs), 0),
    };
  }

  #slot(second: number): Slot {
    const newest = this.#slots.at(-1);
    if (newest?.second === second) return newest;
    const slot = { second, records: 0, lagMs: 0 };
    this.#slots = [...this.#slots.slice(-SLOTS), slot];
    return slot;
  }
}
