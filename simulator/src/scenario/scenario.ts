import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';
import { LINES } from './line.ts';

const Km = z.number().min(1).max(5_000).describe('kilometres from the start of the planned road');
const Stretch = { fromKm: Km, toKm: Km };

/** What a truck, its lock or its surroundings do on the way. Kilometres are shifted by `spreadKm` from trip to trip. */
export const Act = z.discriminatedUnion('do', [
  z.strictObject({
    do: z.literal('detour').describe('leaves the road at the next possible place and comes back'),
    atKm: Km,
    lengthKm: z.number().min(2).max(200).default(12.5).describe('how much of the planned road is missed'),
    awayM: z.number().min(400).max(20_000).default(1_300),
  }),
  z.strictObject({
    do: z.literal('service-stop').describe('rests at an allowed stop of the route'),
    area: z.enum(['A', 'B', 'border']).describe('A and B on the road, border on the railway'),
    minutes: z.number().positive().max(600),
  }),
  z.strictObject({
    do: z.literal('halt').describe('stops on the road outside allowed stops'),
    atKm: Km,
    minutes: z.number().positive().max(600),
  }),
  z.strictObject({ do: z.literal('dead-zone').describe('no radio: records stay in flash'), ...Stretch }),
  z.strictObject({ do: z.literal('no-sky').describe('a tunnel: reports without a fix'), ...Stretch }),
  z.strictObject({
    do: z.literal('cell-only').describe('cell positions, 500–2000 m off, instead of GNSS'),
    ...Stretch,
  }),
  z.strictObject({
    do: z.literal('jam').describe('a jammer: no fix, no radio, and the lock reports jamming afterwards'),
    ...Stretch,
  }),
  z.strictObject({ do: z.literal('clock').describe('the lock is a day ahead'), ...Stretch }),
  z.strictObject({
    do: z.literal('multipath').describe('high walls or cranes: the fix drifts slowly, and claims 2 m'),
    ...Stretch,
    awayM: z.number().min(5).max(160).default(60),
  }),
  z.strictObject({
    do: z.literal('jumps').describe('now and then one fix far away that claims 2 m'),
    ...Stretch,
    awayM: z.number().min(200).max(20_000).default(800),
    oneIn: z.int().min(5).max(1_000).default(12),
  }),
  z.strictObject({ do: z.literal('rope'), atKm: Km, to: z.enum(['pulled', 'cut']) }),
  z.strictObject({ do: z.literal('case-opened'), atKm: Km }),
  z.strictObject({
    do: z.literal('motor-stuck').describe("the lock's motor neither locks nor unlocks any more"),
    atKm: Km,
  }),
  z.strictObject({ do: z.literal('vanish').describe('the lock sends nothing from there on'), atKm: Km }),
  z.strictObject({ do: z.literal('illegal-card'), atKm: Km, times: z.int().min(1).max(20).default(1) }),
  z.strictObject({ do: z.literal('wrong-password'), atKm: Km, times: z.int().min(1).max(50).default(5) }),
  z.strictObject({ do: z.literal('reboot'), atKm: Km }),
  z.strictObject({ do: z.literal('clone').describe('a second device sends as this lock'), atKm: Km }),
  z.strictObject({ do: z.literal('malformed').describe('payloads that cannot be read, among good ones'), atKm: Km }),
  z.strictObject({
    do: z.literal('battery').describe('nearly empty at the start'),
    percent: z.number().min(0).max(100),
    percentPerHour: z.number().min(0).max(100).default(10),
  }),
  z.strictObject({
    do: z.literal('lose-acks').describe('acknowledgements that never arrive: the same record again'),
    share: z.number().min(0).max(1),
  }),
  z.strictObject({ do: z.literal('leave-lock').describe('the lock of the second box stays behind'), atKm: Km }),
]);
export type Act = z.infer<typeof Act>;

export const Thresholds = z
  .strictObject({
    recall: z.number().min(0).max(1).default(1).describe('least share of what truly happened that was raised'),
    falseCriticalPer1000: z.number().min(0).default(0).describe('critical alarms without a cause, per 1,000 trips'),
    missing: z.int().min(0).default(0).describe('records acknowledged that the platform does not show'),
    storedTwice: z.int().min(0).default(0),
    wrongVerdicts: z.int().min(0).default(0),
    gateP95Ms: z.number().positive().exactOptional().describe("slowest the gate's own decision may be, 95 of 100"),
  })
  .prefault({});
export type Thresholds = z.infer<typeof Thresholds>;

const About = z.strictObject({ en: z.string().min(1), zh: z.string().min(1) });

const Plain = z.strictObject({
  about: About,
  trips: z.int().min(1).max(10_000).default(5),
  line: z.enum(LINES).default('road'),
  boxes: z.int().min(1).max(2).default(1),
  /** all trips are wagons of one train: the same motion, one behind the other */
  train: z.boolean().default(false),
  /** no fix on long stretches of the line without a vertex: straight tunnels */
  tunnels: z.boolean().default(false),
  /** the end of the trip is played at real speed: `leadS` before something happens, for `seconds`, and no further */
  live: z
    .strictObject({ leadS: z.number().min(-3_600).max(600).default(5), seconds: z.number().min(10).max(3_600) })
    .exactOptional(),
  intervalS: z.int().min(5).max(3_600).default(30),
  spreadKm: z.number().min(0).max(50).default(5),
  /** the lock is used on another trip before its blind-area records are sent */
  reusedAtOnce: z.boolean().default(false),
  /** every trip is played at the same time, whatever the load */
  allAtOnce: z.boolean().default(false),
  acts: z.array(Act).max(50).default([]),
  verdict: z
    .enum(['release', 'manual', 'alarm', 'unasked'])
    .exactOptional()
    .describe(
      'the right gate verdict, if it does not follow from the acts; unasked: the truck does not reach the gate',
    ),
  thresholds: Thresholds,
});

const Mixed = z.strictObject({
  about: About,
  trips: z.int().min(1).max(10_000).default(100),
  mix: z.record(z.string(), z.number().positive()),
  thresholds: Thresholds,
});

/** A scenario file; see simulator/scenarios/README.md. */
export const ScenarioFile = z.union([Plain, Mixed]);
export type Plain = z.infer<typeof Plain>;

export interface Scenario {
  name: string;
  about: z.infer<typeof About>;
  trips: number;
  thresholds: Thresholds;
  /** what is played, and its share of the trips */
  parts: { name: string; weight: number; plain: Plain }[];
}

const FOLDER = fileURLToPath(new URL('../../scenarios/', import.meta.url));

export function scenarioNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => basename(file, '.yaml'))
    .sort();
}

function readScenarioFile(name: string): z.infer<typeof ScenarioFile> {
  const file = /[./\\]/.test(name) ? name : join(FOLDER, `${name}.yaml`);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new Error(
      `no scenario ${name}; there are: list, demo, load, ${scenarioNames().join(', ')}, or the path of a .yaml file`,
    );
  }
  const json: unknown = parse(text);
  const mixed = typeof json === 'object' && json !== null && 'mix' in json;
  const read = mixed ? Mixed.safeParse(json) : Plain.safeParse(json);
  if (read.success) return read.data;
  const lines = read.error.issues.map((issue) => `  ${issue.path.join('.') || '(file)'}: ${issue.message}`);
  throw new Error(`${file} is not a scenario:\n${lines.join('\n')}`);
}

/**
 * @param name of a built-in scenario, or the path of a YAML file
 * @throws Error naming each bad field
 */
export function loadScenario(name: string): Scenario {
  const file = readScenarioFile(name);
  const { about, trips, thresholds } = file;
  if (!('mix' in file)) return { name, about, trips, thresholds, parts: [{ name, weight: 1, plain: file }] };
  const parts = Object.entries(file.mix).map(([part, weight]) => {
    const plain = readScenarioFile(part);
    if ('mix' in plain) throw new Error(`${name}: ${part} is itself a mix`);
    return { name: part, weight, plain };
  });
  return { name, about, trips, thresholds, parts };
}

/** Trips per part: by weight, at least one each if there are enough. */
export function shareTrips(parts: readonly { weight: number }[], trips: number): number[] {
  const total = parts.reduce((sum, part) => sum + part.weight, 0);
  const counts = parts.map((part) =>
    Math.max(trips >= parts.length ? 1 : 0, Math.floor((trips * part.weight) / total)),
  );
  const heaviest = parts.reduce((best, part, i) => (part.weight > parts[best]!.weight ? i : best), 0);
  counts[heaviest]! += trips - counts.reduce((sum, count) => sum + count, 0);
  return counts;
}
