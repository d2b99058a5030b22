import type { PassageDecision } from '@sealwatch/schemas';
import { CommandOrder } from '@sealwatch/schemas';
import { z } from 'zod';
import { actOnAlarm } from '../alarms/acts.ts';
import { giveCommand } from '../commands/give.ts';
import { afterPassage, gateOf } from '../passages/after-passage.ts';
import { decideByHand } from '../passages/manual-decision.ts';
import type { Principal } from '../people/principal.ts';
import { resetSecondFactor } from '../people/second-factor.ts';
import type { UseCaseDeps } from '../ports.ts';
import type { ApprovalRow } from '../store/people/approvals.ts';
import { afterAct, STEP_ACTS } from '../trips/step-list.ts';
import { type Acted, cancel, StepRequest } from '../trips/steps.ts';

export interface PerformDeps extends UseCaseDeps {}

/** An unlock as it was asked for, also one that is given again. */
const Unlock = CommandOrder.extend({
  retryOf: z.object({ commandId: z.string(), state: z.string() }).optional(),
});

const STEPS = { 'trip.verify': 'verify', 'trip.write-off': 'write-off', 'trip.unlock': 'unlock' } as const;

/**
 * Does what was asked, as the person who asked, with the second person's name.
 * @param asker with `approved` set
 * @throws ApiProblem as the act itself
 */
export async function perform(deps: PerformDeps, row: ApprovalRow, asker: Principal): Promise<void> {
  const { act, asked, subject } = row;
  const tripId = row.trip_id ?? '';
  if (act === 'lock.unlock') {
    await giveCommand(deps, subject.lockId ?? '', asker, Unlock.parse(asked));
  } else if (act === 'second-factor.reset') {
    await resetSecondFactor(deps, asker, subject.person ?? '');
  } else if (act === 'gate.decide') {
    const gate = await gateOf(deps, subject.gateId ?? '');
    const decision = asked as z.output<typeof PassageDecision>;
    const passage = { passageId: subject.passageId ?? '', day: subject.day };
    const passed = await decideByHand(deps, gate, passage, asker, decision);
    afterPassage(deps, passed);
  } else if (act === 'alarm.dispose') {
    const { text, falseAlarm } = asked as { text: string; falseAlarm: boolean };
    await actOnAlarm(deps, subject.alarmId ?? '', asker, { act: 'dispose', text, falseAlarm });
  } else {
    let acted: Acted;
    if (act === 'trip.cancel') acted = await cancel(deps, tripId, asker, String(asked.reason));
    else acted = await STEP_ACTS[STEPS[act]](deps, tripId, asker, StepRequest.parse(asked));
    await afterAct(deps, acted);
  }
}
