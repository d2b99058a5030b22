import type { Principal } from '../people/principal.ts';
import type { UseCaseDeps } from '../ports.ts';
import { afterChange, wake } from './after-change.ts';
import { type Acted, close, hang, release, type StepAsked, seal, unlock, verify } from './steps.ts';
import { writeOff } from './write-off.ts';

type Act = (deps: UseCaseDeps, tripId: string, caller: Principal, asked: StepAsked) => Promise<Acted>;

/** What is asked of one trip, or of every box of a train, by the name it has in the address. */
export const STEP_ACTS = { release, hang, seal, verify, 'write-off': writeOff, unlock, close } satisfies Record<
  string,
  Act
>;
export type StepAct = keyof typeof STEP_ACTS;

/** After the COMMIT of an act: the rules get the new plan, then the locks the unlocks that a write-off left for them. */
export async function afterAct(deps: UseCaseDeps, { step, row }: Acted): Promise<void> {
  await afterChange(deps, row.trip_id);
  if (step === 'write-off') await wake(deps, row);
}
