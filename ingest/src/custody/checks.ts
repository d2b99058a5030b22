import type { Check, LockMode, SealState } from '@sealwatch/schemas';
import { compareCode, compareContainer } from './reading.ts';

/** What is known of one lock of a trip when a step is checked. */
export interface LockFacts {
  lockId: string;
  retired: boolean;
  /** Why it is on the black list. */
  blocked?: string;
  /** When its newest record was made, by the platform's clock; undefined: it has never reported. */
  lastTimeMs?: number;
  mode?: LockMode;
  seal?: SealState;
  battery?: { percent?: number; charging?: boolean };
  /** Whether its newest credible fix lies in the place where the step has to happen; undefined: no such place, or no fix. */
  inPlace?: boolean;
  /** The lock has answered `done` to the in-transit interval of this trip, or reports in that mode. */
  intervalConfirmed: boolean;
  /** The lock has answered `done` to this trip's unlock, or shows an open motor after it. */
  unlockConfirmed: boolean;
  /** An unlock of this trip is on its way to it. */
  unlockWaiting: boolean;
}

/** What was read of the truck where the step happens; absent: a person says it matches. */
export interface Reading {
  plate?: string;
  containers?: string[];
  lockIds?: string[];
}

export interface StepFacts {
  nowMs: number;
  units: { containerNo: string; lockId: string }[];
  plates: string[];
  locks: LockFacts[];
  read?: Reading;
  /** Rules of the trip's active alarms that a person has to dispose of. */
  latchedRules: string[];
  /** Those of them that came after the verification. */
  latchedSince: string[];
  /** Whether the destination has verified the seal. */
  verified: boolean;
  /** The person who does the step. */
  by: string;
}

export interface StepLimits {
  /** A lock below this charge is not hung or sealed, percent. */
  minBatteryPercent: number;
  /** A lock whose newest record is older than this is not online, ms. */
  onlineWithinMs: number;
}

/** The lowest charge to travel with is above "very low" (15 %); a lock reports at least every 60 s while awake. */
export const DEFAULT_STEP_LIMITS: StepLimits = { minBatteryPercent: 20, onlineWithinMs: 180_000 };

const named = (check: string, locks: LockFacts[], holdsFor: (lock: LockFacts) => string | undefined): Check => {
  const faults = locks.flatMap((lock) => {
    const fault = holdsFor(lock);
    return fault === undefined ? [] : [`${lock.lockId}: ${fault}`];
  });
  return { check, passed: faults.length === 0, ...(faults.length > 0 ? { detail: faults.join('; ') } : {}) };
};

const battery = (facts: StepFacts, limits: StepLimits) =>
  named('battery', facts.locks, ({ battery }) => {
    if (battery?.charging) return undefined;
    if (battery?.percent === undefined) return 'has not told its charge';
    return battery.percent >= limits.minBatteryPercent
      ? undefined
      : `${battery.percent} %, at least ${limits.minBatteryPercent} % expected`;
  });

const online = (facts: StepFacts, limits: StepLimits) =>
  named('online', facts.locks, ({ lastTimeMs }) => {
    if (lastTimeMs === undefined) return 'has never reported';
    const ageMs = facts.nowMs - lastTimeMs;
    return ageMs <= limits.onlineWithinMs ? undefined : `last record ${Math.round(ageMs / 1000)} s ago`;
  });

const place = (facts: StepFacts) =>
  named('place', facts.locks, ({ inPlace }) => (inPlace === false ? 'is not in the designated place' : undefined));

/** Why a lock is not sealed; undefined if it is: rope inserted, motor locked, cover closed. */
export function unsealedBecause(seal: SealState | undefined): string | undefined {
  if (seal === undefined) return 'has not told its seal state';
  if (seal.rope !== 'inserted') return `rope ${seal.rope ?? 'not told'}`;
  if (seal.motor !== 'locked') return `motor ${seal.motor ?? 'not told'}`;
  return seal.cover === 'closed' ? undefined : `cover ${seal.cover ?? 'not told'}`;
}

const locked = (check: string, facts: StepFacts) => named(check, facts.locks, ({ seal }) => unsealedBecause(seal));

/** Compares codes read with codes declared; no reading means that a person vouches for it. */
function matches(
  check: string,
  read: string[] | undefined,
  declared: string[],
  by: string,
  compare = compareCode,
): Check {
  if (read === undefined) return { check, passed: true, detail: `stated by ${by}` };
  const strange = read.filter((code) => !declared.some((known) => compare(code, known) === 'same'));
  const unread = declared.filter((known) => !read.some((code) => compare(code, known) === 'same'));
  const detail = [
    ...strange.map((code) => `${code} read, not declared`),
    ...unread.map((known) => `${known} declared, not read`),
  ].join('; ');
  return { check, passed: detail === '', ...(detail === '' ? {} : { detail }) };
}

const identity = (facts: StepFacts) => [
  matches(
    'container',
    facts.read?.containers,
    facts.units.map((unit) => unit.containerNo),
    facts.by,
    compareContainer,
  ),
  plateMatches(facts),
];

function plateMatches({ read, plates, by }: StepFacts): Check {
  if (read?.plate === undefined) return { check: 'plate', passed: true, detail: `stated by ${by}` };
  const { plate } = read;
  if (plates.some((known) => compareCode(plate, known) === 'same')) return { check: 'plate', passed: true };
  return { check: 'plate', passed: false, detail: `${plate} read, ${plates.join(' / ')} declared` };
}

const lockNumbers = (facts: StepFacts) =>
  matches(
    'number',
    facts.read?.lockIds,
    facts.units.map((unit) => unit.lockId),
    facts.by,
  );

const blacklist = (facts: StepFacts) =>
  named('blacklist', facts.locks, ({ blocked }) =>
    blocked === undefined ? undefined : `on the black list: ${blocked}`,
  );

export function hangChecks(facts: StepFacts, limits: StepLimits = DEFAULT_STEP_LIMITS): Check[] {
  return [
    named('registered', facts.locks, ({ retired }) => (retired ? 'is retired' : undefined)),
    blacklist(facts),
    named('healthy', facts.locks, ({ seal, lastTimeMs }) => {
      if (lastTimeMs === undefined) return 'has never reported';
      if (seal?.motor === 'stuck') return 'motor stuck';
      if (seal?.rope === 'cut') return 'rope cut';
      return seal?.cover === 'opened' ? 'cover opened' : undefined;
    }),
    battery(facts, limits),
  ];
}

export function sealChecks(facts: StepFacts, limits: StepLimits = DEFAULT_STEP_LIMITS): Check[] {
  return [
    lockNumbers(facts),
    battery(facts, limits),
    online(facts, limits),
    blacklist(facts),
    locked('locked', facts),
    place(facts),
    ...identity(facts),
    named('interval', facts.locks, ({ intervalConfirmed }) =>
      intervalConfirmed ? undefined : 'has not confirmed the in-transit interval',
    ),
  ];
}

/** At the destination a low battery no longer endangers anything; it must only have lasted until here. */
export function verifyChecks(facts: StepFacts): Check[] {
  return [
    lockNumbers(facts),
    battery(facts, { minBatteryPercent: 0, onlineWithinMs: Number.POSITIVE_INFINITY }),
    locked('intact', facts),
    place(facts),
    ...identity(facts),
    alarms(facts.latchedRules),
  ];
}

const alarms = (rules: string[]): Check => ({
  check: 'alarms',
  passed: rules.length === 0,
  ...(rules.length > 0 ? { detail: `to be disposed of: ${rules.join(', ')}` } : {}),
});

/** What must hold before an unlock is sent; whether the lock did it comes after. Of alarms the verification has judged. */
export function unlockChecks(facts: StepFacts): Check[] {
  return [{ check: 'verified', passed: facts.verified }, place(facts), alarms(facts.latchedSince)];
}

export function unlockedCheck(facts: StepFacts): Check {
  return named('unlocked', facts.locks, ({ unlockConfirmed }) =>
    unlockConfirmed ? undefined : 'has not confirmed the unlock',
  );
}
