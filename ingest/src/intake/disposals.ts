import type { StoredTrip } from '../store/reports/roster.ts';
import type { Disposal } from '../tracker/plan.ts';

/** Alarms that people disposed of, for the tracker: numbered within each rule, with the time spans they settle. */
export function disposalsOf(disposed: StoredTrip['disposed']): Disposal[] {
  const counts = new Map<string, number>();
  return disposed
    .toSorted((a, b) => a.disposedMs - b.disposedMs)
    .map(({ rule, alarmId, evidence, startedMs, disposedMs }) => {
      const ordinal = counts.get(rule) ?? 0;
      counts.set(rule, ordinal + 1);
      const spans = spansOf(evidence.excursions, disposedMs);
      return { rule, alarmId, ordinal, spans: spans.length > 0 ? spans : [[startedMs, disposedMs]], atMs: disposedMs };
    });
}

function spansOf(excursions: unknown, untilMs: number): [number, number][] {
  if (!Array.isArray(excursions)) return [];
  return excursions.flatMap((excursion: { fromMs?: unknown; toMs?: unknown }) =>
    typeof excursion.fromMs === 'number'
      ? [[excursion.fromMs, typeof excursion.toMs === 'number' ? excursion.toMs : untilMs] as [number, number]]
      : [],
  );
}
