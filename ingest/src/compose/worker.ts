import { startIntake } from '../intake/intake.ts';
import type { Judging, ReportDoor } from '../ports.ts';
import type { Base } from './part.ts';

export interface Worker extends Judging, ReportDoor {
  /** Commits what is in hand; to be called while the locks are still connected, so that they get their PUBACK. */
  drain(): Promise<void>;
}

/** The part that judges reports and commits them. */
export async function startWorker({ pool, registry, log, onProgress, live, hints, undo }: Base): Promise<Worker> {
  const intake = await startIntake({ pool, registry, log, onProgress });
  let drained: Promise<void> | undefined;
  const drain = () => {
    drained ??= intake.stop();
    return drained;
  };
  undo.push(drain);
  intake.onCommitted((committed) => live.publish(committed));
  hints.on('places', () => intake.refreshPlaces());
  hints.on('locks', async ({ lockIds }) => {
    for (const lockId of lockIds) await intake.refreshLock(lockId);
  });
  return {
    receive: (lockId, payload, done) => intake.receive(lockId, payload, done),
    ready: () => intake.ready(),
    warnings: () => intake.warnings(),
    reevaluate: (tripIds) => intake.refreshTrips(tripIds),
    drain,
  };
}
