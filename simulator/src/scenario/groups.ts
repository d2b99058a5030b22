import { randomStream } from '../random.ts';
import type { Line, LineName } from './line.ts';
import { loadLine } from './line.ts';
import type { Scenario } from './scenario.ts';
import { shareTrips } from './scenario.ts';
import type { TripScript } from './trip-script.ts';
import { scriptTrips } from './trip-script.ts';

/** The locks of one vehicle and the scripts that they play. */
export interface Group {
  lockIds: string[];
  lines: LineName[];
  scripts(): TripScript[];
}

/** A lock id that is new in every run, so that one platform can be tested repeatedly. */
export function lockName(seed: number, startMs: number, index: number): string {
  const run = randomStream(seed, `run/${startMs}`).whole(0, 36 ** 6 - 1);
  return `SM${run.toString(36).toUpperCase().padStart(6, '0')}${String(index).padStart(6, '0')}`;
}

const AT_GATE_BEFORE_MS = 130_000;
const GATE_SPREAD_S = 600;
/** Time to register, connect and send the past before the first live record is due. */
const LIVE_AFTER_MS = 3_000;

/** What will be played: the same scenario, seed and start give the same scripts. */
export function groupsOf(scenario: Scenario, trips: number, seed: number, startMs: number): Group[] {
  const lines = new Map<LineName, Line>();
  const counts = shareTrips(scenario.parts, trips);
  const groups: Group[] = [];
  for (const [part, count] of counts.entries()) {
    const { name, plain } = scenario.parts[part]!;
    const line = lines.get(plain.line) ?? loadLine(plain.line);
    lines.set(plain.line, line);
    for (let i = 0; i < count; i++) {
      const index = groups.length;
      const lockIds = Array.from({ length: plain.boxes }, (_, box) => lockName(seed, startMs, index * 2 + box));
      // Trucks reach the gate one after another in the last ten minutes, two of them before the start.
      const staggerMs = plain.train ? 0 : ((index * 37) % GATE_SPREAD_S) * 1_000;
      const endMs = plain.live ? startMs + LIVE_AFTER_MS : startMs - AT_GATE_BEFORE_MS - staggerMs;
      const wagon = plain.train ? { wagon: { index: i, of: count, trainSeed: seed * 100_000 + part } } : {};
      const plan = { line, scenario: name, plain, seed: seed * 100_000 + index, lockIds, endMs, ...wagon };
      groups.push({ lockIds, lines: [plain.line], scripts: () => scriptTrips(plan) });
    }
  }
  return groups;
}
