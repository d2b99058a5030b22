import { Approval, Check as CheckSchema, Trip } from '@sealwatch/schemas';
import { z } from 'zod';
import { DECIDERS, OPERATORS, SUPERVISORS } from '../people/roles.ts';
import { tripOf } from '../store/trips/view.ts';
import { hold } from '../trips/hold.ts';
import { afterAct, STEP_ACTS } from '../trips/step-list.ts';
import { type Acted, cancel, StepRequest } from '../trips/steps.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

const StepAnswer = z.object({ step: z.string(), checks: z.array(CheckSchema), trip: Trip });

export function stepRoutes(app: Api, deps: ApiDeps): void {
  const params = z.object({ tripId: z.string() });
  const answer = async (acted: Acted) => {
    await afterAct(deps, acted);
    const { step, checks, row } = acted;
    return { step, checks, trip: tripOf(row) };
  };
  const response = answers({ 200: StepAnswer, 202: Approval });
  for (const [name, act] of Object.entries(STEP_ACTS)) {
    app.post(
      `/trips/:tripId/${name}`,
      { config: { roles: OPERATORS }, schema: { tags: ['custody'], params, body: StepRequest, response } },
      async (request) => answer(await act(deps, request.params.tripId, callerOf(request), request.body)),
    );
  }
  app.post(
    '/trips/:tripId/cancel',
    {
      config: { roles: SUPERVISORS },
      schema: {
        tags: ['custody'],
        summary: 'Cancel a trip; one with alarms that are not disposed of needs a reason and a second person (202)',
        params,
        body: z.object({ reason: z.string().max(2_000).default('') }),
        response,
      },
    },
    async (request) => answer(await cancel(deps, request.params.tripId, callerOf(request), request.body.reason)),
  );
  app.put(
    '/trips/:tripId/hold',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['custody'],
        summary: 'Hold a trip (布控), or with reason null let it go',
        params,
        body: z.object({ reason: z.string().min(1).max(500).nullable() }),
        response: answers({ 200: Trip }),
      },
    },
    async (request) => {
      const { reason } = request.body;
      return tripOf(await hold(deps, request.params.tripId, callerOf(request), reason));
    },
  );
}
