import {
  containerCode,
  normaliseCode,
  type PassageAnswer,
  type PassageQuestion,
  readContainerNo,
  type SealState,
} from '@sealwatch/schemas';
import { v5 as uuidV5 } from 'uuid';
import { type StepFacts, sealChecks } from '../custody/checks.ts';
import type { GateTrip } from '../custody/gate-facts.ts';
import { passageMs } from '../custody/gate-time.ts';
import { spellings } from '../custody/reading.ts';
import { GATE_REASONS } from '../custody/reasons.ts';
import { decide, type GateVerdict } from '../custody/verdict.ts';
import { gateParamsOf } from '../params/resolve.ts';
import { requireOwnGate } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import type { UseCaseDeps } from '../ports.ts';
import { ApiProblem, notFound } from '../problem.ts';
import {
  type GateCandidate,
  type GateReading,
  type GateScene,
  gateScene,
  keepDecision,
} from '../store/passages/gate.ts';
import { getPassage, type PassageRow } from '../store/passages/passages.ts';
import { departure, NOTHING, type PassageOutcome, writeOff } from '../trips/outcome.ts';
import { factsFrom, heardMs } from '../trips/step-facts.ts';
import { readingOf } from './reading.ts';

/** Namespace of the ids of alarms that gates raise: the same trip, rule and count of disposals give the same id. */
const GATE_ALARMS = '5a1f6a0e-7d43-5c0a-9a53-1d6c3d0f7b52';

/** How often a decision is made anew because its trip changed while it was made. */
const TRIES = 20;
/** How long a gate waits for a lock to confirm its interval before a person has to look, ms. */
const CONFIRM_WITHIN_MS = 1_500;
const LOOK_AGAIN_MS = 100;

export interface Gate {
  gateId: string;
  name: string;
  office: string | undefined;
}

export interface Passed {
  row: PassageRow;
  gate: Gate;
  /** Decided now; false: it was decided before, and nothing has changed. */
  fresh: boolean;
  tripId?: string | undefined;
  /** The trip's plan is another one than before. */
  tripChanged: boolean;
  alarmIds: string[];
  /** Locks with a new command. */
  lockIds: string[];
}

/** Where what was read on file might be: all spellings of doubtful characters, so that a doubt still finds its trip. */
function lookUps(question: PassageQuestion): GateReading {
  return {
    plates: question.plate === undefined ? [] : spellings(question.plate.text),
    containers: question.containers.flatMap(({ no }) => {
      const read = readContainerNo(no, { ilu: true });
      return read.ok ? [read.containerNo] : spellings(containerCode(no));
    }),
    lockIds: question.lockIds.map(normaliseCode),
  };
}

interface Weighed {
  row: GateCandidate;
  facts: StepFacts;
}

/** Hung and on its way out of its own origin: it is sealed here, if the checks of sealing hold. */
const sealsHere = (row: GateCandidate, question: PassageQuestion, gate: Gate): boolean =>
  question.direction === 'out' && row.status === 'hung' && isOriginGate(row, gate);

/** A trip goes out at its origin and comes in at its destination; a gate of no office serves every one. */
function belongsHere(row: GateCandidate, { direction }: PassageQuestion, { office }: Gate): boolean {
  return office === undefined || office === (direction === 'out' ? row.origin_office : row.destination_office);
}

const isOriginGate = (row: GateCandidate, gate: Gate): boolean =>
  gate.office === undefined || gate.office === row.origin_office;

function gateTripOf({ row, facts }: Weighed, question: PassageQuestion, gate: Gate): GateTrip {
  return {
    tripId: row.trip_id,
    status: row.status,
    risk: row.risk,
    plates: facts.plates,
    units: row.units,
    locks: row.lock_states.map((lock) => {
      const { lockId, retired, report } = lock;
      const sealTimeMs = heardMs(lock);
      const seal = report?.seal as SealState | undefined;
      return { lockId, ...(seal && sealTimeMs !== undefined && !retired ? { seal, sealTimeMs } : {}) };
    }),
    alarms: row.alarms.map(({ phase, ...alarm }) => ({ ...alarm, provisional: phase === 'provisional' })),
    ...(belongsHere(row, question, gate) ? {} : { otherOffice: gate.office ?? '' }),
    ...(row.hold_reason === null ? {} : { holdReason: row.hold_reason }),
    writtenOff: row.written_off_at !== null,
    ...(row.departed_at === null ? {} : { departedAtMs: row.departed_at.getTime() }),
    ...(row.time_limit_min === null ? {} : { timeLimitMin: row.time_limit_min }),
    ...(row.gross_weight_kg === null ? {} : { grossWeightKg: row.gross_weight_kg }),
    params: gateParamsOf({ platform: row.platform_params, company: row.company_params }),
    ...(sealsHere(row, question, gate) ? { sealing: sealChecks(facts) } : {}),
  };
}

async function weigh(deps: UseCaseDeps, row: GateCandidate, question: PassageQuestion, by: string): Promise<Weighed> {
  const latchedRules = [...new Set(row.alarms.filter((a) => a.kind === 'latched').map((a) => a.rule))].sort();
  const end = question.direction === 'out' ? 'origin' : 'destination';
  const at = { pool: deps.pool, db: deps.pool };
  return { row, facts: await factsFrom(at, row, end, { ...row, latchedRules }, { by, read: readingOf(question) }) };
}

function outcomeOf(
  verdict: GateVerdict,
  found: Weighed | undefined,
  question: PassageQuestion,
  gate: Gate,
): PassageOutcome {
  if (verdict.verdict !== 'release' || found === undefined) return NOTHING;
  const by = `gate:${gate.gateId}`;
  if (question.direction === 'in') return writeOff(found.row, found.facts, verdict.time, by);
  const departs = ['hung', 'sealed'].includes(found.row.status) && isOriginGate(found.row, gate);
  return departs ? departure(found.row, found.facts, verdict.time, by) : NOTHING;
}

function gateAlarms(verdict: GateVerdict, row: GateCandidate | undefined) {
  if (row === undefined) return [];
  return verdict.findings
    .filter((finding) => GATE_REASONS[finding.rule].raisesAlarm)
    .map(({ rule, what }) => ({
      alarmId: uuidV5(`${row.trip_id} ${rule} ${row.disposals[rule] ?? 0}`, GATE_ALARMS),
      lockId: row.units[0]?.lockId ?? '',
      rule,
      what,
    }));
}

function answerOf(
  question: PassageQuestion,
  verdict: GateVerdict,
  outcome: PassageOutcome,
  startedMs: number,
): PassageAnswer {
  const commandId = outcome.commands.find((command) => command.type === 'unlock')?.commandId;
  return {
    passageId: question.passageId,
    verdict: verdict.verdict,
    code: verdict.code,
    lane: verdict.lane,
    ...(verdict.tripId === undefined ? {} : { tripId: verdict.tripId }),
    reasons: verdict.reasons,
    writtenOff: outcome.writtenOff,
    ...(outcome.departed ? { departed: true } : {}),
    ...(commandId === undefined ? {} : { unlock: { commandId } }),
    display: verdict.display,
    decidedInMs: Math.round((performance.now() - startedMs) * 10) / 10,
  };
}

interface Asking {
  deps: UseCaseDeps;
  question: PassageQuestion;
  caller: Principal;
  startedMs: number;
}

/** One look, one decision, one write. `undefined`: something changed in between, and it has to be done again. */
async function settle(asking: Asking, gate: Gate, scene: GateScene): Promise<Passed | 'wait' | undefined> {
  const { deps, question, caller, startedMs } = asking;
  const weighed: Weighed[] = [];
  for (const row of scene.candidates) weighed.push(await weigh(deps, row, question, `gate:${gate.gateId}`));
  const verdict = decide({
    question,
    candidates: weighed.map((one) => gateTripOf(one, question, gate)),
    registeredLocks: scene.registered,
    nowMs: Date.now(),
    ruleText: deps.ruleText,
  });
  const onlyUnconfirmed =
    verdict.findings.length > 0 && verdict.findings.every((finding) => finding.rule === 'gate.interval-unconfirmed');
  if (onlyUnconfirmed && performance.now() - startedMs < (deps.config.gateWaitMs ?? CONFIRM_WITHIN_MS)) return 'wait';
  const found = weighed.find(({ row }) => row.trip_id === verdict.tripId);
  const outcome = outcomeOf(verdict, found, question, gate);
  const answer = answerOf(question, verdict, outcome, startedMs);
  const about = { tripId: verdict.tripId, data: { gateId: gate.gateId, ...answer } };
  const entry = { actor: caller.name, action: 'gate.decide', subject: `gate:${gate.gateId}` };
  const kept = await keepDecision(deps.gatePool, {
    gateId: gate.gateId,
    question,
    at: new Date(passageMs(verdict.time)).toISOString(),
    answer,
    looked: found?.row,
    change: outcome.change,
    commands: outcome.commands,
    alarms: gateAlarms(verdict, found?.row),
    events: [...outcome.events, { type: 'passage.decided', ...about }],
    entries: [{ ...entry, after: { question, answer } }, ...outcome.entries],
    by: `gate:${gate.gateId}`,
  });
  if (kept === undefined) return undefined;
  return {
    row: rowOf(gate, question, answer, kept.decidedAt),
    gate,
    fresh: true,
    tripId: verdict.tripId,
    tripChanged: outcome.change !== undefined || kept.alarmIds.length > 0,
    alarmIds: kept.alarmIds,
    lockIds: outcome.commands.map((command) => command.lockId),
  };
}

const rowOf = (gate: Gate, question: PassageQuestion, answer: PassageAnswer, decidedAt: Date): PassageRow => ({
  gate_id: gate.gateId,
  passage_id: question.passageId,
  decided_at: decidedAt,
  question,
  answer,
  first_answer: null,
  verdict: answer.verdict,
  trip_id: answer.tripId ?? null,
  decision: null,
  decision_by: null,
  second_by: null,
  comment: null,
  decision_at: null,
});

/**
 * A gate's question (contract §4): looked up in one statement and decided in memory; what follows from it (write-off,
 * unlock, alarms, audit) is kept in one transaction with it. A repeat gets the answer that was kept, also one that comes
 * while the first is at work: then its own write finds the passage kept, and it looks again.
 */
export async function pass(
  deps: UseCaseDeps,
  gateId: string,
  question: PassageQuestion,
  caller: Principal,
): Promise<Passed> {
  const asking: Asking = { deps, question, caller, startedMs: performance.now() };
  const at = { gateId, direction: question.direction, offices: caller.offices };
  const read = lookUps(question);
  for (let tries = 0; tries < TRIES; ) {
    const scene = await gateScene(deps.gatePool, at, read);
    if (scene.gate === undefined) throw notFound('gate', gateId);
    const gate = { gateId, ...scene.gate };
    requireOwnGate(caller, gate);
    const settled = await settle(asking, gate, scene);
    if (typeof settled === 'object') return settled;
    // A repeat is told by its write, which finds the passage kept: the first asking pays for no look.
    const row = await getPassage(deps.gatePool, gateId, question.passageId);
    if (row !== undefined) return { row, gate, fresh: false, tripChanged: false, alarmIds: [], lockIds: [] };
    if (settled === 'wait') await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    else tries++;
  }
  throw new ApiProblem(503, 'gate.busy', 'the trip changes faster than it can be decided on; ask again');
}
