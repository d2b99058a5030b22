import type { Alarm, SimulatedLock, TrueEvent } from '@sealwatch/schemas';

/** A true event and the platform's alarm about it; `waiting`: the platform still has time to raise it. */
export interface Comparison {
  rule: string;
  truth?: TrueEvent;
  said?: Alarm;
  word: 'right' | 'waiting' | 'missing' | 'unfounded';
}

/** Two records and the minute that confirms an alarm by the clock, ms. */
const PATIENCE_MS = 120_000;

/** One row per rule: at most one alarm of a rule is active on a trip. */
export function compare(lock: SimulatedLock, alarms: readonly Alarm[], nowMs: number): Comparison[] {
  const mine = alarms.filter(({ tripId }) => tripId === lock.tripId);
  const rules = [...new Set(lock.happened.map(({ rule }) => rule))];
  const rows = rules.map((rule): Comparison => {
    const truth = lock.happened.find((one) => one.rule === rule)!;
    const said = mine.find((alarm) => alarm.rule === rule);
    if (said && said.state !== 'provisional') return { rule, truth, said, word: 'right' };
    const young = nowMs - Date.parse(truth.fromAt) < PATIENCE_MS;
    return { rule, truth, ...(said ? { said } : {}), word: young || said ? 'waiting' : 'missing' };
  });
  const excused = new Set([...rules, ...lock.tolerated]);
  const unfounded = mine.filter(({ rule, state }) => !excused.has(rule) && state !== 'provisional');
  return [...rows, ...unfounded.map((said): Comparison => ({ rule: said.rule, said, word: 'unfounded' }))];
}

/** The result for a lock as a whole: the worst of its rows. */
export function worst(rows: readonly Comparison[]): Comparison['word'] {
  const order = ['missing', 'unfounded', 'waiting'] as const;
  return order.find((word) => rows.some((row) => row.word === word)) ?? 'right';
}
