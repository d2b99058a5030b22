import { MovedError, StoppingError } from '../ports.ts';
import { peek } from '../record/decode.ts';
import { BatchGate } from './batch-gate.ts';
import { type BatchSteps, Committer } from './committer.ts';
import type { Intake, IntakeDeps } from './contract.ts';
import { judgeBatch } from './judge.ts';
import { isPartOf, JunkBound } from './junk-bound.ts';
import { Lanes, type Publish } from './lanes.ts';
import { LeftOutNotes } from './left-out-notes.ts';
import { LivenessTimer } from './liveness-timer.ts';
import { countBatch, intakeMetrics } from './metrics.ts';
import { Notifier } from './notifier.ts';
import { PlanChanges } from './plan-changes.ts';
import { PlatformClock } from './platform-clock.ts';
import { Roster } from './roster.ts';
import type { Settled } from './settled.ts';
import { TripChanges } from './trip-changes.ts';
import { writeAgain, writeBatch } from './write.ts';

export type { Intake, IntakeDeps } from './contract.ts';

/*
 * The way of a report: receive → lanes → judge → commit → publish → acknowledge, in this order below. `BatchGate` takes
 * the batches from the lanes; `Committer` says when each step of a batch runs and what follows when one fails.
 */

function receiving({ gate, lanes, metrics, nowMs }: Parts): Intake['receive'] {
  return (lockId, payload, done, receivedMs = nowMs()) => {
    if (gate.stopping) return done(new StoppingError('the platform is stopping'));
    metrics.publishes.inc();
    lanes.add({ lockId, raw: payload, receivedMs, done, ...peek(payload) });
    gate.wake();
  };
}

function batchSteps(parts: StepParts): BatchSteps {
  const { pool, slots, roster, metrics, notifier, junk, notes, clock, nowMs } = parts;
  const writer = { pool, memberId: slots.memberId, slots: roster.slots };
  return {
    async judge(publishes, db) {
      const end = metrics.judge.startTimer();
      const outcome = await judgeBatch(db, roster, publishes);
      end();
      return outcome;
    },
    expect: (outcome) => roster.expect(outcome),
    async commit(outcome, again) {
      const end = metrics.commit.startTimer();
      const { partial, refusals } = outcome.admitted;
      const sorted = await junk.sort(refusals);
      const due = notes.due(partial, nowMs());
      const aside = { refusals: sorted.kept, due, counts: notes.countsOf(partial) };
      const written = await (again ? writeAgain : writeBatch)(writer, outcome, aside, nowMs());
      end();
      notes.committed(partial, due, nowMs());
      junk.committed(sorted, refusals.length);
      clock.heard(outcome.admitted, nowMs());
      roster.keepCommitted(outcome.trips, written);
      countBatch(metrics, outcome, written, nowMs());
      return { written, declined: sorted.declined, moved: outcome.moved };
    },
    publish: (outcome, { written }) => notifier.batchCommitted(outcome, written),
    acknowledge: (publishes, settled) => acknowledge(parts, publishes, settled),
    forget: (publishes, outcome) => roster.forgetBatch(publishes, outcome),
  };
}

function acknowledge({ log }: StepParts, publishes: readonly Publish[], { declined, moved }: Settled): void {
  for (const publish of publishes) {
    const { lockId } = publish;
    if (moved.has(lockId)) publish.done(new MovedError(`another worker admits the records of ${lockId}`));
    else if (declined.some(({ refusal }) => isPartOf(refusal, publish.raw))) {
      log.warn({ lockId }, 'the lock has no room left in quarantine; its publish is not acknowledged');
      publish.done(new Error('no room in quarantine'));
    } else publish.done();
  }
}

function stepParts(deps: IntakeDeps) {
  const { pool, log, slots, nowMs = Date.now } = deps;
  const lanes = new Lanes();
  const roster = new Roster(pool);
  const metrics = intakeMetrics(deps.registry, lanes, roster);
  const notifier = new Notifier(roster, log);
  const junk = new JunkBound(deps);
  return {
    pool,
    log,
    slots,
    nowMs,
    lanes,
    roster,
    metrics,
    notifier,
    junk,
    notes: new LeftOutNotes(),
    clock: new PlatformClock(),
  };
}
type StepParts = ReturnType<typeof stepParts>;

function allParts(deps: IntakeDeps) {
  const parts = stepParts(deps);
  const { lanes, roster } = parts;
  const giveUp = new AbortController();
  const committer = new Committer({ ...parts, giveUp: giveUp.signal }, batchSteps(parts));
  const gate = new BatchGate(lanes, committer, giveUp);
  const trips = new TripChanges(parts);
  const timer = new LivenessTimer(deps, { ...parts, gate, trips });
  const { pool, log, toJudgeEveryMs } = deps;
  const changes = new PlanChanges({
    pool,
    log,
    toJudgeEveryMs,
    gate,
    trips,
    slots: () => roster.slots,
    metrics: parts.metrics,
  });
  parts.metrics.ready(() => gate.ready().length === 0);
  return { ...parts, gate, trips, timer, changes };
}
type Parts = ReturnType<typeof allParts>;

/**
 * Reads open trips of its slots from the store, judges those that wait for it, then accepts reports (law 11). With more than a
 * thousand open trips reports are accepted before all are loaded; a trip that reports before its turn is loaded then. Rejects
 * while the store cannot be read.
 */
export async function startIntake(deps: IntakeDeps): Promise<Intake> {
  const parts = allParts(deps);
  const { roster, gate, timer, changes, notifier, junk, clock } = parts;
  await junk.start();
  await timer.start();
  await changes.start();
  return {
    receive: receiving(parts),
    onCommitted: (listener) => notifier.add(listener),
    judgeWaiting: () => changes.look(),
    onJudged: (listener) => changes.onJudged(listener),
    refreshPlaces: () => gate.between(() => roster.reloadPlaces()),
    refreshLock: (lockId) => gate.between(async () => roster.forgetLocks([lockId])),
    refreshLocks: () => gate.between(async () => roster.forgetLocks([...roster.locks.keys()])),
    checkLiveness: () => timer.tick(),
    ready: () => gate.ready(),
    warnings() {
      const warning = clock.warning(parts.nowMs());
      return warning === undefined ? [] : [warning];
    },
    stop(withinMs) {
      timer.stop();
      changes.stop();
      return gate.stop(withinMs);
    },
  };
}
