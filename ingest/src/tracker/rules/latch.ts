import type { Moment } from '../moment.ts';
import { type Episode, episodeAt, type Ruling } from '../rule.ts';

/**
 * A latched rule that one record proves. A record that shows the contrary ends the episode, and only that: proofs stay
 * proofs whatever else comes (law 4), so more records can split an episode but never take it away.
 * @param shows true: a proof; false: the contrary; undefined: nothing said
 * @param evidence asked only where an episode begins: most records begin none
 */
export function stepLatch<Memory>(
  was: Ruling<Memory>,
  moment: Moment,
  shows: boolean | undefined,
  evidence?: (moment: Moment) => Record<string, unknown>,
  memory?: Memory,
): Ruling<Memory> {
  if (!shows && was.memory === memory && (shows === undefined || !was.open)) return was;
  if (shows === undefined) return { memory, open: was.open };
  if (!shows) return was.open ? { memory, ended: [{ ...was.open, endedMs: moment.report.timeMs }] } : { memory };
  const open: Episode = was.open
    ? { ...was.open, provenMs: moment.report.timeMs }
    : episodeAt(moment, evidence?.(moment));
  return { memory, open };
}
