import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { toJudgeBacklog } from '../store/trips/to-judge.ts';
import type { Lanes } from './lanes.ts';
import type { BatchOutcome } from './outcome.ts';
import type { Written } from './write.ts';

type Backlog = Awaited<ReturnType<typeof toJudgeBacklog>>;

/** The intake's metrics: queue depths, counts and latencies by step. */
export function intakeMetrics(registry: Registry, lanes: Lanes, roster: { tripCount: number }) {
  const registers = [registry];
  const counter = (name: string, help: string, labelNames: string[] = []) =>
    new Counter({ name: `sealwatch_intake_${name}_total`, help, labelNames, registers });
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `sealwatch_intake_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge('waiting_publishes', 'Publishes that wait for a batch', () => lanes.publishes);
  gauge('waiting_records', 'Records that seem to wait for a batch', () => lanes.records);
  gauge('waiting_backfill_publishes', 'Publishes in the back-fill lane', () => lanes.backfillPublishes);
  gauge('trips', 'Open trips whose records are judged', () => roster.tripCount);
  let backlog: Backlog = { trips: 0, oldestS: 0 };
  gauge('to_judge', 'Trips whose plan has changed and that are not judged by it yet', () => backlog.trips);
  gauge('to_judge_oldest_seconds', 'For how long the first of them has waited', () => backlog.oldestS);
  return {
    toJudge(seen: Backlog): void {
      backlog = seen;
    },
    judgingFailures: counter('judging_failures', 'Times a trip could not be judged, by its new plan or by the clock'),
    ready(isReady: () => boolean): void {
      gauge('ready', '1 while reports are accepted, 0 while they cannot be committed', () => Number(isReady()));
    },
    publishes: counter('publishes', 'Publishes received on report topics'),
    stored: counter('reports_stored', 'Records committed', ['kind']),
    duplicates: counter('duplicates', 'Records that had been stored already'),
    refused: counter('refused', 'Records put into quarantine, by reason', ['reason']),
    leftOut: counter('values_left_out', 'Values that could not be and were left out of their records, by field', [
      'field',
    ]),
    retries: counter('batch_retries', 'Batches tried again after a database failure'),
    alarms: counter('alarms_raised', 'Alarms raised, by rule', ['rule']),
    reevaluated: counter('rejudged_trips', 'Trips judged again from stored records because of late ones'),
    batch: new Histogram({
      name: 'sealwatch_intake_batch_records',
      help: 'Records in a batch',
      buckets: [1, 5, 20, 100, 500, 1000, 2000, 5000],
      registers,
    }),
    commit: new Histogram({
      name: 'sealwatch_intake_commit_seconds',
      help: 'From the begin of a transaction to its commit',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    judge: new Histogram({
      name: 'sealwatch_intake_judge_seconds',
      help: 'Reading, admitting and judging a batch, its reads of the store included',
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    lag: new Histogram({
      name: 'sealwatch_intake_lag_seconds',
      help: 'From the fix time of live records to their commit',
      buckets: [0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800],
      registers,
    }),
  };
}

export type IntakeMetrics = ReturnType<typeof intakeMetrics>;

/** Counts a batch that has committed. */
export function countBatch(
  metrics: IntakeMetrics,
  { admitted, trips }: BatchOutcome,
  written: Written,
  nowMs: number,
): void {
  metrics.batch.observe(admitted.accepted.length);
  metrics.duplicates.inc(admitted.duplicates.length);
  metrics.reevaluated.inc(trips.filter((trip) => trip.reevaluated).length);
  for (const { refusal } of admitted.refusals) metrics.refused.inc({ reason: refusal.reason });
  for (const { rule } of written.raised) metrics.alarms.inc({ rule });
  for (const { leftOut } of admitted.partial) {
    // The place in a list is no part of the name.
    for (const { field } of leftOut) metrics.leftOut.inc({ field: field.replace(/\.\d+/g, '') });
  }
  let live = 0;
  for (const record of admitted.accepted) {
    if (record.kind === 'backfill') continue;
    live += 1;
    metrics.lag.observe((nowMs - record.timeMs) / 1000);
  }
  metrics.stored.inc({ kind: 'live' }, live);
  metrics.stored.inc({ kind: 'backfill' }, admitted.accepted.length - live);
}
