import { startIntake } from '../intake/intake.ts';
import { replayAhead } from '../intake/refused-ahead.ts';
import type { ReportDoor, Slots } from '../ports.ts';
import { listenForJudging } from './judging.ts';
import type { Base } from './part.ts';

export interface Worker extends ReportDoor {
  /** Commits what is in hand; to be called while the locks are still connected, so that they get their PUBACK. */
  drain(): Promise<void>;
}

export interface WorkerDeps {
  /** It admits the records of the locks in them, and folds the trips in them. */
  slots: Slots;
  /** The clock by which reports are received, epoch ms. */
  nowMs: () => number;
}

/** The part that judges reports and commits them. */
export async function startWorker(
  base: Pick<Base, 'pool' | 'registry' | 'log' | 'onProgress' | 'live' | 'hints' | 'undo'>,
  { slots, nowMs }: WorkerDeps,
): Promise<Worker> {
  const { pool, registry, log, onProgress, live, hints, undo } = base;
  const intake = await startIntake({ pool, registry, log, slots, onProgress, nowMs });
  let drained: Promise<void> | undefined;
  const drain = () => {
    drained ??= intake.stop();
    return drained;
  };
  undo.push(drain);
  const stopping = new AbortController();
  const receive: ReportDoor['receive'] = (...publish) => intake.receive(...publish);
  void replayAhead({ pool, log, receive, nowMs }, stopping.signal).catch((error) =>
    log.warn({ err: error }, 'what an earlier version refused as ahead was not judged; the next start tries again'),
  );
  undo.push(async () => stopping.abort());
  intake.onCommitted((committed) => live.publish(committed));
  listenForJudging(intake, hints, log);
  hints.on('places', () => intake.refreshPlaces());
  hints.on('locks', async ({ lockIds }) => {
    for (const lockId of lockIds) await intake.refreshLock(lockId);
  });
  hints.onGap(() => {
    const read = Promise.all([intake.refreshPlaces(), intake.refreshLocks(), intake.judgeWaiting()]);
    void read.catch((error) => log.warn({ err: error }, 'what was missed could not be read'));
  });
  return {
    receive,
    ready: () => intake.ready(),
    warnings: () => intake.warnings(),
    drain,
  };
}
