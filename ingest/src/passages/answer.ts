import type { PassageAnswer, PassageQuestion } from '@sealwatch/schemas';
import { passageMs } from '../custody/gate-time.ts';
import { decide, type GateVerdict } from '../custody/verdict.ts';
import { requireOwnGate } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { isTester } from '../people/simulated.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inPipelinedTransaction } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import {
  type GateCandidate,
  type GateDecision,
  type GateScene,
  gateScene,
  keepDecision,
} from '../store/passages/gate.ts';
import { getPassage } from '../store/passages/passages.ts';
import type { PassageOutcome } from '../trips/outcome.ts';
import { gateTripOf, type Weighed, weigh } from './candidates.ts';
import { gateAlarms, outcomeOf } from './consequences.ts';
import { lookUps } from './look-up.ts';
import type { Gate, Passed } from './passed.ts';
import { answerOf, rowOf } from './reply.ts';
import { requireSameQuestion } from './reuse.ts';
import { dayOf } from './same-question.ts';

/** How often a decision is made anew because its trip changed while it was made. */
const TRIES = 20;
/** How long a gate waits for a lock to confirm its interval before a person has to look, ms. */
const CONFIRM_WITHIN_MS = 1_500;
const LOOK_AGAIN_MS = 100;

interface Asking {
  deps: UseCaseDeps;
  question: PassageQuestion;
  caller: Principal;
  startedMs: number;
}

/**
 * A gate's question (contract §4): looked up in one statement and decided in memory; what follows from it (write-off,
 * unlock, alarms, audit) is kept in one transaction with it. A repeat gets the answer that was kept, also one that comes
 * while the first is at work: then its own write finds the passage kept, and it looks again.
 * @throws ApiProblem 409 `passage.reused` if the id was used for another question
 */
export async function pass(
  deps: UseCaseDeps,
  gateId: string,
  question: PassageQuestion,
  caller: Principal,
): Promise<Passed> {
  const asking: Asking = { deps, question, caller, startedMs: performance.now() };
  const at = { gateId, direction: question.direction, offices: caller.offices, simulatedOnly: isTester(caller) };
  const read = lookUps(question);
  for (let tries = 0; tries < TRIES; ) {
    const scene = await gateScene(deps.gatePool, at, read);
    if (scene.gate === undefined) throw notFound('gate', gateId);
    const gate = { gateId, ...scene.gate };
    requireOwnGate(caller, gate);
    const settled = await settle(asking, gate, scene);
    if (typeof settled === 'object') return settled;
    // Only a write that failed looks for a kept passage, so that a first question costs no statement more.
    const row = await getPassage(deps.gatePool, { gateId, passageId: question.passageId, day: dayOf(question) });
    if (row !== undefined) {
      await requireSameQuestion(deps, row, question, caller);
      return { row, gate, fresh: false, tripChanged: false, alarmIds: [], lockIds: [] };
    }
    if (settled === 'wait') await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
    else tries++;
  }
  throw new ApiProblem(503, 'gate.busy', 'the trip changes faster than it can be decided on; ask again');
}

/** One look, one decision, one write. `undefined`: something changed in between, and it has to be done again. */
async function settle(asking: Asking, gate: Gate, scene: GateScene): Promise<Passed | 'wait' | undefined> {
  const { deps, question, startedMs } = asking;
  const weighed: Weighed[] = [];
  for (const row of scene.candidates) weighed.push(await weigh(deps, row, question, `gate:${gate.gateId}`));
  const verdict = decide({
    question,
    candidates: weighed.map((one) => gateTripOf(one, question, gate)),
    registeredLocks: scene.registered,
    nowMs: Date.now(),
    ruleText: deps.ruleText,
  });
  const waitsMs = deps.config.gateWaitMs ?? CONFIRM_WITHIN_MS;
  if (isOnlyUnconfirmed(verdict) && performance.now() - startedMs < waitsMs) return 'wait';
  const found = weighed.find(({ row }) => row.trip_id === verdict.tripId);
  const outcome = outcomeOf(verdict, found, question, gate);
  const answer = answerOf(question, verdict, outcome, startedMs, found?.row.units);
  const kept = await keep(asking, gate, { verdict, looked: found?.row, outcome, answer });
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

/** A lock may still confirm its interval: the one thing that a gate waits for. */
const isOnlyUnconfirmed = ({ findings }: GateVerdict): boolean =>
  findings.length > 0 && findings.every((finding) => finding.rule === 'gate.interval-unconfirmed');

interface Decided {
  verdict: GateVerdict;
  looked: GateCandidate | undefined;
  outcome: PassageOutcome;
  answer: PassageAnswer;
}

/** Writes the decision and what follows from it; undefined if the trip is no longer as it was looked at. */
function keep({ deps, question, caller }: Asking, gate: Gate, { verdict, looked, outcome, answer }: Decided) {
  const by = `gate:${gate.gateId}`;
  const decided = { tripId: verdict.tripId, data: { gateId: gate.gateId, ...answer } };
  const entry = { actor: caller.name, action: 'gate.decide', subject: by, after: { question, answer } };
  const decision: GateDecision = {
    gateId: gate.gateId,
    question,
    day: dayOf(question),
    at: new Date(passageMs(verdict.time)).toISOString(),
    answer,
    looked,
    change: outcome.change,
    commands: outcome.commands,
    alarms: gateAlarms(verdict, looked),
    events: [...outcome.events, { type: 'passage.decided', ...decided }],
    entries: [entry, ...outcome.entries],
    by,
  };
  return inPipelinedTransaction(deps.gatePool, (db) => keepDecision(db, decision));
}
