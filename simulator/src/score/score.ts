import type { Alarm } from '@sealwatch/schemas';
import type { Played } from '../scenario/play.ts';
import type { Thresholds } from '../scenario/scenario.ts';
import type { Expectation } from '../scenario/truth.ts';
import type { Evidence } from './evidence.ts';

export interface Percentiles {
  p50: number;
  p95: number;
  p99: number;
}

/** The score of one rule over all trips. Delays in s are differences of fix times, those in ms of clock times. */
export interface RuleScore {
  rule: string;
  expected: number;
  raised: number;
  /** raised although there was certainly no cause */
  unfounded: number;
  unfoundedCritical: number;
  /** from the true beginning to the first fix that showed it, and from there to confirmation */
  startDelayS?: Percentiles;
  confirmDelayS?: Percentiles;
  /** by the clock, ms: from the PUBLISH of the record that shows it to the truck drawn red on the live feed */
  redMs?: Percentiles;
  /** from the PUBLISH of the record that confirms it until the platform had the alarm */
  raisedMs?: Percentiles;
  /** and from that PUBLISH until the live feed delivered it */
  feedMs?: Percentiles;
}

export interface Score {
  trips: number;
  recall: number;
  falseCriticalPer1000: number;
  rules: RuleScore[];
  records: { acknowledged: number; missing: number; storedTwice: number };
  quarantine: { expected: number; found: number };
  verdicts: { right: number; wrong: number; unasked: number };
  /** the gate's decision time that it reports, ms */
  gateMs?: Percentiles;
  failures: string[];
}

/** @returns undefined if there are no values */
export function percentiles(values: readonly number[]): Percentiles | undefined {
  if (values.length === 0) return undefined;
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)]!;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

/** The alarm that answers an expectation: same rule, begun at most `SLACK_MS` outside the true span. */
export function answering(expectation: Expectation, alarms: readonly Alarm[]): Alarm | undefined {
  return alarms.find((alarm) => {
    const startedMs = Date.parse(alarm.startedAt);
    const inTime = startedMs >= expectation.span.fromMs - SLACK_MS && startedMs <= expectation.span.toMs + SLACK_MS;
    return alarm.rule === expectation.rule && alarm.state !== 'provisional' && inTime;
  });
}

/** A truck passes the corridor's edge before it is outside for certain; records are half a minute apart. */
const SLACK_MS = 180_000;

const DELAYS = ['startDelayS', 'confirmDelayS', 'redMs', 'raisedMs', 'feedMs'] as const;
type Delays = Partial<Record<(typeof DELAYS)[number], number>>;

/** When the record with this fix time was first published, epoch ms. */
function sentMs(played: Played, lockId: string, timeMs: number): number | undefined {
  return played.sent.find((one) => one.lockId === lockId && timeMs >= one.fromMs && timeMs <= one.toMs)?.sentMs;
}

/** Undefined if it came before the sending, which is possible because clocks of two machines differ. */
function since(fromMs: number | undefined, atMs: number | undefined): number | undefined {
  return fromMs === undefined || atMs === undefined || atMs < fromMs ? undefined : atMs - fromMs;
}

/** How late one alarm was, in fix time and by the clock. */
function delaysOf({ played, seen }: Evidence, expectation: Expectation, alarm: Alarm): Delays {
  const startedMs = Date.parse(alarm.startedAt);
  const confirmedMs = Date.parse(alarm.confirmedAt ?? alarm.startedAt);
  const confirmSentMs = sentMs(played, alarm.lockId, confirmedMs);
  const red = since(sentMs(played, alarm.lockId, startedMs), seen?.redMs);
  const raised = since(confirmSentMs, Date.parse(alarm.raisedAt));
  const onFeed = since(confirmSentMs, seen?.alarmMs.get(alarm.rule));
  return {
    startDelayS: (startedMs - expectation.span.fromMs) / 1_000,
    ...(alarm.confirmedAt ? { confirmDelayS: (confirmedMs - startedMs) / 1_000 } : {}),
    ...(red !== undefined && alarm.rule === 'route.deviation' ? { redMs: red } : {}),
    ...(raised === undefined ? {} : { raisedMs: raised }),
    ...(onFeed === undefined ? {} : { feedMs: onFeed }),
  };
}

function scoreRule(rule: string, evidence: readonly Evidence[]): RuleScore {
  const score: RuleScore = { rule, expected: 0, raised: 0, unfounded: 0, unfoundedCritical: 0 };
  const delays: Delays[] = [];
  for (const one of evidence) {
    const { played, alarms } = one;
    const expectations = played.truth.expected.filter((expected) => expected.rule === rule);
    for (const expectation of expectations) {
      score.expected += 1;
      const alarm = answering(expectation, alarms);
      if (!alarm) continue;
      score.raised += 1;
      delays.push(delaysOf(one, expectation, alarm));
    }
    if (expectations.length > 0 || played.truth.tolerated.includes(rule)) continue;
    const unfounded = alarms.filter((alarm) => alarm.rule === rule && alarm.state !== 'provisional');
    score.unfounded += unfounded.length;
    score.unfoundedCritical += unfounded.filter((alarm) => alarm.severity === 'critical').length;
  }
  const found = DELAYS.map((name) => [name, percentiles(delays.flatMap((one) => one[name] ?? []))] as const);
  return { ...score, ...Object.fromEntries(found.filter(([, value]) => value !== undefined)) };
}

function scoreRecords(evidence: readonly Evidence[]): Score['records'] {
  const shown = new Map<string, number>();
  for (const one of evidence) {
    // A lock on two trips is queried twice: a record counts once per query that returns it.
    for (const id of one.shown) shown.set(id, (shown.get(id) ?? 0) + 1);
  }
  const acknowledged = evidence.flatMap((one) => one.played.truth.acknowledged);
  const missing = acknowledged.filter((id) => !shown.has(id)).length;
  const storedTwice = evidence.reduce((sum, one) => sum + one.shown.length - new Set(one.shown).size, 0);
  return { acknowledged: acknowledged.length, missing, storedTwice };
}

/** Compares the truth with the platform's answers. */
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
  const gateMs = percentiles(evidence.flatMap(({ played }) => played.answer?.decidedInMs ?? []));
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
    ...(gateMs ? { gateMs } : {}),
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
    [
      (result.gateMs?.p95 ?? 0) > (thresholds.gateP95Ms ?? Number.POSITIVE_INFINITY),
      `the gate takes ${result.gateMs?.p95} ms (p95), at most ${thresholds.gateP95Ms} ms are allowed`,
    ],
  ];
  return checks.filter(([failed]) => failed).map(([, text]) => text);
}
