import { report } from '../intake/rig.ts';
import { chanceOf } from './chance.ts';

export type SentRecord = ReturnType<typeof report>;

/** One publish of a lock: records, or bytes that are no report. */
export interface Sending {
  payload: string;
  records: SentRecord[];
}

/** Between records, on average. */
export const STEP_MS = 30_000;

/**
 * When record number `i` is made. Uneven steps: where a busy machine receives every record as long after the one before as it
 * was made, a clock that is slow by the same amount is what the platform has to believe (record/clock.ts).
 */
const madeMs = (startMs: number, i: number): number => startMs + i * STEP_MS + (i % 2) * 20_000;
const GARBAGE = [
  'no json',
  '{"v":1}',
  '[]',
  '{"v":1,"boot":1,"seq":1,"time":"2026-01-01T00:00:00Z","position":{"lon":NaN}}',
];

/**
 * What one lock has to tell of one journey: a detour, an opened seal, a restart, numbers that wrap; in single reports and
 * arrays, with stretches held back and sent late, with repetitions and with garbage between.
 */
export function journeyOf(seed: number, count: number, startMs: number): Sending[] {
  const chance = chanceOf(seed);
  const records = numbered(chance, count, startMs);
  const sendings: Sending[] = [];
  const held: { due: number; sending: Sending }[] = [];
  for (let at = 0; at < records.length; ) {
    const size = chance() < 0.3 ? 1 + Math.floor(chance() * 12) : 1;
    const group = records.slice(at, at + size);
    at += size;
    if (chance() < 0.15) held.push({ due: at + Math.floor(chance() * 60), sending: sendingOf(asBackfill(group)) });
    else sendings.push(sendingOf(group));
    if (chance() < 0.1) sendings.push(sendingOf(asBackfill(records.slice(Math.max(0, at - 5), at - size))));
    if (chance() < 0.05) sendings.push({ payload: GARBAGE[Math.floor(chance() * GARBAGE.length)] ?? '', records: [] });
    for (const late of held.filter(({ due }) => due <= at)) sendings.push(late.sending);
    held.splice(0, held.length, ...held.filter(({ due }) => due > at));
  }
  return [...sendings, ...held.map(({ sending }) => sending)];
}

function numbered(chance: () => number, count: number, startMs: number): SentRecord[] {
  const restartAt = Math.floor(count * (0.2 + chance() * 0.6));
  const first = chance() < 0.5 ? 0 : 2 ** 32 - 1 - Math.floor(chance() * restartAt);
  return Array.from({ length: count }, (_, i) => {
    const share = i / count;
    const number = i < restartAt ? { boot: 1, seq: (first + i) >>> 0 } : { boot: 2, seq: i - restartAt };
    const opened = share > 0.7 && share < 0.72;
    return report(number.seq, madeMs(startMs, i), 120.02 + i * 0.0008, {
      boot: number.boot,
      offM: share > 0.35 && share < 0.45 ? 900 : 0,
      ...(opened ? { seal: { rope: 'pulled', motor: 'unlocked', cover: 'closed', useCount: 8 } } : {}),
    });
  });
}

function sendingOf(records: SentRecord[]): Sending {
  return { payload: JSON.stringify(records.length === 1 ? records[0] : records), records };
}

function asBackfill(records: SentRecord[]): SentRecord[] {
  return records.map((record) => ({ ...record, kind: 'backfill' }));
}
