import type { Episode, RuleState } from '../episode.ts';
import type { EvaluationContext } from '../evaluation-context.ts';
import { episodeAt } from '../rule.ts';

/**
 * A condition that holds or does not. `holds` undefined: this record does not show it.
 * @param details fields of the open episode that this record updates
 */
export function stepLevel<Memory>(
  was: RuleState<Memory>,
  context: EvaluationContext,
  holds: boolean | undefined,
  details?: Partial<Episode>,
  memory?: Memory,
): RuleState<Memory> {
  if (!holds && was.memory === memory && (holds === undefined || !was.open)) return was;
  if (holds === undefined) return { memory, open: was.open };
  if (!holds) return was.open ? { memory, ended: [{ ...was.open, endedMs: context.report.timeMs }] } : { memory };
  return { memory, open: { ...(was.open ?? episodeAt(context)), ...details } };
}
