import type { AlarmKind, Severity } from '@sealwatch/schemas';
import type { z } from 'zod';
import type { Moment } from './moment.ts';
import type { TripState } from './state.ts';

/** What a rule is, for the operators' handbook, the parameter check and the alarm's row. */
export interface RuleDescription {
  rule: string;
  kind: AlarmKind;
  severity: Severity;
  /** Code of the EAEU seal message; absent where the table has none. */
  eaeuCode?: string;
  text: { zh: string; en: string };
  params: z.ZodObject;
}

/** One stretch of time in which a rule's condition held. Plain JSON; times are epoch milliseconds. */
export interface Episode {
  lockId: string;
  startedMs: number;
  /** When the records proved it; absent: provisional. */
  confirmedMs?: number;
  endedMs?: number;
  lastInsideMs?: number;
  maxDistanceM?: number;
  /** Where it differs from the rule's. */
  severity?: Severity;
  /** The record that proved it came late. */
  late?: boolean;
  position?: { lon: number; lat: number };
  /** Time of the newest proof, so that a disposal can tell what it settled. */
  provenMs?: number;
  evidence?: Record<string, unknown>;
}

/** What a rule says after one record: its memory, the episode that is still open, and those that have just ended. */
export interface Ruling<Memory> {
  memory?: Memory | undefined;
  open?: Episode | undefined;
  ended?: Episode[] | undefined;
}

/** A rule of one lock, or of the trip as a whole; pure, and never throws. */
export interface RuleParts<Params extends z.ZodObject, Memory> extends Omit<RuleDescription, 'params'> {
  scope?: 'lock' | 'trip';
  params: Params;
  judge(was: Ruling<Memory>, moment: Moment, params: z.output<Params>): Ruling<Memory>;
  /** Where the episodes are kept by another room; otherwise the fold keeps what `judge` answered. */
  episodesIn?(state: TripState): Episode[];
}

export interface Rule extends RuleDescription {
  scope: 'lock' | 'trip';
  judge(was: Ruling<unknown>, moment: Moment, params: unknown): Ruling<unknown>;
  episodesIn?(state: TripState): Episode[];
}

/** Keeps a rule's own types inside its file: the fold carries its memory and parameters without looking at them. */
export function defineRule<Params extends z.ZodObject, Memory>(parts: RuleParts<Params, Memory>): Rule {
  return { scope: 'lock', ...(parts as unknown as Omit<Rule, 'scope'>) };
}

/** Where a record was, for the alarm's map. */
export function placeOf(moment: Moment): { position?: { lon: number; lat: number } } {
  const position = moment.fix ?? moment.last?.fix;
  return position ? { position: { lon: position.lon, lat: position.lat } } : {};
}

/** An episode that begins with this record and needs no second one to be believed. */
export function episodeAt(moment: Moment, evidence?: Record<string, unknown>): Episode {
  const timeMs = moment.report.timeMs;
  return {
    lockId: moment.report.lockId,
    startedMs: timeMs,
    confirmedMs: timeMs,
    provenMs: timeMs,
    ...(moment.late ? { late: true } : {}),
    ...placeOf(moment),
    ...(evidence ? { evidence } : {}),
  };
}
