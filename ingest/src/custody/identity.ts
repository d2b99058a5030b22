import { type PassageQuestion, readContainerNo } from '@sealwatch/schemas';
import { type Finding, found } from './finding.ts';
import type { GateTrip } from './gate-facts.ts';
import { isOneLookAlike } from './look-alikes.ts';
import { compareCode, compareContainer } from './reading.ts';

export function identity(question: PassageQuestion, trip: GateTrip, registered: string[]): Finding[] {
  return [...plate(question, trip), ...containers(question, trip), ...locks(question, trip, registered)];
}

export function plate({ plate }: PassageQuestion, trip: GateTrip): Finding[] {
  if (plate === undefined) return [found('gate.plate-missing', 'manual')];
  const likest = trip.plates.map((known) => compareCode(plate.text, known));
  if (likest.includes('same')) return [];
  const what = `${plate.text} ≠ ${trip.plates.join(' / ')}`;
  const isMisread = trip.plates.some((known) => isOneLookAlike(plate.text, known));
  if (likest.includes('doubtful') || isMisread || !plate.confident)
    return [found('gate.plate-doubtful', 'manual', what)];
  return [found('gate.plate', 'alarm', what)];
}

export function containers(question: PassageQuestion, trip: GateTrip): Finding[] {
  const declared = trip.units.map((unit) => unit.containerNo);
  const same = (no: string) => question.containers.some((read) => compareContainer(read.no, no) === 'same');
  const strange = question.containers.filter(
    (read) => !declared.some((no) => compareContainer(read.no, no) === 'same'),
  );
  const unread = declared.filter((no) => !same(no));
  const what = (no: string) => `${no} ≠ ${unread.length > 0 ? unread.join(' / ') : declared.join(' / ')}`;
  const ilu = declared.some((no) => readContainerNo(no, { ilu: true }).ok && !readContainerNo(no).ok);
  const mismatches = strange.map(({ no, confident }) => {
    const doubtful = declared.some((known) => compareContainer(no, known) === 'doubtful');
    // A number that fails its own check digit is a misreading, however sure the camera was.
    if (doubtful || !confident || !readContainerNo(no, { ilu }).ok)
      return found('gate.container-doubtful', 'manual', what(no));
    return found('gate.container', 'alarm', what(no));
  });
  // Each unknown number counts as a wrong reading of an expected one; only the remaining ones were not read.
  const missing = unread.slice(strange.length).map((no) => found('gate.container-missing', 'manual', no));
  return [...mismatches, ...missing];
}

export function locks(question: PassageQuestion, trip: GateTrip, registered: string[]): Finding[] {
  const declared = trip.units.map((unit) => unit.lockId);
  const strange = question.lockIds.filter((id) => !declared.some((known) => compareCode(id, known) === 'same'));
  const unread = declared.filter((known) => !question.lockIds.some((id) => compareCode(id, known) === 'same'));
  // A lock that is not registered has been named already.
  const known = strange.filter((id) => registered.some((lock) => compareCode(id, lock) === 'same'));
  return [
    ...known.map((id) => found('gate.lock', 'alarm', `${id} ≠ ${declared.join(' / ')}`)),
    ...unread.slice(strange.length).map((id) => found('gate.lock-missing', 'manual', id)),
  ];
}
