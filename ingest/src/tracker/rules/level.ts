import type { Moment } from '../moment.ts';
import { type Episode, episodeAt, type Ruling } from '../rule.ts';

/**
 * A condition that holds or does not. `holds` undefined: this record says nothing about it.
 * @param details what the open episode says now
 */
export function stepLevel<Memory>(
  was: Ruling<Memory>,
  moment: Moment,
  holds: boolean | undefined,
  details?: Partial<Episode>,
  memory?: Memory,
): Ruling<Memory> {
  if (!holds && was.memory === memory && (holds === undefined || !was.open)) return was;
  if (holds === undefined) return { memory, open: was.open };
  if (!holds) return was.open ? { memory, ended: [{ ...was.open, endedMs: moment.report.timeMs }] } : { memory };
  return { memory, open: { ...(was.open ?? episodeAt(moment)), ...details } };
}
