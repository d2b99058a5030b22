import type { Episode, RuleState } from '../episode.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
import { episodeAt } from '../rule.ts';

/** Occurrences that follow each other within `windowMs` are one entry of the log, with a count. */
export interface Burst {
  /** Fix times of the newest occurrences within the window, at most `keep`. */
  timesMs: number[];
  total: number;
}

/**
 * @param weight how often it happened in this record; 0: not at all
 * @param describe the entry's evidence and severity, given how often it happened within the window and altogether
 */
export function stepBurst(
  was: RuleState<Burst>,
  context: EvaluationContext,
  weight: number,
  windowMs: number,
  describe: (inWindow: number, total: number) => Partial<Episode>,
): RuleState<Burst> {
  if (weight <= 0 && !was.open) return was.memory === undefined ? was : {};
  const timeMs = context.report.timeMs;
  const timesMs = (was.memory?.timesMs ?? []).filter((time) => timeMs - time <= windowMs);
  const over = was.open && timesMs.length === 0;
  if (weight <= 0) return over && was.open ? { ended: [closed(was.open)] } : was;
  // Ten are enough to distinguish a burst from a single occurrence, whatever the rule's threshold.
  const times = [...timesMs, ...Array(Math.min(weight, 10)).fill(timeMs)].slice(-10);
  const total = (over ? 0 : (was.memory?.total ?? 0)) + weight;
  const begun = was.open && !over ? was.open : episodeAt(context);
  const open: Episode = { ...begun, provenMs: timeMs, ...describe(times.length, total) };
  return {
    memory: { timesMs: times, total },
    open,
    ...(over && was.open ? { ended: [closed(was.open)] } : {}),
  };
}

function closed(episode: Episode): Episode {
  return { ...episode, endedMs: episode.provenMs ?? episode.startedMs };
}
