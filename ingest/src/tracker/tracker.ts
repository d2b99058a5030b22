import { type Fix, startRoute } from '@sealwatch/geofence';
import { isNextOf, type TrackedReport } from '../record/report.ts';
import { basisOf } from './basis.ts';
import { type Moment, momentOf } from './moment.ts';
import { paramsAt } from './params.ts';
import type { TripPlan } from './plan.ts';
import { stepProgress } from './progress.ts';
import type { Episode, Rule, Ruling } from './rule.ts';
import { ALL_RULES } from './rules.ts';
import { ENDED_KEPT, type LastFix, type LockMemory, PAST_KEPT, type RuleState, type TripState } from './state.ts';

export interface EndedEpisode {
  rule: string;
  episode: Episode;
}

/** One step of the fold, and the edge and level episodes that it ended. */
export interface Step {
  state: TripState;
  ended: EndedEpisode[];
}

export function startTrip(plan: TripPlan): TripState {
  return {
    lastTimeMs: 0,
    doneM: 0,
    totalM: plan.corridor.lengthM,
    basis: basisOf(plan),
    route: startRoute(),
    locks: {},
    rules: {},
    ended: [],
  };
}

/**
 * Folds one record into a trip. Records come in `foldOrder`; one that was folded already, one of a lock that is not the
 * trip's and one whose time is no number change nothing. Nothing given is written to.
 */
export function track(plan: TripPlan, state: TripState, report: TrackedReport): TripState {
  return step(plan, state, report).state;
}

export function step(plan: TripPlan, state: TripState, report: TrackedReport): Step {
  if (!Number.isFinite(report.timeMs) || !plan.locks.includes(report.lockId) || isFolded(state, report)) {
    return { state, ended: [] };
  }
  const moment = momentOf(plan, state, report);
  const progressed = stepProgress(moment);
  moment.after = progressed;
  const ended: EndedEpisode[] = [];
  const rules = stepRules(state.rules, moment, ended);
  // What progressed is a copy of this step's own, which is finished here; one copy for each record is enough.
  const next = progressed === state ? { ...state } : progressed;
  next.route = moment.route ?? state.route;
  next.lastTimeMs = report.timeMs;
  next.locks = { ...state.locks, [report.lockId]: lockAfter(moment) };
  next.rules = rules;
  if (ended.length > 0) next.ended = [...state.ended, ...ended].slice(-ENDED_KEPT);
  return { state: next, ended };
}

/** What no rule changed is shared with the state before: most records change nothing. */
function stepRules(before: TripState['rules'], moment: Moment, ended: EndedEpisode[]): TripState['rules'] {
  let rules = before;
  for (const rule of ALL_RULES) {
    const was = before[rule.rule];
    const next = stepRule(rule, was, moment, ended);
    if (next === was) continue;
    if (rules === before) rules = { ...before };
    if (next) rules[rule.rule] = next;
    else delete rules[rule.rule];
  }
  return rules;
}

function isFolded(state: TripState, report: TrackedReport): boolean {
  const last = state.locks[report.lockId];
  return last !== undefined && last.timeMs === report.timeMs && last.boot === report.boot && last.seq === report.seq;
}

const NOTHING: Ruling<unknown> = Object.freeze({});
const NONE: readonly Episode[] = [];

/** Whether two memories say the same, as far as a look at their fields tells. */
function isSame(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const [next, was] = [a as Record<string, unknown>, b as Record<string, unknown>];
  let fields = 0;
  for (const key in next) {
    if (next[key] !== was[key]) return false;
    fields++;
  }
  for (const _ in was) fields--;
  return fields === 0;
}

function stepRule(
  rule: Rule,
  was: RuleState | undefined,
  moment: Moment,
  ended: EndedEpisode[],
): RuleState | undefined {
  const of = rule.scope === 'trip' ? '' : moment.report.lockId;
  const ruling = was?.by[of] ?? NOTHING;
  const params = paramsAt(moment.plan.params, rule.rule, moment.located?.progressM);
  const said = rule.judge(ruling, moment, params);
  if (said === ruling) return was;
  const { memory, open, ended: over = NONE } = said;
  if (over.length === 0 && open === ruling.open && isSame(memory, ruling.memory)) return was;
  const by = { ...was?.by };
  if (memory === undefined && open === undefined) delete by[of];
  else by[of] = { ...(memory === undefined ? {} : { memory }), ...(open === undefined ? {} : { open }) };
  const latched = rule.kind === 'latched';
  if (!latched) ended.push(...over.map((episode) => ({ rule: rule.rule, episode })));
  const past = latched && over.length > 0 ? shorten([...(was?.past ?? []), ...over]) : was?.past;
  if (past === undefined && Object.keys(by).length === 0) return undefined;
  return { ...(past === undefined ? {} : { past }), by };
}

/** Past excursions without limit would not fit a checkpoint: the two oldest become one. */
function shorten(past: Episode[]): Episode[] {
  const [first, second, ...rest] = past;
  if (past.length <= PAST_KEPT || !first || !second) return past;
  const both: Episode = {
    ...first,
    endedMs: Math.max(first.endedMs ?? 0, second.endedMs ?? 0),
    maxDistanceM: Math.max(first.maxDistanceM ?? 0, second.maxDistanceM ?? 0),
    provenMs: Math.max(first.provenMs ?? 0, second.provenMs ?? 0),
  };
  return [both, ...rest];
}

function lockAfter({ last, report, fix, halt }: Moment): LockMemory {
  const unbroken = last !== undefined && isNextOf(last, report);
  const after: LockMemory = {
    timeMs: report.timeMs,
    boot: report.boot,
    seq: report.seq,
    unbrokenMs: unbroken ? last.unbrokenMs : report.timeMs,
  };
  const mode = report.mode ?? last?.mode;
  if (mode) after.mode = mode;
  const lastFix = fix ? lastFixOf(fix) : last?.fix;
  if (lastFix) after.fix = lastFix;
  const halted = halt?.halt ?? last?.halt;
  if (halted) after.halt = halted;
  return after;
}

function lastFixOf({ timeMs, lon, lat, accuracyM }: Fix): LastFix {
  return accuracyM === undefined ? { timeMs, lon, lat } : { timeMs, lon, lat, accuracyM };
}
