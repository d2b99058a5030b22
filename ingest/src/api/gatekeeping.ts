import {
  normaliseCode,
  type PassageAnswer,
  type PassageDecision,
  type PassageQuestion,
  readContainerNo,
} from '@sealwatch/schemas';
import { v5 as uuidV5 } from 'uuid';
import type { z } from 'zod';
import { verifyChecks } from '../custody/checks.ts';
import { spellings } from '../custody/reading.ts';
import { move } from '../custody/status.ts';
import { stateByChecks, withStep } from '../custody/steps.ts';
import { decide, type GateTrip, type GateVerdict } from '../custody/verdict.ts';
import { disposalsOf, insertGateAlarm, listAlarms } from '../store/alarms.ts';
import { type AuditEntry, audit } from '../store/audit.ts';
import { wallLocks } from '../store/locks.ts';
import { announce } from '../store/outbox.ts';
import { decidePassage, getPassage, insertPassage, lockPassage, type PassageRow } from '../store/passages.ts';
import { inTransaction, type Queryable } from '../store/queryable.ts';
import { isoOf } from '../store/rows.ts';
import {
  changeTrip,
  gateCandidates,
  getTrip,
  refreshRisk,
  type TripView,
  tripForUpdate,
  tripOf,
} from '../store/trips.ts';
import { orderUnlock } from './acting.ts';
import type { ApiDeps } from './deps.ts';
import { secondPerson } from './people.ts';
import type { Principal } from './principal.ts';
import { ApiProblem, notFound } from './problem.ts';
import { stepFacts } from './stepfacts.ts';

/** Namespace of the ids of alarms that gates raise: the same trip, rule and count of disposals give the same id. */
const GATE_ALARMS = '5a1f6a0e-7d43-5c0a-9a53-1d6c3d0f7b52';

/** What a gate contradicts is an alarm of the trip, for a person to dispose of (domain.md). */
const LATCHING = ['gate.plate', 'gate.container', 'gate.lock', 'gate.lock-unregistered', 'gate.weight'];

/** Where what was read on file might be: all spellings of doubtful characters, so that a doubt still finds its trip. */
async function candidatesOf(db: Queryable, question: PassageQuestion, offices: string[]): Promise<TripView[]> {
  return gateCandidates(db, {
    plates: question.plate === undefined ? [] : spellings(question.plate.text),
    containers: question.containers.flatMap(({ no }) => {
      const read = readContainerNo(no);
      return read.ok ? [read.containerNo] : spellings(no);
    }),
    lockIds: question.lockIds.map(normaliseCode),
    offices,
  });
}

async function gateTripOf(db: Queryable, row: TripView): Promise<GateTrip> {
  const lockIds = row.units.map((unit) => unit.lockId);
  const [locks, alarms] = [
    await wallLocks(db, lockIds),
    await listAlarms(db, { tripId: row.trip_id, active: true, offices: [], limit: 500 }),
  ];
  return {
    tripId: row.trip_id,
    status: row.status,
    risk: row.risk,
    plates: [row.tractor_plate, ...(row.trailer_plate === null ? [] : [row.trailer_plate])],
    units: row.units,
    locks: lockIds.map((lockId) => {
      const lock = locks.find((known) => known.lock_id === lockId);
      const seal = lock?.last_report?.seal as GateTrip['locks'][number]['seal'];
      return { lockId, ...(seal && lock?.last_time ? { seal, sealTimeMs: lock.last_time.getTime() } : {}) };
    }),
    alarms: alarms.map((a) => ({
      rule: a.rule,
      kind: a.kind,
      severity: a.severity,
      provisional: a.phase === 'provisional',
    })),
    ...(row.hold_reason === null ? {} : { holdReason: row.hold_reason }),
    writtenOff: row.written_off_at !== null,
    ...(row.departed_at === null ? {} : { departedAtMs: row.departed_at.getTime() }),
    ...(row.time_limit_min === null ? {} : { timeLimitMin: row.time_limit_min }),
    ...(row.gross_weight_kg === null ? {} : { grossWeightKg: row.gross_weight_kg }),
  };
}

async function judge(deps: ApiDeps, db: Queryable, question: PassageQuestion, caller: Principal) {
  const candidates = await candidatesOf(db, question, caller.offices);
  // Locked before they are looked at, in one order, so that two gates cannot both write one trip off.
  const ids = candidates.map((row) => row.trip_id).sort();
  const rows: TripView[] = [];
  for (const tripId of ids) {
    const row = await tripForUpdate(db, tripId);
    if (row !== undefined) rows.push(row);
  }
  const registered = await wallLocks(db, question.lockIds.map(normaliseCode));
  const trips: GateTrip[] = [];
  for (const row of rows) trips.push(await gateTripOf(db, row));
  const verdict = decide({
    question,
    candidates: trips,
    registeredLocks: registered.map((lock) => lock.lock_id),
    nowMs: Date.now(),
    ruleText: deps.ruleText,
  });
  return { verdict, row: rows.find((row) => row.trip_id === verdict.tripId) };
}

interface WriteOff {
  commandId: string | undefined;
  entries: AuditEntry[];
}

/** Write-off and unlock authorisation; at a trip's end the gate has also verified it. One transaction with the decision. */
async function writeOff(db: Queryable, row: TripView, question: PassageQuestion, by: string): Promise<WriteOff> {
  const at = new Date().toISOString();
  const read = {
    ...(question.plate === undefined ? {} : { plate: question.plate.text }),
    ...(question.containers.length === 0 ? {} : { containers: question.containers.map(({ no }) => no) }),
    ...(question.lockIds.length === 0 ? {} : { lockIds: question.lockIds }),
  };
  const facts = await stepFacts(db, row, 'destination', { by, read });
  const checks = verifyChecks(facts);
  const status = move(row.status, 'verify') ?? row.status;
  await changeTrip(db, row.trip_id, {
    status,
    steps: withStep(row.steps, { step: 'verify', state: stateByChecks(checks), at, checks }),
    verifiedAt: at,
    arrivedAt: question.at,
    writtenOffAt: at,
  });
  const orders = await orderUnlock(db, row, by);
  const after = (await tripForUpdate(db, row.trip_id))!;
  const data = tripOf(after);
  if (status === 'verified' && row.status !== 'verified')
    await announce(db, { type: 'trip.verified', tripId: row.trip_id, data });
  await announce(db, { type: 'trip.written-off', tripId: row.trip_id, data });
  return {
    commandId: orders[0]?.command_id,
    entries: [
      {
        actor: by,
        action: 'trip.write-off',
        subject: `trip:${row.trip_id}`,
        before: { status: row.status },
        after: { status, checks, commands: orders.map((order) => order.command_id) },
      },
    ],
  };
}

async function raiseGateAlarms(
  db: Queryable,
  row: TripView,
  verdict: GateVerdict,
  at: string,
  gateId: string,
): Promise<string[]> {
  const raised: string[] = [];
  for (const { rule, what } of verdict.findings.filter((finding) => LATCHING.includes(finding.rule))) {
    const alarmId = uuidV5(`${row.trip_id} ${rule} ${await disposalsOf(db, row.trip_id, rule)}`, GATE_ALARMS);
    const lockId = row.units[0]?.lockId ?? '';
    const inserted = await insertGateAlarm(db, {
      alarmId,
      tripId: row.trip_id,
      lockId,
      rule,
      at,
      evidence: { gateId, what },
    });
    if (inserted) {
      raised.push(alarmId);
      await announce(db, { type: 'alarm.raised', tripId: row.trip_id, data: { alarmId, rule, gateId, what } });
    }
  }
  if (raised.length > 0) await refreshRisk(db, row.trip_id);
  return raised;
}

export interface Passed {
  row: PassageRow;
  /** Decided now; false: it was decided before, and nothing has changed. */
  fresh: boolean;
  tripId?: string | undefined;
  alarmIds: string[];
  lockIds: string[];
}

/**
 * A gate's question (contract §4): decided, written off, unlocked and kept in one transaction. Repeats of a passage
 * wait for the first and get its answer.
 */
export async function pass(
  deps: ApiDeps,
  gateId: string,
  question: PassageQuestion,
  caller: Principal,
): Promise<Passed> {
  const startedMs = performance.now();
  return inTransaction(deps.pool, async (db) => {
    await lockPassage(db, gateId, question.passageId);
    const earlier = await getPassage(db, gateId, question.passageId);
    if (earlier !== undefined) return { row: earlier, fresh: false, alarmIds: [], lockIds: [] };
    const { verdict, row } = await judge(deps, db, question, caller);
    const by = `gate:${gateId}`;
    const leaves = verdict.verdict === 'release' && row !== undefined && question.direction === 'in';
    const alarmIds = row === undefined ? [] : await raiseGateAlarms(db, row, verdict, question.at, gateId);
    const off = leaves ? await writeOff(db, row, question, by) : undefined;
    const answer: PassageAnswer = {
      passageId: question.passageId,
      verdict: verdict.verdict,
      code: verdict.code,
      lane: verdict.lane,
      ...(verdict.tripId === undefined ? {} : { tripId: verdict.tripId }),
      reasons: verdict.reasons,
      writtenOff: off !== undefined,
      ...(off?.commandId === undefined ? {} : { unlock: { commandId: off.commandId } }),
      display: verdict.display,
      decidedInMs: Math.round((performance.now() - startedMs) * 10) / 10,
    };
    const kept = await insertPassage(db, { gateId, question, answer });
    await announce(db, { type: 'passage.decided', tripId: verdict.tripId, data: { gateId, ...answer } });
    await audit(
      db,
      { actor: caller.name, action: 'gate.decide', subject: `gate:${gateId}`, after: { question, answer } },
      ...(off?.entries ?? []),
    );
    const lockIds = off === undefined ? [] : (row?.units.map((unit) => unit.lockId) ?? []);
    return { row: kept, fresh: true, tripId: verdict.tripId, alarmIds, lockIds };
  });
}

/**
 * A person's decision on a passage. A release against a red trip needs two named people; the same decision again
 * changes nothing, another one is kept over it.
 */
export async function decideByHand(
  deps: ApiDeps,
  at: { gateId: string; passageId: string },
  caller: Principal,
  asked: z.output<typeof PassageDecision>,
): Promise<Passed> {
  return inTransaction(deps.pool, async (db) => {
    await lockPassage(db, at.gateId, at.passageId);
    const passage = await getPassage(db, at.gateId, at.passageId);
    if (passage === undefined) throw notFound('passage', at.passageId);
    if (passage.decision === asked.decision) return { row: passage, fresh: false, alarmIds: [], lockIds: [] };
    const seen = passage.trip_id === null ? undefined : await getTrip(db, passage.trip_id, caller.offices);
    if (passage.trip_id !== null && seen === undefined) throw notFound('passage', at.passageId);
    const trip = seen && (await tripForUpdate(db, seen.trip_id));
    const red = trip?.risk === 2 || passage.verdict === 'alarm';
    const second =
      asked.decision === 'release' && red
        ? await secondPerson(db, caller, asked.secondPerson, ['operator', 'supervisor', 'admin'])
        : undefined;
    const releases = asked.decision === 'release' && trip !== undefined && trip.written_off_at === null;
    if (releases && move(trip.status, 'verify') === undefined && trip.status !== 'verified') {
      throw new ApiProblem(409, 'trip.status', `a trip that is ${trip.status} cannot be written off at a gate`);
    }
    const off =
      releases && passage.question.direction === 'in'
        ? await writeOff(db, trip, passage.question, caller.name)
        : undefined;
    const answer: PassageAnswer = {
      ...passage.answer,
      writtenOff: passage.answer.writtenOff || off !== undefined,
      ...(off?.commandId === undefined ? {} : { unlock: { commandId: off.commandId } }),
    };
    const decision = { decision: asked.decision, by: caller.name, secondBy: second, comment: asked.comment };
    const row = await decidePassage(db, { ...at, answer }, decision);
    const subject = `gate:${at.gateId}`;
    const before = { verdict: passage.verdict, decision: passage.decision };
    await announce(db, {
      type: 'passage.decided',
      tripId: trip?.trip_id,
      data: { gateId: at.gateId, ...answer, decision },
    });
    await audit(
      db,
      {
        actor: caller.name,
        action: 'gate.decide-by-hand',
        subject,
        before,
        after: { passageId: at.passageId, ...decision },
      },
      ...(off?.entries ?? []),
    );
    const lockIds = off === undefined ? [] : (trip?.units.map((unit) => unit.lockId) ?? []);
    return { row, fresh: true, tripId: trip?.trip_id, alarmIds: [], lockIds };
  });
}

export const decidedAt = (row: PassageRow): string => isoOf(row.decided_at);
