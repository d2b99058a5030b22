import {
  type Corridor,
  DEFAULT_ROUTE_PARAMS,
  type Excursion,
  type JudgedFix,
  judge,
  type RouteChange,
  startRoute,
} from '../src/index.ts';

export interface Told {
  changes: { timeMs: number; change: RouteChange }[];
  problems: { timeMs: number; problem: string }[];
  excursions: readonly Excursion[];
  confirmed: Excursion[];
  outside: number;
}

/** Judges a whole drive and tells what was said about it. */
export function drive(corridor: Corridor, fixes: readonly JudgedFix[], params = DEFAULT_ROUTE_PARAMS): Told {
  let state = startRoute();
  const told: Told = { changes: [], problems: [], excursions: [], confirmed: [], outside: 0 };
  for (const fix of fixes) {
    const step = judge(corridor, state, fix, params);
    state = step.state;
    for (const change of step.verdict.changes) told.changes.push({ timeMs: fix.timeMs, change });
    for (const problem of step.verdict.problems) told.problems.push({ timeMs: fix.timeMs, problem });
    if (step.verdict.where === 'outside') told.outside++;
  }
  told.excursions = state.locks.flatMap((lock) => lock.excursions);
  told.confirmed = told.excursions.filter((excursion) => excursion.confirmedMs !== undefined);
  return told;
}

export const changesOf = (told: Told, change: RouteChange) => told.changes.filter((c) => c.change === change);
