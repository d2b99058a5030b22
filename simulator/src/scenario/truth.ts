import type { Act, Plain } from './scenario.ts';
import type { Span } from './world.ts';

/** An event that truly happened and must raise an alarm. */
export interface Expectation {
  rule: string;
  /** true beginning and end, epoch ms */
  span: Span;
}

/** The truth about one trip, known because the simulator made its events. */
export interface TripTruth {
  scenario: string;
  expected: Expectation[];
  /** rules that may or may not raise an alarm here, because it is not certain that their condition was met */
  tolerated: string[];
  verdict: 'release' | 'manual' | 'alarm' | 'unasked';
  /** identity (`lockId/boot/seq`) of each acknowledged record that the platform must show */
  acknowledged: string[];
  /** number of records and payloads that must be in quarantine */
  quarantined: number;
  /** the driven line, thinned out: `[lon, lat]` */
  way?: [number, number][];
}

/** Rules whose alarm is critical and latched, or latched major, by domain knowledge: they decide the gate's answer. */
const CRITICAL = new Set([
  'route.deviation',
  'seal.rope-cut',
  'seal.opened-in-transit',
  'seal.case-opened',
  'seal.identity-mismatch',
  'pair.separation',
]);
const LATCHED_MAJOR = new Set(['comms.jamming', 'comms.second-connection']);

/** Rules about late delivery; always tolerated, because records are sent late and all at once. */
const OF_DELIVERY = ['comms.late-batch', 'comms.silent', 'comms.sequence-gap', 'time.overdue'];

const TOLERATED: Record<string, readonly string[]> = {
  'no-sky': ['comms.no-fix'],
  'cell-only': ['comms.no-fix'],
  jam: ['comms.no-fix', 'comms.jamming'],
  clock: ['comms.clock'],
  rope: ['seal.opened-in-transit', 'seal.rope-cut', 'seal.reclosed', 'seal.unlocked-outside-place'],
  'case-opened': ['seal.opened-in-transit', 'seal.reclosed'],
  'illegal-card': ['seal.unauthorised-card'],
  'wrong-password': ['seal.wrong-password'],
  clone: ['seal.identity-mismatch', 'motion.impossible', 'comms.sequence-gap'],
  battery: ['power.low', 'power.very-low', 'power.deep-sleep'],
  detour: ['route.required-point-missed'],
  jumps: ['motion.impossible'],
  'motor-stuck': ['seal.motor-stuck'],
  vanish: ['comms.no-fix', 'comms.jamming', 'time.unaccounted'],
  halt: ['time.unapproved-stop'],
  'leave-lock': ['time.unapproved-stop'],
};

export function toleratedOf(acts: readonly Pick<Act, 'do'>[]): string[] {
  return [...new Set([...OF_DELIVERY, ...acts.flatMap((act) => TOLERATED[act.do] ?? [])])];
}

/** The right gate verdict for the true events. */
export function rightVerdict(plain: Plain, expected: readonly Expectation[]): TripTruth['verdict'] {
  return plain.verdict ?? verdictFor(expected);
}

export function verdictFor(expected: readonly Expectation[]): 'release' | 'manual' | 'alarm' {
  if (expected.some(({ rule }) => CRITICAL.has(rule))) return 'alarm';
  return expected.some(({ rule }) => LATCHED_MAJOR.has(rule)) ? 'manual' : 'release';
}
