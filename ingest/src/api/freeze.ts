import { Time, Trip } from '@sealwatch/schemas';
import { z } from 'zod';
import { freeze } from '../alarms/freeze.ts';
import { DECIDERS } from '../people/roles.ts';
import { tripOf } from '../store/trips/view.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

const Asked = z.union([
  z.object({ reason: z.string().trim().min(1).max(500), until: Time }),
  z.object({ reason: z.null() }),
]);

export function freezeRoutes(app: Api, deps: ApiDeps): void {
  app.put(
    '/trips/:tripId/freeze',
    {
      config: { roles: DECIDERS },
      schema: {
        tags: ['alarms'],
        summary:
          'Keep a vehicle quiet until a time, with a reason: its alarms are recorded and not shouted; reason null ends it',
        params: z.object({ tripId: z.string() }),
        body: Asked,
        response: answers({ 200: Trip }),
      },
    },
    async (request) => {
      return tripOf(await freeze(deps, request.params.tripId, callerOf(request), request.body));
    },
  );
}
