import type { Check, PassageQuestion, PassageReason, PassageVerdict, SealState, TripStatus } from '@sealwatch/schemas';
import { readContainerNo } from '@sealwatch/schemas';
import { unsealedBecause } from './checks.ts';
import { type PassageTime, passageMs, passageTime } from './gate-time.ts';
import { isOneLookAlike } from './look-alikes.ts';
import { DEFAULT_GATE_PARAMS, type GateParams } from './params.ts';
import { compareCode, compareContainer } from './reading.ts';
import { both, DISPLAY, type GateRule, sentenceOf, type Words } from './reasons.ts';
import { EXPECTED_AT_GATE } from './status.ts';
import { failedChecks } from './steps.ts';

/** A lock as the gate finds it in the store. */
export interface GateLock {
  lockId: string;
  seal?: SealState;
  /** When the record with the seal state was made, by the platform's clock. */
  sealTimeMs?: number;
}

export interface GateAlarm {
  rule: string;
  kind: 'edge' | 'level' | 'latched';
  severity: 'info' | 'minor' | 'major' | 'critical';
  provisional: boolean;
}

/** A trip that something at the gate may belong to. */
export interface GateTrip {
  tripId: string;
  status: TripStatus;
  /** 0 green, 1 amber, 2 red */
  risk: 0 | 1 | 2;
  plates: string[];
  units: { containerNo: string; lockId: string }[];
  /** In the order of the units. */
  locks: GateLock[];
  /** Active ones. */
  alarms: GateAlarm[];
  /** The checks of sealing, of a trip that is hung and leaves its origin by this gate: it is sealed here. */
  sealing?: Check[];
  holdReason?: string;
  /** The office of this gate, if the trip does not pass there in this direction. */
  otherOffice?: string;
  writtenOff: boolean;
  departedAtMs?: number;
  timeLimitMin?: number;
  /** Declared weight of the whole vehicle, kg. */
  grossWeightKg?: number;
  /** Of its platform and company when it was declared; absent: the defaults. */
  params?: GateParams;
}

export interface GateLimits {
  /** A seal state older than this is no longer a seal state, ms. */
  sealFreshMs: number;
  /** Beyond the time limit by this share the truck is inspected. */
  overdueShare: number;
}

/** Sealed locks report every 30 s; one that has been silent for 10 min has missed twenty reports. */
export const DEFAULT_GATE_LIMITS: GateLimits = {
  sealFreshMs: 600_000,
  overdueShare: 0.5,
};

export interface GateFacts {
  question: PassageQuestion;
  /** Open trips that anything read might belong to; the office binding is already applied. */
  candidates: GateTrip[];
  /** Which of the lock ids that were read are registered and not retired. */
  registeredLocks: string[];
  /** When the platform received the question, epoch ms. */
  nowMs: number;
  /** Words of the rules behind a trip's alarms. */
  ruleText?: ((rule: string) => Words | undefined) | undefined;
}

/** What a reason demands: a person's look (`manual`), or the inspection lane (`alarm`). */
export type Weight = 'manual' | 'alarm';
export interface Finding {
  rule: GateRule;
  weight: Weight;
  what: string;
  laneCode?: string;
}

export interface GateVerdict {
  verdict: PassageVerdict;
  code: 'Y' | 'M' | 'N';
  lane: 'fast' | 'manual' | 'inspection';
  tripId?: string;
  reasons: PassageReason[];
  findings: Finding[];
  display: string;
  /** When the truck was at the gate. */
  time: PassageTime;
}

const found = (rule: GateRule, weight: Weight, what = '', laneCode?: string): Finding => ({
  rule,
  weight,
  what,
  ...(laneCode === undefined ? {} : { laneCode }),
});

/**
 * The gate's decision: which trip is at the barrier and whether it may pass (docs/rules.md, "The gate").
 * Nothing found: Y, fast lane. Something a person must look at: M. Anything that contradicts the trip, a seal that is
 * not intact or a red trip: N. What was not read is a reason, too.
 */
export function decide(facts: GateFacts, limits: GateLimits = DEFAULT_GATE_LIMITS): GateVerdict {
  const { question } = facts;
  const { trip, doubts } = match(facts);
  const { toleranceMin } = (trip?.params ?? DEFAULT_GATE_PARAMS)['gate.clock'];
  const time = passageTime(question.at, facts.nowMs, toleranceMin);
  const findings = [...clock(time), ...doubts, ...unregistered(facts)];
  if (trip !== undefined) {
    findings.push(
      ...identity(facts.question, trip, facts.registeredLocks),
      ...permission(trip, facts.question.direction),
      ...risk(trip),
      ...seals(trip, facts.nowMs, limits),
      ...timeLimit(trip, passageMs(time), limits),
      ...weight(facts.question, trip),
    );
  }
  return { ...answer(findings, trip, facts.ruleText), time };
}

function clock({ atMs, receivedMs, clockWrong }: PassageTime): Finding[] {
  if (!clockWrong) return [];
  return [
    found('gate.clock', 'manual', `${atMs > receivedMs ? '+' : ''}${Math.round((atMs - receivedMs) / 60_000)} min`),
  ];
}

function answer(
  findings: Finding[],
  trip: GateTrip | undefined,
  ruleText: GateFacts['ruleText'],
): Omit<GateVerdict, 'time'> {
  const verdict = findings.some((f) => f.weight === 'alarm') ? 'alarm' : findings.length > 0 ? 'manual' : 'release';
  return {
    verdict,
    code: ({ release: 'Y', manual: 'M', alarm: 'N' } as const)[verdict],
    lane: ({ release: 'fast', manual: 'manual', alarm: 'inspection' } as const)[verdict],
    ...(trip === undefined ? {} : { tripId: trip.tripId }),
    reasons: findings.map((finding) => ({
      rule: finding.rule,
      text: both(sentenceOf(finding.rule, finding.what, ruleText)),
      ...(finding.laneCode === undefined ? {} : { laneCode: finding.laneCode }),
    })),
    findings,
    display: DISPLAY[verdict],
  };
}

/** How much of what was read belongs to a trip; a lock says more than a box, a box more than a plate. */
function likeness(question: PassageQuestion, trip: GateTrip): number {
  const locks = question.lockIds.filter((id) => trip.units.some((unit) => compareCode(id, unit.lockId) === 'same'));
  const boxes = question.containers.filter(({ no }) =>
    trip.units.some((unit) => compareContainer(no, unit.containerNo) !== 'different'),
  );
  const { plate } = question;
  const plates = plate === undefined ? 0 : trip.plates.some((p) => compareCode(plate.text, p) !== 'different') ? 1 : 0;
  return locks.length * 4 + boxes.length * 2 + plates;
}

function match(facts: GateFacts): { trip?: GateTrip; doubts: Finding[] } {
  const { question } = facts;
  const ranked = facts.candidates
    .map((trip) => ({ trip, score: likeness(question, trip) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  const [best, second] = ranked;
  if (best === undefined) return { doubts: [noTrip(question)] };
  if (second?.score === best.score) {
    const which = ranked.filter(({ score }) => score === best.score).map(({ trip }) => trip.tripId);
    return { doubts: [found('gate.ambiguous', 'manual', which.join(', '))] };
  }
  return { trip: best.trip, doubts: [] };
}

/** Nothing on file: an alarm where something was read for sure, a person's task where every reading is in doubt. */
function noTrip({ plate, containers, lockIds }: PassageQuestion): Finding {
  const sure =
    plate?.confident === true ||
    lockIds.length > 0 ||
    containers.some(({ no, confident }) => confident && readContainerNo(no).ok);
  const read = [plate?.text, ...containers.map(({ no }) => no), ...lockIds].filter(Boolean).join(', ');
  return found('gate.no-trip', sure ? 'alarm' : 'manual', read === '' ? 'nothing read' : read, 'z');
}

function unregistered({ question, registeredLocks }: GateFacts): Finding[] {
  return question.lockIds
    .filter((id) => !registeredLocks.some((known) => compareCode(id, known) === 'same'))
    .map((id) => found('gate.lock-unregistered', 'alarm', id, 'x'));
}

function identity(question: PassageQuestion, trip: GateTrip, registered: string[]): Finding[] {
  return [...plate(question, trip), ...containers(question, trip), ...locks(question, trip, registered)];
}

function plate({ plate }: PassageQuestion, trip: GateTrip): Finding[] {
  if (plate === undefined) return [found('gate.plate-missing', 'manual')];
  const likest = trip.plates.map((known) => compareCode(plate.text, known));
  if (likest.includes('same')) return [];
  const what = `${plate.text} ≠ ${trip.plates.join(' / ')}`;
  const isMisread = trip.plates.some((known) => isOneLookAlike(plate.text, known));
  if (likest.includes('doubtful') || isMisread || !plate.confident)
    return [found('gate.plate-doubtful', 'manual', what)];
  return [found('gate.plate', 'alarm', what)];
}

function containers(question: PassageQuestion, trip: GateTrip): Finding[] {
  const declared = trip.units.map((unit) => unit.containerNo);
  const same = (no: string) => question.containers.some((read) => compareContainer(read.no, no) === 'same');
  const strange = question.containers.filter(
    (read) => !declared.some((no) => compareContainer(read.no, no) === 'same'),
  );
  const unread = declared.filter((no) => !same(no));
  const what = (no: string) => `${no} ≠ ${unread.length > 0 ? unread.join(' / ') : declared.join(' / ')}`;
  const ilu = declared.some((no) => readContainerNo(no, { ilu: true }).ok && !readContainerNo(no).ok);
  const mismatches = strange.map(({ no, confident }) => {
    const doubtful = declared.some((known) => compareContainer(no, known) === 'doubtful');
    // A number that fails its own check digit is a misreading, however sure the camera was.
    if (doubtful || !confident || !readContainerNo(no, { ilu }).ok)
      return found('gate.container-doubtful', 'manual', what(no));
    return found('gate.container', 'alarm', what(no));
  });
  // Each unknown number counts as a wrong reading of an expected one; only the remaining ones were not read.
  const missing = unread.slice(strange.length).map((no) => found('gate.container-missing', 'manual', no));
  return [...mismatches, ...missing];
}

function locks(question: PassageQuestion, trip: GateTrip, registered: string[]): Finding[] {
  const declared = trip.units.map((unit) => unit.lockId);
  const strange = question.lockIds.filter((id) => !declared.some((known) => compareCode(id, known) === 'same'));
  const unread = declared.filter((known) => !question.lockIds.some((id) => compareCode(id, known) === 'same'));
  // A lock that is not registered has been named already.
  const known = strange.filter((id) => registered.some((lock) => compareCode(id, lock) === 'same'));
  return [
    ...known.map((id) => found('gate.lock', 'alarm', `${id} ≠ ${declared.join(' / ')}`)),
    ...unread.slice(strange.length).map((id) => found('gate.lock-missing', 'manual', id)),
  ];
}

function permission(trip: GateTrip, direction: 'in' | 'out'): Finding[] {
  const findings: Finding[] = [];
  if (trip.holdReason !== undefined) findings.push(found('gate.hold', 'alarm', trip.holdReason, 'w'));
  if (trip.otherOffice !== undefined) findings.push(found('gate.other-office', 'manual', trip.otherOffice));
  if (trip.status === 'declared') findings.push(found('gate.no-release', 'alarm', '', 'z'));
  else if (trip.writtenOff) findings.push(found('gate.written-off', 'manual'));
  else if (trip.sealing !== undefined) findings.push(...sealing(trip.sealing));
  else if (!EXPECTED_AT_GATE[direction].includes(trip.status))
    findings.push(found('gate.not-under-way', 'manual', trip.status));
  return findings;
}

/** What the gate sees for itself when it seals; its own readings say it better. */
const SEEN_BY_GATE = ['number', 'container', 'plate', 'locked'];

/** Why the gate cannot seal: a person has to look, at the lock or at the trip. */
function sealing(checks: Check[]): Finding[] {
  return failedChecks(checks)
    .filter(({ check }) => !SEEN_BY_GATE.includes(check))
    .map(({ check, detail = '' }) =>
      check === 'interval'
        ? found('gate.interval-unconfirmed', 'manual', detail, '1')
        : found('gate.seal-check', 'manual', `${check}: ${detail}`, '1'),
    );
}

/** The trip's risk 0 → Y, 1 → M, 2 → N; the alarms behind it are the reasons. */
function risk({ risk, alarms }: GateTrip): Finding[] {
  const waiting = alarms.filter((a) => a.provisional && a.severity === 'critical');
  const firm = alarms.filter((a) => !a.provisional);
  const named = (list: GateAlarm[]) => [...new Set(list.map((a) => a.rule))].sort();
  const findings = named(waiting).map((rule) => found('gate.alarm-provisional', 'manual', rule));
  if (risk === 2) {
    const behind = named(firm.filter((a) => a.kind === 'latched' && a.severity === 'critical'));
    for (const rule of behind.length > 0 ? behind : ['red']) findings.push(found('gate.trip-flagged', 'alarm', rule));
  } else if (risk === 1) {
    const behind = named(firm.filter((a) => a.severity === 'major' || a.severity === 'critical'));
    for (const rule of behind.length > 0 ? behind : ['amber']) findings.push(found('gate.trip-amber', 'manual', rule));
  }
  return findings;
}

function seals(trip: GateTrip, nowMs: number, limits: GateLimits): Finding[] {
  return trip.locks.flatMap(({ lockId, seal, sealTimeMs }) => {
    if (seal === undefined || sealTimeMs === undefined) return [found('seal.unknown', 'manual', lockId)];
    const fault = unsealedBecause(seal);
    if (fault !== undefined) return [found('seal.not-intact', 'alarm', `${lockId} ${fault}`, '1')];
    const ageMs = nowMs - sealTimeMs;
    if (ageMs <= limits.sealFreshMs) return [];
    return [found('seal.stale', 'manual', `${lockId} ${Math.round(ageMs / 60_000)} min`)];
  });
}

function timeLimit(trip: GateTrip, atMs: number, limits: GateLimits): Finding[] {
  if (trip.departedAtMs === undefined || trip.timeLimitMin === undefined) return [];
  const overMin = (atMs - trip.departedAtMs) / 60_000 - trip.timeLimitMin;
  if (overMin <= 0) return [];
  const far = overMin > trip.timeLimitMin * limits.overdueShare;
  return [found('time.overdue', far ? 'alarm' : 'manual', `${Math.round(overMin)} min`)];
}

function weight(question: PassageQuestion, trip: GateTrip): Finding[] {
  if (trip.grossWeightKg === undefined) return [];
  if (question.grossWeightKg === undefined) return [found('gate.weight-missing', 'manual', '', 'q')];
  const differenceKg = Math.abs(question.grossWeightKg - trip.grossWeightKg);
  const tolerance = (trip.params ?? DEFAULT_GATE_PARAMS)['gate.weight'];
  if (differenceKg <= Math.max(tolerance.toleranceKg, trip.grossWeightKg * tolerance.toleranceShare)) return [];
  return [found('gate.weight', 'alarm', `${question.grossWeightKg} kg ≠ ${trip.grossWeightKg} kg`, 'q')];
}
