import { foldOrder, reportKey, type TrackedReport } from '../record/report.ts';
import { type AlarmFact, endedAlarm, hasSameEpisodes, standingAlarms } from './alarms.ts';
import { basisOf, sameUntilMs } from './basis.ts';
import { liveness } from './liveness.ts';
import type { ClockConfirmation, TripPlan } from './plan.ts';
import type { TripState } from './state.ts';
import { type EndedEpisode, startTrip, step } from './tracker.ts';

/** The state after all records with a fix time up to `timeMs`, and how many those were. */
export interface Checkpoint {
  timeMs: number;
  ordinal: number;
  state: TripState;
}

/** A trip being tracked: bounded memory, however long the trip. Never changed in place. */
export interface TripTrack {
  state: TripState;
  /** Oldest first, the farther back the sparser; the first is the trip's start. */
  checkpoints: Checkpoint[];
  /** All records with a fix time after `recentFromMs`, in fold order. */
  recent: TrackedReport[];
  recentFromMs: number;
  ordinal: number;
  /** The alarms last told, by which the next changes are found. */
  told: AlarmFact[];
  /** The plan and the list that told them; while neither has changed, the same state means the same alarms. */
  toldBy?: undefined | { plan: TripPlan; told: AlarmFact[] };
  clockConfirmed: ClockConfirmation[];
}

/**
 * What to write: first delete `withdrawn` (level and edge alarms that late records explained, provisional reds that came
 * to nothing), then write `changes` in their order: what is no longer active comes first, so that never two alarms of a
 * rule are active. `detectedLate` is to be kept as first written.
 */
export type Advance =
  | { ok: true; track: TripTrack; changes: AlarmFact[]; withdrawn: string[] }
  | { ok: false; needFromMs: number };

/** Half a minute apart as locks report, the last eight minutes; what comes later than that is judged from the store. */
const RECENT_KEPT = 16;
/** Two checkpoints lie within the recent ones, so a record that up to eight have overtaken needs no store. */
const CHECKPOINT_EVERY = 8;
const NOTHING_ENDED: readonly EndedEpisode[] = [];

/** @param from a checkpoint out of the store; the records after it are then given to `advance` */
export function startTrack(plan: TripPlan, from?: { timeMs: number; state: TripState }): TripTrack {
  const start = { timeMs: 0, ordinal: 0, state: startTrip(plan) };
  const fresh = { recent: [], told: [], clockConfirmed: [] };
  if (!from) return { ...fresh, state: start.state, checkpoints: [start], recentFromMs: 0, ordinal: 0 };
  const restored = { timeMs: from.timeMs, ordinal: 1, state: from.state };
  return { ...fresh, state: from.state, checkpoints: [start, restored], recentFromMs: from.timeMs, ordinal: 1 };
}

/**
 * Folds records that arrived, in any order, as if they had come by fix time. A late one is folded in from the checkpoint
 * before it; where the records since are no longer in memory the answer is `needFromMs`, and the call is repeated with
 * `stored`, the trip's records with a fix time from there on as they were before these arrived (one that is among them
 * already is a duplicate).
 * Also to be called, with nothing, when the plan has changed.
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
    return told(plan, track, run(plan, from, fresh), NOTHING_ENDED);
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
  return told(plan, track, run(plan, base, all), before);
}

/**
 * What the clock alone tells at `nowMs` (see `liveness`). A red that it confirmed stays, also when later records come;
 * `plan.clockConfirmations` carries it over a restart.
 */
export function tick(
  plan: TripPlan,
  track: TripTrack,
  nowMs: number,
): { track: TripTrack; changes: AlarmFact[]; withdrawn: string[] } {
  const known = withConfirmed(plan, track);
  const live = liveness(known, track.state, nowMs);
  // Of most trips the clock tells nothing, and told nothing before.
  if (live.length === 0 && isToldByFold(plan, track)) return { track, changes: [], withdrawn: [] };
  const confirmed = live.flatMap(({ kind, rule, lockId, startedMs, confirmedMs }) =>
    kind === 'latched' && confirmedMs !== undefined ? [{ rule, lockId, startedMs, confirmedMs }] : [],
  );
  const ids = new Set(live.map((fact) => fact.alarmId));
  const now = [...standingAlarms(known, track.state).filter((fact) => !ids.has(fact.alarmId)), ...live];
  const { changes, withdrawn } = difference(track.told, now);
  const clockConfirmed = [...track.clockConfirmed, ...confirmed];
  // What it has just confirmed the next look tells once more, as the fold then knows it.
  const toldBy = confirmed.length > 0 ? undefined : { plan, told: now };
  return { track: { ...track, told: now, toldBy, clockConfirmed }, changes, withdrawn };
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

/** Records of one lock that follow each other in time and number, as most do: in fold order, and each of them once. */
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

/** From any record back, a checkpoint stands at most so many times as far back as the record, in records. */
const FARTHER_BACK = 4;

/** The two newest, then about one for every doubling of the distance back; always the start. */
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

function told(
  plan: TripPlan,
  was: TripTrack,
  { track, ended }: Run,
  endedBefore: readonly EndedEpisode[],
): Extract<Advance, { ok: true }> {
  if (ended.length === 0 && endedBefore.length === 0 && isAsTold(plan, was, track)) {
    return { ok: true, track, changes: [], withdrawn: [] };
  }
  const known = withConfirmed(plan, track);
  const fact = ({ rule, episode }: EndedEpisode) => endedAlarm(known, rule, episode);
  const standing = standingAlarms(known, track.state);
  const over = ended.map(fact);
  const ids = new Set([...standing, ...over].map(({ alarmId }) => alarmId));
  const live = was.told.filter((before) => !ids.has(before.alarmId) && stillStands(plan, before, track.state));
  const now = [...standing, ...live];
  const { changes, withdrawn } = difference([...was.told, ...endedBefore.map(fact)], [...over, ...now]);
  const after = now.map((next) => asTold(was.told, next));
  return { ok: true, track: { ...track, told: after, toldBy: { plan, told: after } }, changes, withdrawn };
}

/** Whether everything that alarms are made of is what it was when they were told; the common case, so it is cheap. */
function isAsTold(plan: TripPlan, was: TripTrack, track: TripTrack): boolean {
  return track.told === was.told && isToldByFold(plan, was) && hasSameEpisodes(was.state, track.state);
}

/** Whether what was told is what the fold says under this plan, and nothing that only the clock says. */
function isToldByFold(plan: TripPlan, { told, toldBy }: TripTrack): boolean {
  return toldBy?.plan === plan && toldBy.told === told && !told.some(isOfClock);
}

/** What the clock tells while it lasts, and the fold only in hindsight. */
function isOfClock({ rule }: AlarmFact): boolean {
  return rule === 'comms.silent' || rule === 'time.overdue';
}

/** Raised by the clock and contradicted by no record since. */
function stillStands(plan: TripPlan, fact: AlarmFact, state: TripState): boolean {
  if (!fact.active) return false;
  if (fact.rule === 'comms.silent') return state.locks[fact.lockId]?.timeMs === fact.startedMs;
  if (fact.rule !== 'time.overdue' || state.arrivedAtMs !== undefined || state.departedAtMs === undefined) return false;
  return fact.startedMs === state.departedAtMs + (plan.timeLimitMin ?? 0) * 60_000;
}

function withConfirmed(plan: TripPlan, track: TripTrack): TripPlan {
  if (track.clockConfirmed.length === 0) return plan;
  return { ...plan, clockConfirmations: [...(plan.clockConfirmations ?? []), ...track.clockConfirmed] };
}

function difference(before: AlarmFact[], after: AlarmFact[]): { changes: AlarmFact[]; withdrawn: string[] } {
  const was = new Map(before.map((fact) => [fact.alarmId, fact]));
  const changed = new Map<string, AlarmFact>();
  for (const fact of after) {
    const next = asTold(before, fact);
    if (JSON.stringify(was.get(fact.alarmId)) !== JSON.stringify(next)) changed.set(fact.alarmId, next);
    else changed.delete(fact.alarmId);
  }
  const ids = new Set(after.map((fact) => fact.alarmId));
  return {
    changes: [...changed.values()].sort((a, b) => Number(a.active) - Number(b.active)),
    withdrawn: [...was.values()].filter(isWithdrawable).flatMap(({ alarmId }) => (ids.has(alarmId) ? [] : alarmId)),
  };
}

/** Whether it was found out late is settled when it is first told; later records only refine the rest. */
function asTold(before: AlarmFact[], fact: AlarmFact): AlarmFact {
  const first = before.find(({ alarmId }) => alarmId === fact.alarmId);
  return first?.confirmedMs === undefined ? fact : { ...fact, detectedLate: first.detectedLate };
}

/** Law 4: what was proven and latched is never taken back; nothing here could, and nothing here may. */
function isWithdrawable(fact: AlarmFact): boolean {
  return fact.kind !== 'latched' || fact.phase === 'provisional';
}
