import type { UseCaseDeps } from '../ports.ts';
import type { TripView } from '../store/trips/row.ts';

/**
 * After the COMMIT of every change of trips, which has asked for them to be judged: waits for that, but not for long, then the
 * screens read them again.
 */
export async function afterChange(deps: Pick<UseCaseDeps, 'judging' | 'hints'>, ...tripIds: string[]): Promise<void> {
  await deps.judging.judged(tripIds);
  await deps.hints.publish({ hint: 'changed', tripIds });
}

/** After the COMMIT of commands to a trip's locks: whoever is connected to them sends what waits. */
export async function wake({ hints }: UseCaseDeps, { units }: TripView): Promise<void> {
  await hints.publish({ hint: 'commands', lockIds: units.map((unit) => unit.lockId) });
}
