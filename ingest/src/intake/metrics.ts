import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the intake counts (issue: metrics per stage, depths, latencies, lag). */
export function intakeMetrics(
  registry: Registry,
  depth: { publishes(): number; records(): number; backfill(): number },
) {
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
  gauge('waiting_publishes', 'Publishes that wait for a batch', depth.publishes);
  gauge('waiting_records', 'Records that wait for a batch', depth.records);
  gauge('waiting_backfill_publishes', 'Publishes in the back-fill lane', depth.backfill);
  return {
    publishes: counter('publishes', 'Publishes received on report topics'),
    stored: counter('reports_stored', 'Records committed', ['kind']),
    duplicates: counter('duplicates', 'Records that had been stored already'),
    refused: counter('refused', 'Records put into quarantine, by reason', ['reason']),
    evicted: counter('quarantine_evicted', 'Quarantine rows that left because of the size cap'),
    retries: counter('batch_retries', 'Batches tried again after a database failure'),
    alarms: counter('alarms_raised', 'Alarms raised, by rule', ['rule']),
    rejudged: counter('rejudged_trips', 'Trips judged again from stored records because of late ones'),
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
      help: 'Admitting and judging a batch, its reads of the store included',
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
