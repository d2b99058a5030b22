import { type PassageQuestion, readContainerNo } from '@sealwatch/schemas';
import { type Finding, found } from './finding.ts';
import type { GateFacts, GateTrip } from './gate-facts.ts';
import { compareCode, compareContainer } from './reading.ts';

/** How much of what was read belongs to a trip; a lock says more than a box, a box more than a plate. */
function likeness(question: PassageQuestion, trip: GateTrip): number {
  const locks = question.lockIds.filter((id) => trip.units.some((unit) => compareCode(id, unit.lockId) === 'same'));
  const boxes = question.containers.filter(({ no }) =>
    trip.units.some((unit) => compareContainer(no, unit.containerNo) !== 'different'),
  );
  const { plate } = question;
  const plates = plate === undefined ? 0 : trip.plates.some((p) => compareCode(plate.text, p) !== 'different') ? 1 : 0;
  return locks.length * 4 + boxes.length * 2 + plates;
}

export function match(facts: GateFacts): { trip?: GateTrip; doubts: Finding[] } {
  const { question } = facts;
  const ranked = facts.candidates
    .map((trip) => ({ trip, score: likeness(question, trip) }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score);
  const [best, second] = ranked;
  if (best === undefined) return { doubts: [noTrip(question)] };
  if (second?.score === best.score) {
    const which = ranked.filter(({ score }) => score === best.score).map(({ trip }) => trip.tripId);
    return { doubts: [found('gate.ambiguous', 'manual', which.join(', '))] };
  }
  return { trip: best.trip, doubts: [] };
}

/** Nothing on file: an alarm where something was read for sure, a person's task where every reading is in doubt. */
function noTrip({ plate, containers, lockIds }: PassageQuestion): Finding {
  const sure =
    plate?.confident === true ||
    lockIds.length > 0 ||
    containers.some(({ no, confident }) => confident && readContainerNo(no).ok);
  const read = [plate?.text, ...containers.map(({ no }) => no), ...lockIds].filter(Boolean).join(', ');
  return found('gate.no-trip', sure ? 'alarm' : 'manual', read === '' ? 'nothing read' : read, 'z');
}

export function unregistered({ question, registeredLocks }: GateFacts): Finding[] {
  return question.lockIds
    .filter((id) => !registeredLocks.some((known) => compareCode(id, known) === 'same'))
    .map((id) => found('gate.lock-unregistered', 'alarm', id, 'x'));
}
