import type { Hint, UseCaseDeps } from '../ports.ts';
import { notFound } from '../problem.ts';
import { feedPassageOf } from '../store/passages/passages.ts';
import { getPlace } from '../store/roads/places.ts';
import { tripsInheriting } from '../store/trips/inherited.ts';
import type { Gate, Passed } from './passed.ts';

export async function gateOf(deps: UseCaseDeps, gateId: string): Promise<Gate> {
  const place = await getPlace(deps.pool, gateId);
  if (place?.kind !== 'gate') throw notFound('gate', gateId);
  return { gateId, name: place.name, office: place.feature.properties.office };
}

/**
 * After the COMMIT, while the gate has its answer: the rules are told of the new plan and the locks of their commands; an
 * unlock waits in the store until its trip was judged.
 */
export function afterPassage(deps: UseCaseDeps, passed: Passed): void {
  const { row, gate, fresh, tripId, tripChanged, alarmIds, lockIds } = passed;
  if (!fresh) return;
  const publish = (hint: Hint) =>
    void deps.hints
      .publish(hint)
      .catch((error) => deps.log.error({ err: error, hint: hint.hint }, 'a hint was not taken'));
  if (tripId !== undefined && tripChanged) {
    void deps.judging.judged([tripId], 0);
    publish({ hint: 'changed', tripIds: [tripId] });
  }
  publish({ hint: 'commands', lockIds });
  publish({ hint: 'changed', alarmIds });
  if (alarmIds.length > 0) {
    // Trips with the same lock or box have the alarm's colour too.
    void tripsInheriting(deps.pool, alarmIds)
      .then((trips) => publish({ hint: 'changed', tripIds: trips.map(({ trip_id: id }) => id) }))
      .catch((error) => deps.log.error({ err: error }, 'trips of the same box could not be told of an alarm'));
  }
  publish({ hint: 'passage', passage: feedPassageOf(row, gate.name), office: gate.office });
}
