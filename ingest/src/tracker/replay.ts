import { foldOrder, reportKey, type TrackedReport } from '../record/report.ts';
import { type AlarmDiff, asPublished, diffAlarms } from './alarm-diff.ts';
import { type AlarmFact, currentAlarms, endedAlarm, hasSameEpisodes } from './alarms.ts';
import { basisOf, sameUntilMs } from './basis.ts';
import { isOfClock, isStillActive, liveness } from './liveness.ts';
import type { ClockConfirmation, TripPlan } from './plan.ts';
import type { TripState } from './state.ts';
import { type EndedEpisode, startTrip, step } from './tracker.ts';

/** The state after all records with a fix time up to `timeMs`, and how many those were. */
export interface Checkpoint {
  timeMs: number;
  ordinal: number;
  state: TripState;
}

/** A trip being tracked, in bounded memory however long the trip. Never changed in place. */
export interface TripTrack {
  state: TripState;
  /** Oldest first, the farther back the sparser; the first is the start of the trip. */
  checkpoints: Checkpoint[];
  /** All records with a fix time after `recentFromMs`, in fold order. */
  recent: TrackedReport[];
  recentFromMs: number;
  ordinal: number;
  /** The alarms last published; the next changes are found by comparing with them. */
  published: AlarmFact[];
  /** The plan and list of the last publication; while neither has changed, the same state means the same alarms. */
  publishedBy?: undefined | { plan: TripPlan; published: AlarmFact[] };
  clockConfirmed: ClockConfirmation[];
}

/** A track after more records and what to write of its alarms; or the fix time from which stored records are needed. */
export type Advance = ({ ok: true; track: TripTrack } & AlarmDiff) | { ok: false; needFromMs: number };

/** Eight minutes of a lock that reports every half minute; a record that is later than that needs records of the store. */
const RECENT_KEPT = 16;
/** Two checkpoints lie within the recent records, so a record that up to eight have overtaken needs no store. */
const CHECKPOINT_EVERY = 8;
const NOTHING_ENDED: readonly EndedEpisode[] = [];

/** @param from a checkpoint from the store; the records after it are then given to `advance` */
export function startTrack(plan: TripPlan, from?: { timeMs: number; state: TripState }): TripTrack {
  const start = { timeMs: 0, ordinal: 0, state: startTrip(plan) };
  const fresh = { recent: [], published: [], clockConfirmed: [] };
  if (!from) return { ...fresh, state: start.state, checkpoints: [start], recentFromMs: 0, ordinal: 0 };
  const restored = { timeMs: from.timeMs, ordinal: 1, state: from.state };
  return { ...fresh, state: from.state, checkpoints: [start, restored], recentFromMs: from.timeMs, ordinal: 1 };
}

/**
 * Folds records that arrived in any order as if they had arrived by fix time. A late one is folded in from the checkpoint
 * before it. If the records since are no longer in memory the answer is `needFromMs`; the caller repeats the call with
 * `stored`, the trip's records with a fix time from there on as they were before these arrived (one that is among them
 * is a duplicate). Also called without records when the plan has changed.
 */
export function advance(
  plan: TripPlan,
  track: TripTrack,
  arrived: readonly TrackedReport[],
  stored?: readonly TrackedReport[],
): Advance {
  const fresh = newOnes(plan, track, arrived);
  const sameMs = sameUntilMs(plan, track.state.basis);
  const fromMs = Math.min(fresh[0]?.timeMs ?? Number.POSITIVE_INFINITY, sameMs);
  const last = track.recent.at(-1);
  const inOrder = last ? fresh[0] === undefined || foldOrder(last, fresh[0]) < 0 : fromMs > track.recentFromMs;
  if (inOrder && fromMs > track.state.lastTimeMs - (fresh[0] ? 1 : 0) && sameMs > track.state.lastTimeMs) {
    const same = sameMs === Number.POSITIVE_INFINITY;
    const from = same ? track : { ...track, state: { ...track.state, basis: basisOf(plan) } };
    return publish(plan, track, run(plan, from, fresh), NOTHING_ENDED);
  }
  const checkpoint = track.checkpoints.findLast(({ timeMs }) => timeMs < fromMs) ?? {
    timeMs: 0,
    ordinal: 0,
    state: startTrip(plan),
  };
  if (!stored && checkpoint.timeMs < track.recentFromMs) return { ok: false, needFromMs: checkpoint.timeMs };
  const known = (stored ?? track.recent).filter((report) => report.timeMs > checkpoint.timeMs).sort(foldOrder);
  const knownKeys = new Set(known.map(reportKey));
  const base = rewound(plan, track, checkpoint);
  const before = run(plan, base, known).ended;
  const all = [...known, ...fresh.filter((report) => !knownKeys.has(reportKey(report)))].sort(foldOrder);
  return publish(plan, track, run(plan, base, all), before);
}

/**
 * What the passing of time alone changes at `nowMs` (see `liveness`). An alarm that the clock confirmed stays confirmed when
 * further records come; `plan.clockConfirmations` keeps it over a restart.
 * @param readyMs when the platform began to accept records, epoch ms
 */
export function tick(plan: TripPlan, track: TripTrack, nowMs: number, readyMs = 0): { track: TripTrack } & AlarmDiff {
  const known = withConfirmed(plan, track);
  // A lock that was heard since then could not be heard later: the platform has listened all the time.
  const listeningMs = (lockId: string) =>
    track.recent.some((report) => report.lockId === lockId && report.receivedMs >= readyMs) ? 0 : readyMs;
  const due = liveness(known, track.state, nowMs, listeningMs);
  // What was raised before a restart lasts until a record contradicts it, though it would not be raised again yet.
  const raised = track.published.filter(
    (fact) => !due.some(({ rule }) => rule === fact.rule) && isStillActive(known, track.state, fact),
  );
  const live = [...due, ...raised];
  // Most trips have no alarm by the clock, and had none before.
  if (live.length === 0 && isPublishedByFold(plan, track)) return { track, changes: [], withdrawn: [] };
  const confirmed = live.flatMap(({ kind, rule, lockId, startedMs, confirmedMs }) =>
    kind === 'latched' && confirmedMs !== undefined ? [{ rule, lockId, startedMs, confirmedMs }] : [],
  );
  const ids = new Set(live.map((fact) => fact.alarmId));
  const now = [...currentAlarms(known, track.state).filter((fact) => !ids.has(fact.alarmId)), ...live];
  const { changes, withdrawn } = diffAlarms(track.published, now);
  const clockConfirmed = [...track.clockConfirmed, ...confirmed];
  // The next tick publishes a confirmation once more, with what the fold then knows of it.
  const publishedBy = confirmed.length > 0 ? undefined : { plan, published: now };
  return { track: { ...track, published: now, publishedBy, clockConfirmed }, changes, withdrawn };
}

/** Records of the trip's locks that are not in memory yet, each once, in fold order. */
function newOnes(plan: TripPlan, track: TripTrack, arrived: readonly TrackedReport[]): readonly TrackedReport[] {
  if (isRun(arrived))
    return arrived.every((report) => isNew(plan, track, report))
      ? arrived
      : arrived.filter((report) => isNew(plan, track, report));
  const seen = new Set<string>();
  const fresh = arrived.filter((report) => {
    const key = reportKey(report);
    if (seen.has(key) || !isNew(plan, track, report)) return false;
    seen.add(key);
    return true;
  });
  return fresh.sort(foldOrder);
}

/** Whether these are records of one lock in rising time and number, as most are: then they are in fold order, each once. */
function isRun(arrived: readonly TrackedReport[]): boolean {
  for (let i = 1; i < arrived.length; i++) {
    const [before, next] = [arrived[i - 1]!, arrived[i]!];
    if (next.lockId !== before.lockId || next.boot !== before.boot || next.seq <= before.seq) return false;
    if (!(next.timeMs >= before.timeMs)) return false;
  }
  return true;
}

function isNew(plan: TripPlan, { recent }: TripTrack, report: TrackedReport): boolean {
  if (!Number.isFinite(report.timeMs) || !plan.locks.includes(report.lockId)) return false;
  for (const known of recent) {
    if (known.seq === report.seq && known.boot === report.boot && known.lockId === report.lockId) return false;
  }
  return true;
}

interface Run {
  track: TripTrack;
  ended: EndedEpisode[];
}

function run(plan: TripPlan, from: TripTrack, reports: readonly TrackedReport[]): Run {
  let { state, ordinal } = from;
  let checkpoints = from.checkpoints;
  const recent = from.recent.slice();
  const ended: EndedEpisode[] = [];
  for (const report of reports) {
    const since = ordinal - (checkpoints.at(-1)?.ordinal ?? 0);
    if (since >= CHECKPOINT_EVERY && report.timeMs > state.lastTimeMs) {
      checkpoints = thinned([...checkpoints, { timeMs: state.lastTimeMs, ordinal, state }], ordinal);
    }
    const next = step(plan, state, report);
    state = next.state;
    if (next.ended.length > 0) ended.push(...next.ended);
    recent.push(report);
    ordinal++;
  }
  const dropped = recent.length > RECENT_KEPT ? recent.splice(0, recent.length - RECENT_KEPT) : [];
  const recentFromMs = dropped.at(-1)?.timeMs ?? from.recentFromMs;
  return { track: { ...from, state, checkpoints, recent, recentFromMs, ordinal }, ended };
}

/** For every record there is a checkpoint that lies at most this many times as far back, counted in records. */
const FARTHER_BACK = 4;

/** Keeps the two newest, then about one for every doubling of the distance back, and always the start. */
function thinned(checkpoints: readonly Checkpoint[], ordinal: number): Checkpoint[] {
  const kept: Checkpoint[] = [];
  for (const [index, checkpoint] of checkpoints.entries()) {
    const before = kept.at(-1);
    const after = checkpoints[index + 1];
    const isNewest = index >= checkpoints.length - 2;
    if (!before || !after || isNewest || ordinal - before.ordinal > FARTHER_BACK * (ordinal - after.ordinal)) {
      kept.push(checkpoint);
    }
  }
  return kept;
}

function rewound(plan: TripPlan, track: TripTrack, checkpoint: Checkpoint): TripTrack {
  return {
    ...track,
    state: { ...checkpoint.state, basis: basisOf(plan) },
    checkpoints: track.checkpoints.filter(({ timeMs }) => timeMs <= checkpoint.timeMs),
    recent: track.recent.filter(({ timeMs }) => timeMs <= checkpoint.timeMs),
    recentFromMs: Math.min(track.recentFromMs, checkpoint.timeMs),
    ordinal: checkpoint.ordinal,
  };
}

/** Compares the alarms after a run with the published ones. @param endedBefore what had ended before the records came */
function publish(
  plan: TripPlan,
  was: TripTrack,
  { track, ended }: Run,
  endedBefore: readonly EndedEpisode[],
): Extract<Advance, { ok: true }> {
  if (ended.length === 0 && endedBefore.length === 0 && isAsPublished(plan, was, track)) {
    return { ok: true, track, changes: [], withdrawn: [] };
  }
  const known = withConfirmed(plan, track);
  const fact = ({ rule, episode }: EndedEpisode) => endedAlarm(known, rule, episode);
  const current = currentAlarms(known, track.state);
  const over = ended.map(fact);
  const ids = new Set([...current, ...over].map(({ alarmId }) => alarmId));
  const live = was.published.filter((before) => !ids.has(before.alarmId) && isStillActive(plan, track.state, before));
  const now = [...current, ...live];
  const diff = diffAlarms([...was.published, ...endedBefore.map(fact)], [...over, ...now]);
  const published = now.map((next) => asPublished(was.published, next));
  return { ok: true, track: { ...track, published, publishedBy: { plan, published } }, ...diff };
}

/** Whether everything that alarms are made of is as it was when they were published; the common case, so it is cheap. */
function isAsPublished(plan: TripPlan, was: TripTrack, track: TripTrack): boolean {
  return track.published === was.published && isPublishedByFold(plan, was) && hasSameEpisodes(was.state, track.state);
}

/** Whether the published alarms are those of the fold under this plan, and none of the clock. */
function isPublishedByFold(plan: TripPlan, { published, publishedBy }: TripTrack): boolean {
  return publishedBy?.plan === plan && publishedBy.published === published && !published.some(isOfClock);
}

function withConfirmed(plan: TripPlan, track: TripTrack): TripPlan {
  if (track.clockConfirmed.length === 0) return plan;
  return { ...plan, clockConfirmations: [...(plan.clockConfirmations ?? []), ...track.clockConfirmed] };
}
