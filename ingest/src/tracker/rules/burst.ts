import type { Moment } from '../moment.ts';
import { type Episode, episodeAt, type Ruling } from '../rule.ts';

/** Occurrences that follow each other within `windowMs` are one entry of the log, with a count. */
export interface Burst {
  /** Fix times of the newest occurrences within the window, at most `keep`. */
  timesMs: number[];
  total: number;
}

/**
 * @param weight how often it happened in this record; 0: not at all
 * @param describe what the entry says, given how often it happened within the window and altogether
 */
export function stepBurst(
  was: Ruling<Burst>,
  moment: Moment,
  weight: number,
  windowMs: number,
  describe: (inWindow: number, total: number) => Partial<Episode>,
): Ruling<Burst> {
  if (weight <= 0 && !was.open) return was.memory === undefined ? was : {};
  const timeMs = moment.report.timeMs;
  const timesMs = (was.memory?.timesMs ?? []).filter((time) => timeMs - time <= windowMs);
  const over = was.open && timesMs.length === 0;
  if (weight <= 0) return over && was.open ? { ended: [closed(was.open)] } : was;
  // Ten are enough to tell a burst from a single occurrence, whatever the rule's threshold.
  const times = [...timesMs, ...Array(Math.min(weight, 10)).fill(timeMs)].slice(-10);
  const total = (over ? 0 : (was.memory?.total ?? 0)) + weight;
  const begun = was.open && !over ? was.open : episodeAt(moment);
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
