import type { AlarmKind, Severity } from '@sealwatch/schemas';
import { v5 } from 'uuid';
import type { Episode } from './episode.ts';
import type { ClockConfirmation, Disposal, TripPlan } from './plan.ts';
import type { Rule } from './rule.ts';
import { ALL_RULES, ruleNamed } from './rules.ts';
import type { RuleHistory, TripState } from './state.ts';

/** An alarm as the records show it. Times are epoch milliseconds; what people did with it is kept in the store. */
export interface AlarmFact {
  alarmId: string;
  rule: string;
  kind: AlarmKind;
  severity: Severity;
  /** `provisional`: not proven yet; `returned`: the condition has ended, though a latched alarm stays active. */
  phase: 'provisional' | 'open' | 'returned';
  active: boolean;
  lockId: string;
  lastInsideMs?: number;
  startedMs: number;
  confirmedMs?: number;
  endedMs?: number;
  maxDistanceM?: number;
  /** The record that proved it came late. Of all fields only this one depends on the order of arrival. */
  detectedLate: boolean;
  position?: { lon: number; lat: number };
  evidence: Record<string, unknown>;
}

/** All alarms that the state holds: the current ones, and the last few edge and level ones that ended. */
export function alarmsOf(plan: TripPlan, state: TripState): AlarmFact[] {
  return [...currentAlarms(plan, state), ...state.ended.map(({ rule, episode }) => endedAlarm(plan, rule, episode))];
}

/** The latched alarms of the whole trip, disposed ones too, and the edge and level ones that are open. */
export function currentAlarms(plan: TripPlan, state: TripState): AlarmFact[] {
  return ALL_RULES.flatMap((rule) => currentAlarmsOf(rule, plan, state));
}

/** The current alarms of one rule. */
export function currentAlarmsOf(rule: Rule, plan: TripPlan, state: TripState): AlarmFact[] {
  const episodes = episodesIn(rule, state);
  return rule.kind === 'latched' ? latchedAlarms(plan, rule, episodes) : openAlarms(plan, rule, episodes);
}

/** The episodes of a latched rule, or the open ones of another. */
export function episodesIn(rule: Rule, state: TripState): Episode[] {
  if (rule.episodesIn) return rule.episodesIn(state);
  const kept = state.rules[rule.rule];
  const open = Object.values(kept?.by ?? {}).flatMap((ofLock) => ofLock.open ?? []);
  return kept?.past ? [...kept.past, ...open] : open;
}

/** Whether two states hold the same episode objects, so that their `currentAlarms` are equal under one plan. */
export function hasSameEpisodes(a: TripState, b: TripState): boolean {
  if (a.rules !== b.rules) {
    for (const name in a.rules) if (!(name in b.rules) && hasEpisodes(a.rules[name])) return false;
    for (const name in b.rules) if (!isSameHistory(a.rules[name], b.rules[name])) return false;
  }
  const [locksA, locksB] = [a.route.locks, b.route.locks];
  return locksB.every((lock, index) => {
    const before = locksA[index];
    return before ? before.excursions === lock.excursions : lock.excursions.length === 0;
  });
}

function hasEpisodes(kept: RuleHistory | undefined): boolean {
  return !isSameHistory(undefined, kept);
}

function isSameHistory(a: RuleHistory | undefined, b: RuleHistory | undefined): boolean {
  if (a === b) return true;
  if (a?.past !== b?.past) return false;
  const [byA, byB] = [a?.by ?? {}, b?.by ?? {}];
  for (const name in byA) if (!(name in byB) && byA[name]?.open) return false;
  for (const name in byB) if (byA[name]?.open !== byB[name]?.open) return false;
  return true;
}

/** An edge or level alarm that is over. @param rule the rule's name */
export function endedAlarm(plan: TripPlan, rule: string, episode: Episode): AlarmFact {
  return factOf(plan, ruleNamed(rule), episode, false);
}

/** Two locks of one trip may both be in a condition: the first one becomes the alarm, the other when that has ended. */
function openAlarms(plan: TripPlan, rule: Rule, open: Episode[]): AlarmFact[] {
  const shown = open.reduce<Episode | undefined>(
    (first, episode) => (first && !seenBefore(episode, first) ? first : episode),
    undefined,
  );
  return shown ? [factOf(plan, rule, shown, rule.kind === 'level')] : [];
}

function seenBefore(a: Episode, b: Episode): boolean {
  const [seenA, seenB] = [a.confirmedMs ?? a.startedMs, b.confirmedMs ?? b.startedMs];
  return seenA === seenB ? a.lockId < b.lockId : seenA < seenB;
}

/** The alarm of one episode of an edge or level rule. */
export function factOf(plan: TripPlan, rule: Rule, episode: Episode, active: boolean): AlarmFact {
  return {
    alarmId: v5(
      `${rule.rule} ${episode.lockId} ${episode.startedMs}${episode.of ? ` ${episode.of}` : ''}`,
      plan.tripId,
    ),
    rule: rule.rule,
    kind: rule.kind,
    severity: episode.severity ?? rule.severity,
    phase: active ? 'open' : 'returned',
    active,
    lockId: episode.lockId,
    startedMs: episode.startedMs,
    confirmedMs: episode.confirmedMs ?? episode.startedMs,
    ...(active ? {} : { endedMs: episode.endedMs ?? episode.provenMs ?? episode.startedMs }),
    ...(episode.maxDistanceM === undefined ? {} : { maxDistanceM: episode.maxDistanceM }),
    detectedLate: episode.late === true,
    ...(episode.position ? { position: episode.position } : {}),
    evidence: episode.evidence ?? {},
  };
}

/**
 * The alarms of a latched rule: one for each disposal, and one for the episodes that no disposal settles. Proven episodes
 * make the alarm; an unproven one counts only if none is proven.
 */
function latchedAlarms(plan: TripPlan, rule: Rule, episodes: Episode[]): AlarmFact[] {
  const disposals = plan.disposals.filter((disposal) => disposal.rule === rule.rule);
  const confirmed = withClockConfirmations(plan, rule, [...episodes, ...(rule.episodesInPlan?.(plan) ?? [])]);
  const groups = new Map<number, Episode[]>();
  for (const episode of confirmed) {
    const ordinal = disposals.find((disposal) => settles(rule, disposal, episode))?.ordinal ?? disposals.length;
    groups.set(ordinal, [...(groups.get(ordinal) ?? []), episode]);
  }
  return [...groups].flatMap(([ordinal, group]) => {
    const proven = group.filter((episode) => episode.confirmedMs !== undefined);
    const disposed = ordinal < disposals.length;
    if (proven.length > 0) return [latchedAlarm(plan, rule, ordinal, proven, !disposed)];
    const pending = group.find((episode) => episode.endedMs === undefined);
    return pending && !disposed ? [latchedAlarm(plan, rule, ordinal, [pending], true)] : [];
  });
}

/**
 * A span settles the episodes that were open in it, even if they went on after it, and those proven within it. So further
 * records can add unsettled episodes, but never settle one afterwards. The lock named by an episode of the whole trip
 * may change with a late record, so the lock is ignored there.
 */
function settles(rule: Rule, disposal: Disposal, episode: Episode): boolean {
  const proven = episode.provenMs ?? episode.startedMs;
  return disposal.spans.some(([from, to, lockId]) => {
    if (rule.scope !== 'trip' && lockId !== undefined && lockId !== episode.lockId) return false;
    return episode.startedMs <= from ? proven >= from : proven <= to && episode.startedMs <= to;
  });
}

function withClockConfirmations(plan: TripPlan, rule: Rule, episodes: Episode[]): Episode[] {
  const byClock = (plan.clockConfirmations ?? []).filter((confirmation) => confirmation.rule === rule.rule);
  // An episode that one fix began and the next one ended is no longer in the fold; its clock confirmation keeps the alarm.
  const gone = byClock.filter((confirmation) => !episodes.some((episode) => isOf(confirmation, episode)));
  return [
    ...episodes.map((episode) => {
      const found = episode.confirmedMs === undefined && byClock.find((confirmation) => isOf(confirmation, episode));
      return found ? { ...episode, confirmedMs: found.confirmedMs, provenMs: found.startedMs } : episode;
    }),
    ...gone.map(({ lockId, startedMs, confirmedMs }) => ({
      lockId,
      startedMs,
      confirmedMs,
      provenMs: startedMs,
      endedMs: confirmedMs,
      evidence: { confirmedBy: 'clock' },
    })),
  ];
}

function isOf(confirmation: ClockConfirmation, episode: Episode): boolean {
  const { lockId, startedMs } = confirmation;
  return lockId === episode.lockId && startedMs >= episode.startedMs && startedMs <= (episode.endedMs ?? Infinity);
}

function latchedAlarm(plan: TripPlan, rule: Rule, ordinal: number, group: Episode[], active: boolean): AlarmFact {
  const episodes = group.toSorted((a, b) => a.startedMs - b.startedMs || (a.lockId < b.lockId ? -1 : 1));
  const first = episodes[0]!;
  const firstProven = episodes.reduce((best, next) =>
    (next.confirmedMs ?? Infinity) < (best.confirmedMs ?? Infinity) ? next : best,
  );
  const over = episodes.every((episode) => episode.endedMs !== undefined);
  const distances = episodes.flatMap((episode) => episode.maxDistanceM ?? []);
  return {
    alarmId: v5(`${rule.rule} ${ordinal}`, plan.tripId),
    rule: rule.rule,
    kind: rule.kind,
    severity: rule.severity,
    phase: firstProven.confirmedMs === undefined ? 'provisional' : over ? 'returned' : 'open',
    active,
    lockId: first.lockId,
    ...(first.lastInsideMs === undefined ? {} : { lastInsideMs: first.lastInsideMs }),
    startedMs: first.startedMs,
    ...(firstProven.confirmedMs === undefined ? {} : { confirmedMs: firstProven.confirmedMs }),
    ...(over ? { endedMs: Math.max(...episodes.map((episode) => episode.endedMs ?? 0)) } : {}),
    ...(distances.length > 0 ? { maxDistanceM: Math.max(...distances) } : {}),
    detectedLate: firstProven.late === true,
    ...(first.position ? { position: first.position } : {}),
    evidence: { ...first.evidence, excursions: episodes.map(excursionOf) },
  };
}

function excursionOf(episode: Episode): Record<string, unknown> {
  const { startedMs, endedMs, lockId, maxDistanceM, lastInsideMs, confirmedMs } = episode;
  return {
    lockId,
    fromMs: startedMs,
    ...(endedMs === undefined ? {} : { toMs: endedMs, durationMs: endedMs - startedMs }),
    ...(lastInsideMs === undefined ? {} : { lastInsideMs }),
    ...(confirmedMs === undefined ? {} : { confirmedMs }),
    ...(maxDistanceM === undefined ? {} : { maxDistanceM }),
  };
}
