import type { FeedPassage } from '@sealwatch/schemas';
import type { ApiDeps } from '../api/plumbing/deps.ts';
import { notFound } from '../problem.ts';
import type { PassageRow } from '../store/passages/passages.ts';
import { getPlace } from '../store/roads/places.ts';
import type { Replanner } from '../trips/re-evaluation.ts';
import type { Gate, Passed } from './answer.ts';

/** A passage as the wall shows it. */
export function feedPassageOf(row: PassageRow, gateName: string): FeedPassage {
  const { question, answer } = row;
  return {
    ...answer,
    gateId: row.gate_id,
    gateName,
    ...(question.lane === undefined ? {} : { gateLane: question.lane }),
    direction: question.direction,
    at: question.at,
    ...(question.plate === undefined ? {} : { plate: question.plate.text }),
  };
}

export async function gateOf(deps: ApiDeps, gateId: string): Promise<Gate> {
  const place = await getPlace(deps.pool, gateId);
  if (place?.kind !== 'gate') throw notFound('gate', gateId);
  return { gateId, name: place.name, office: place.feature.properties.office };
}

/** After the COMMIT, while the gate has its answer: the rules get the new plan, then the locks their commands. */
export function afterPassage(deps: ApiDeps, replanner: Replanner, passed: Passed): void {
  const { row, gate, fresh, tripId, tripChanged, alarmIds, lockIds } = passed;
  if (!fresh) return;
  const wake = () => {
    for (const lockId of lockIds) deps.commands.wake(lockId);
  };
  if (tripId !== undefined && tripChanged) {
    replanner.changed(tripId, wake);
    deps.feed.tripChanged(tripId);
  }
  for (const alarmId of alarmIds) deps.feed.alarmChanged(alarmId);
  deps.feed.passage(feedPassageOf(row, gate.name), gate.office);
}
