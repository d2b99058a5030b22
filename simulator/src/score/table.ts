import type { Percentiles, RuleScore, Score } from './score.ts';

const three = (value: Percentiles | undefined) =>
  value ? `${Math.round(value.p50)}/${Math.round(value.p95)}/${Math.round(value.p99)}` : '–';

const COLUMNS: [title: string, cell: (rule: RuleScore) => string][] = [
  ['rule', (rule) => rule.rule],
  ['expected', (rule) => String(rule.expected)],
  ['raised', (rule) => String(rule.raised)],
  ['unfounded', (rule) => String(rule.unfounded)],
  ['start s', (rule) => three(rule.startDelayS)],
  ['confirm s', (rule) => three(rule.confirmDelayS)],
  ['red ms', (rule) => three(rule.redMs)],
  ['raised ms', (rule) => three(rule.raisedMs)],
  ['on feed ms', (rule) => three(rule.feedMs)],
];

/** The score as text. */
export function scoreTable(result: Score): string {
  const head = COLUMNS.map(([title]) => title);
  const rows = result.rules.map((rule) => COLUMNS.map(([, cell]) => cell(rule)));
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  const { records, quarantine, verdicts, gateMs } = result;
  return [
    line(head),
    ...rows.map(line),
    '',
    'Delays are p50/p95/p99. start, confirm: by fix time, from the true beginning, then to confirmation.',
    'red, raised, on feed: by the clock, from the PUBLISH of the record that shows (confirms) it.',
    '',
    `trips ${result.trips} · recall ${result.recall.toFixed(3)} · false critical per 1,000: ${result.falseCriticalPer1000}`,
    `records acknowledged ${records.acknowledged}, missing ${records.missing}, stored twice ${records.storedTwice}`,
    `quarantine ${quarantine.found} of ${quarantine.expected} · verdicts right ${verdicts.right}, wrong ${verdicts.wrong} · gate ms ${three(gateMs)}`,
    result.failures.length === 0 ? 'PASS' : `FAIL: ${result.failures.join('; ')}`,
  ].join('\n');
}
