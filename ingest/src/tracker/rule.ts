import type { AlarmKind, Severity } from '@sealwatch/schemas';
import type { z } from 'zod';
import type { Episode, RuleState } from './episode.ts';
import type { EvaluationContext } from './evaluation-context.ts';
import type { TripPlan } from './plan.ts';
import type { TripState } from './state.ts';

/** The checks of the transit step, each broken by the active alarms of certain rules. */
export type TransitCheck = 'not-silent' | 'not-opened' | 'case-intact' | 'no-overtime-stop';

/** What a rule is: for the documentation, the screens, the check of parameters and the alarm's row. */
export interface RuleDescription {
  rule: string;
  kind: AlarmKind;
  severity: Severity;
  /** Code of the EAEU seal message; absent where the table has none. */
  eaeuCode?: string;
  /** The rule's name for people: short enough for a line of the wall. */
  text: { zh: string; en: string };
  params: z.ZodObject;
  /** Parameters that must be the same on every leg of a route. */
  routeWide?: readonly string[];
  /** Whether `params` are the geofence's, which judges the fix for the rule. */
  geofence?: boolean;
  /** The outbox event that a raised alarm makes, beside `alarm.raised`. */
  event?: 'lock.low-battery';
  /** Nobody is called for an episode that was over before it was found: the clock calls while it lasts. */
  onlyWhileOpen?: boolean;
  /** The check of the transit step that an active alarm of this rule breaks. */
  breaksCheck?: TransitCheck;
  /** What an alarm of this rule shows, for the colours of the wall, statistics and evidence. */
  shows?: 'silence' | 'deviation';
}

/** What the parts of a rule share, whatever its parameters. */
interface RuleTraits extends RuleDescription {
  /** The episodes of a latched rule, if something other than the fold keeps them. */
  episodesIn?(state: TripState): Episode[];
  /** Proven episodes that come with the plan and not with the records. */
  episodesInPlan?(plan: TripPlan): Episode[];
  /**
   * A provisional episode of this latched rule is confirmed by the clock if no record contradicts it for so long,
   * milliseconds.
   */
  confirmedAfterMs?: number;
}

/** From when on the platform could have heard a lock, epoch ms. */
export type ListeningSince = (lockId: string) => number;

/** The part of a level rule that needs no record, only the time. */
interface ClockPart<Params> {
  /**
   * The episode that is open at `nowMs` although no record shows it yet. The fold finds the same episode in hindsight,
   * with the same lock and start and so under the same alarm id.
   * @param params the values where the newest record places the truck
   */
  openAt(
    plan: TripPlan,
    state: TripState,
    nowMs: number,
    params: Params,
    listeningMs: ListeningSince,
  ): Episode | undefined;
  /** Whether an episode that `openAt` found is still open after further records. */
  isStillOpen(plan: TripPlan, state: TripState, episode: { lockId: string; startedMs: number }): boolean;
}

/** A rule of one lock, or of the trip as a whole; pure, and never throws. */
interface RuleParts<Params extends z.ZodObject, Memory> extends Omit<RuleTraits, 'params'> {
  scope?: 'lock' | 'trip';
  params: Params;
  judge(was: RuleState<Memory>, context: EvaluationContext, params: z.output<Params>): RuleState<Memory>;
  clock?: ClockPart<z.output<Params>>;
}

export interface Rule extends RuleTraits {
  scope: 'lock' | 'trip';
  judge(was: RuleState<unknown>, context: EvaluationContext, params: unknown): RuleState<unknown>;
  clock?: ClockPart<unknown>;
}

/** Keeps a rule's own types inside its file: the fold passes its memory and parameters on without reading them. */
export function defineRule<Params extends z.ZodObject, Memory>(parts: RuleParts<Params, Memory>): Rule {
  return { scope: 'lock', ...(parts as unknown as Omit<Rule, 'scope'>) };
}

/** Where a record was made, for the alarm's map. */
function placeOf(context: EvaluationContext): { position?: { lon: number; lat: number } } {
  const position = context.fix ?? context.last?.fix;
  return position ? { position: { lon: position.lon, lat: position.lat } } : {};
}

/** An episode that begins with this record and needs no second one to be proven. */
export function episodeAt(context: EvaluationContext, evidence?: Record<string, unknown>): Episode {
  const timeMs = context.report.timeMs;
  return {
    lockId: context.report.lockId,
    startedMs: timeMs,
    confirmedMs: timeMs,
    provenMs: timeMs,
    ...(context.late ? { late: true } : {}),
    ...placeOf(context),
    ...(evidence ? { evidence } : {}),
  };
}
