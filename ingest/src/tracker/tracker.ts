import { type Fix, startRoute } from '@sealwatch/geofence';
import type { TrackedReport } from '../record/report.ts';
import { basisOf } from './basis.ts';
import type { Episode, RuleState } from './episode.ts';
import { contextOf, type EvaluationContext } from './evaluation-context.ts';
import { paramsAt } from './params.ts';
import type { TripPlan } from './plan.ts';
import { stepProgress } from './progress.ts';
import type { Rule } from './rule.ts';
import { ALL_RULES } from './rules.ts';
import { ENDED_KEPT, type LastFix, type LockMemory, PAST_KEPT, type RuleHistory, type TripState } from './state.ts';

export interface EndedEpisode {
  rule: string;
  episode: Episode;
}

/** The state after one record, and the edge and level episodes that the record ended. */
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
 * trip's and one whose time is not a number change nothing. The arguments are not changed.
 */
export function track(plan: TripPlan, state: TripState, report: TrackedReport): TripState {
  return step(plan, state, report).state;
}

export function step(plan: TripPlan, state: TripState, report: TrackedReport): Step {
  if (!Number.isFinite(report.timeMs) || !plan.locks.includes(report.lockId) || isFolded(state, report)) {
    return { state, ended: [] };
  }
  const context = contextOf(plan, state, report);
  const progressed = stepProgress(context);
  context.after = progressed;
  const ended: EndedEpisode[] = [];
  const rules = stepRules(state.rules, context, ended);
  // A state that progressed is already a copy; it is completed here, so that a record costs one copy.
  const next = progressed === state ? { ...state } : progressed;
  next.route = context.route ?? state.route;
  next.lastTimeMs = report.timeMs;
  next.locks = { ...state.locks, [report.lockId]: lockAfter(context) };
  next.rules = rules;
  if (ended.length > 0) next.ended = [...state.ended, ...ended].slice(-ENDED_KEPT);
  return { state: next, ended };
}

type Stepped = Pick<Rule, 'rule' | 'scope' | 'kind' | 'judge'>;

/** What each record asks of every rule; objects of one shape, because V8 reads those fastest. */
const STEPPED = ALL_RULES.map(({ rule, scope, kind, judge }): Stepped => ({ rule, scope, kind, judge }));

/** Rules that did not change are shared with the state before; most records change none. */
function stepRules(before: TripState['rules'], context: EvaluationContext, ended: EndedEpisode[]): TripState['rules'] {
  let rules = before;
  for (const rule of STEPPED) {
    const was = before[rule.rule];
    const next = stepRule(rule, was, context, ended);
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

const NOTHING: RuleState<unknown> = Object.freeze({});
const NONE: readonly Episode[] = [];

/** Whether two memories have the same fields with identical values. */
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
  rule: Stepped,
  was: RuleHistory | undefined,
  context: EvaluationContext,
  ended: EndedEpisode[],
): RuleHistory | undefined {
  const of = rule.scope === 'trip' ? '' : context.report.lockId;
  const before = was?.by[of] ?? NOTHING;
  const params = paramsAt(context.plan.params, rule.rule, context.located?.progressM);
  const after = rule.judge(before, context, params);
  if (after === before) return was;
  const { memory, open, ended: over = NONE } = after;
  if (over.length === 0 && open === before.open && isSame(memory, before.memory)) return was;
  const by = { ...was?.by };
  if (memory === undefined && open === undefined) delete by[of];
  else by[of] = { ...(memory === undefined ? {} : { memory }), ...(open === undefined ? {} : { open }) };
  const latched = rule.kind === 'latched';
  if (!latched) ended.push(...over.map((episode) => ({ rule: rule.rule, episode })));
  const past = latched && over.length > 0 ? shorten([...(was?.past ?? []), ...over]) : was?.past;
  if (past === undefined && Object.keys(by).length === 0) return undefined;
  return { ...(past === undefined ? {} : { past }), by };
}

/** A checkpoint has room for a limited number of past excursions: the two oldest become one. */
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

function lockAfter({ last, follows, report, lagMs, fix, repeated, halt }: EvaluationContext): LockMemory {
  const after: LockMemory = {
    timeMs: report.timeMs,
    boot: report.boot,
    seq: report.seq,
    unbrokenMs: follows && last ? last.unbrokenMs : report.timeMs,
  };
  const mode = report.mode ?? last?.mode;
  if (mode) after.mode = mode;
  const lastFix = fix && !repeated ? lastFixOf(fix) : last?.fix;
  if (lastFix) after.fix = lastFix;
  const halted = halt?.halt ?? last?.halt;
  if (halted) after.halt = halted;
  if (lagMs > 0) after.lagMs = lagMs;
  return after;
}

function lastFixOf({ timeMs, lon, lat, accuracyM }: Fix): LastFix {
  return accuracyM === undefined ? { timeMs, lon, lat } : { timeMs, lon, lat, accuracyM };
}
