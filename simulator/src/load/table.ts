import type { LoadResult } from './load.ts';

const ms = (value: number) => (value < 10 ? value.toFixed(1) : Math.round(value).toString());
const count = (value: number) => Math.round(value).toLocaleString('en');

/** The result of a load run as text. */
export function loadTable(result: LoadResult): string {
  const { latencyMs: late, ceiling } = result;
  const verdict =
    result.missingInSample > 0
      ? `FAIL: ${result.missingInSample} acknowledged records of the sample are not shown`
      : result.acknowledged < result.sent
        ? `FAIL: ${count(result.sent - result.acknowledged)} reports were not acknowledged`
        : 'PASS';
  return [
    `locks ${count(result.locks)}, connected in ${result.connectS.toFixed(1)} s`,
    `offered ${count(result.offeredPerS)} reports/s · sent ${count(result.sent)} · acknowledged ${count(result.acknowledged)} (${count(result.acknowledgedPerS)}/s)` +
      (result.unsendable > 0 ? ` · ${count(result.unsendable)} not sent: their lock had lost its connection` : ''),
    `from due to PUBACK, ms: p50 ${ms(late.p50)} · p95 ${ms(late.p95)} · p99 ${ms(late.p99)} · p99.9 ${ms(late.p999)} · max ${ms(late.max)}`,
    '  (from the moment each report was due: a stall counts for every report that it held up)',
    `the sender: busy ${result.senderBusyPercent} % of one core, ${ms(result.senderLateMs)} ms late at worst, ${count(result.senderReportsPerSPerCore)} reports/s per core here;`,
    `  against a sink that only acknowledges ${count(ceiling.reportsPerS)} reports/s and ${count(ceiling.locksPerS)} new locks/s per core`,
    verdict,
  ].join('\n');
}
