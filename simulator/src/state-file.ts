import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const DetourSpec = z.object({
  leaveM: z.number(),
  rejoinM: z.number(),
  side: z.enum(['left', 'right']),
  awayM: z.number(),
  limitKmh: z.number(),
  stopS: z.number().exactOptional(),
});

const OrderSpec = z.object({
  seed: z.number(),
  startMs: z.number(),
  fromM: z.number(),
  toM: z.number(),
  startKmh: z.number(),
  cruiseKmh: z.number(),
  townM: z.object({ start: z.number(), end: z.number() }),
  detours: z.array(DetourSpec),
});

const PapersSpec = z.object({
  declarationNo: z.string(),
  tractorPlate: z.string(),
  trailerPlate: z.string(),
  containerNo: z.string(),
  mechanicalSealNo: z.string(),
});

/** What one truck and its lock must remember from one run of the demo to the next. */
const TruckSpec = z.object({
  lockId: z.string(),
  secret: z.string(),
  /** a new one that the platform has not accepted yet */
  nextSecret: z.string().exactOptional(),
  boot: z.number(),
  useCount: z.number(),
  batteryPercent: z.number(),
  /** newest record made, true time */
  reportedMs: z.number().exactOptional(),
  trip: z
    .object({
      tripId: z.string(),
      orders: z.array(OrderSpec).min(1),
      papers: PapersSpec,
      passageId: z.string().exactOptional(),
    })
    .exactOptional(),
});
export type TruckSpec = z.infer<typeof TruckSpec>;

const FleetSpec = z.object({ v: z.literal(1), seed: z.number(), trips: z.number(), trucks: z.array(TruckSpec) });
export type FleetSpec = z.infer<typeof FleetSpec>;

const FILE = 'demo-fleet.json';

/** The fleet of the earlier run; undefined if there is none. @throws Error naming the file if it cannot be read */
export function loadFleet(folder: string): FleetSpec | undefined {
  const file = join(folder, FILE);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return FleetSpec.parse(JSON.parse(text));
  } catch {
    throw new Error(`${file} cannot be read as the state of a demo fleet: move it away to begin with new locks`);
  }
}

/** Replaces the file atomically; readable by its owner only, because it holds the locks' secrets. */
export function saveFleet(folder: string, fleet: FleetSpec): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, FILE);
  writeFileSync(`${file}.new`, JSON.stringify(fleet), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
