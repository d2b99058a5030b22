import type { Alarm } from '@sealwatch/schemas';
import type { Thresholds } from '../scenario/scenario.ts';
import type { Expectation } from '../scenario/truth.ts';
import type { Evidence } from './evidence.ts';

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** How one rule did over all trips. Delays are differences of fix times, s. */
export interface RuleScore {
  rule: string;
  expected: number;
  raised: number;
  /** raised without a cause, where the cause's absence is certain */
  unfounded: number;
  unfoundedCritical: number;
  /** from the true beginning to the first fix that showed it, and from there to confirmation */
  startDelayS?: Percentiles;
  confirmDelayS?: Percentiles;
}

export interface Score {
  trips: number;
  recall: number;
  falseCriticalPer1000: number;
  rules: RuleScore[];
  records: { acknowledged: number; missing: number; storedTwice: number };
  quarantine: { expected: number; found: number };
  verdicts: { right: number; wrong: number; unasked: number };
  failures: string[];
}

/** @param values any numbers; undefined where there are none */
export function percentiles(values: readonly number[]): Percentiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** The alarm that answers an expectation: same rule, begun no earlier than a little before it truly began. */
export function answering(expectation: Expectation, alarms: readonly Alarm[]): Alarm | undefined {
  return alarms.find((alarm) => {
    const startedMs = Date.parse(alarm.startedAt);
    const inTime = startedMs >= expectation.span.fromMs - SLACK_MS && startedMs <= expectation.span.toMs + SLACK_MS;
    return alarm.rule === expectation.rule && alarm.state !== 'provisional' && inTime;
  });
}

/** A truck passes the corridor's edge before it is outside for certain; records are half a minute apart. */
const SLACK_MS = 180_000;

function scoreRule(rule: string, evidence: readonly Evidence[]): RuleScore {
  const score: RuleScore = { rule, expected: 0, raised: 0, unfounded: 0, unfoundedCritical: 0 };
  const starts: number[] = [];
  const confirms: number[] = [];
  for (const { played, alarms } of evidence) {
    const expectations = played.truth.expected.filter((one) => one.rule === rule);
    for (const expectation of expectations) {
      score.expected += 1;
      const alarm = answering(expectation, alarms);
      if (!alarm) continue;
      score.raised += 1;
      starts.push((Date.parse(alarm.startedAt) - expectation.span.fromMs) / 1_000);
      if (alarm.confirmedAt) confirms.push((Date.parse(alarm.confirmedAt) - Date.parse(alarm.startedAt)) / 1_000);
    }
    if (expectations.length > 0 || played.truth.tolerated.includes(rule)) continue;
    const unfounded = alarms.filter((alarm) => alarm.rule === rule && alarm.state !== 'provisional');
    score.unfounded += unfounded.length;
    score.unfoundedCritical += unfounded.filter((alarm) => alarm.severity === 'critical').length;
  }
  const startDelayS = percentiles(starts);
  const confirmDelayS = percentiles(confirms);
  return { ...score, ...(startDelayS ? { startDelayS } : {}), ...(confirmDelayS ? { confirmDelayS } : {}) };
}

function scoreRecords(evidence: readonly Evidence[]): Score['records'] {
  const shown = new Map<string, number>();
  for (const one of evidence) {
    // A lock on two trips is asked for twice: its records count once per asking that overlaps.
    for (const id of one.shown) shown.set(id, (shown.get(id) ?? 0) + 1);
  }
  const acknowledged = evidence.flatMap((one) => one.played.truth.acknowledged);
  const missing = acknowledged.filter((id) => !shown.has(id)).length;
  const storedTwice = evidence.reduce((sum, one) => sum + one.shown.length - new Set(one.shown).size, 0);
  return { acknowledged: acknowledged.length, missing, storedTwice };
}

/** Truth against what the platform says. */
export function score(evidence: readonly Evidence[], quarantineFound: number, thresholds: Thresholds): Score {
  const names = new Set(
    evidence.flatMap(({ played, alarms }) => [
      ...played.truth.expected.map(({ rule }) => rule),
      ...alarms.map(({ rule }) => rule),
    ]),
  );
  const rules = [...names].sort().map((rule) => scoreRule(rule, evidence));
  const expected = rules.reduce((sum, rule) => sum + rule.expected, 0);
  const raised = rules.reduce((sum, rule) => sum + rule.raised, 0);
  const falseCritical = rules.reduce((sum, rule) => sum + rule.unfoundedCritical, 0);
  const asked = evidence.filter(({ played }) => played.truth.verdict !== 'unasked');
  const right = asked.filter(({ played }) => played.answer?.verdict === played.truth.verdict).length;
  const result: Score = {
    trips: evidence.length,
    recall: expected === 0 ? 1 : raised / expected,
    falseCriticalPer1000: evidence.length === 0 ? 0 : (falseCritical * 1_000) / evidence.length,
    rules,
    records: scoreRecords(evidence),
    quarantine: {
      expected: evidence.reduce((sum, { played }) => sum + played.truth.quarantined, 0),
      found: quarantineFound,
    },
    verdicts: { right, wrong: asked.length - right, unasked: evidence.length - asked.length },
    failures: [],
  };
  return { ...result, failures: failuresOf(result, thresholds) };
}

function failuresOf(result: Score, thresholds: Thresholds): string[] {
  const { records, quarantine, verdicts } = result;
  const checks: [boolean, string][] = [
    [result.trips === 0, 'no trip was played to its end'],
    [result.recall < thresholds.recall, `recall ${result.recall.toFixed(3)} is below ${thresholds.recall}`],
    [
      result.falseCriticalPer1000 > thresholds.falseCriticalPer1000,
      `${result.falseCriticalPer1000.toFixed(1)} critical alarms without a cause per 1,000 trips`,
    ],
    [records.missing > thresholds.missing, `${records.missing} acknowledged records are not shown`],
    [records.storedTwice > thresholds.storedTwice, `${records.storedTwice} records are stored twice`],
    [quarantine.found < quarantine.expected, `quarantine holds ${quarantine.found} of ${quarantine.expected}`],
    [verdicts.wrong > thresholds.wrongVerdicts, `${verdicts.wrong} verdicts at the gate are wrong`],
  ];
  return checks.filter(([failed]) => failed).map(([, text]) => text);
}

const delay = (value: Percentiles | undefined) =>
  value ? `${Math.round(value.p50)}/${Math.round(value.p95)}/${Math.round(value.p99)}` : '–';

/** The score for people's eyes. */
export function scoreTable(result: Score): string {
  const head = ['rule', 'expected', 'raised', 'unfounded', 'start s p50/95/99', 'confirm s p50/95/99'];
  const rows = result.rules.map((rule) => [
    rule.rule,
    String(rule.expected),
    String(rule.raised),
    String(rule.unfounded),
    delay(rule.startDelayS),
    delay(rule.confirmDelayS),
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (row: string[]) =>
    row
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd();
  const { records, quarantine, verdicts } = result;
  return [
    line(head),
    ...rows.map(line),
    '',
    `trips ${result.trips} · recall ${result.recall.toFixed(3)} · false critical per 1,000: ${result.falseCriticalPer1000}`,
    `records acknowledged ${records.acknowledged}, missing ${records.missing}, stored twice ${records.storedTwice}`,
    `quarantine ${quarantine.found} of ${quarantine.expected} · verdicts right ${verdicts.right}, wrong ${verdicts.wrong}`,
    result.failures.length === 0 ? 'PASS' : `FAIL: ${result.failures.join('; ')}`,
  ].join('\n');
}
