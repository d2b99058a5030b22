import { Injection, SimulatorRun, SimulatorScenario, Uuid } from '@sealwatch/schemas';
import { z } from 'zod';
import { requireUnbound } from '../people/offices.ts';
import type { Principal } from '../people/principal.ts';
import { TESTERS } from '../people/roles.ts';
import { ApiProblem, notFound, wrongField } from '../problem.ts';
import type { Simulations } from '../simulations.ts';
import { audit } from '../store/people/audit.ts';
import type { ApiDeps } from './plumbing/deps.ts';
import { type Api, answers } from './plumbing/form.ts';
import { callerOf } from './plumbing/guard.ts';

const MOST_TRIPS = 200;

const NewRun = z.object({
  scenario: z.string().min(1).max(100),
  trips: z.int().min(1).max(MOST_TRIPS).optional(),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
});

const Run = z.object({ runId: Uuid });

/** @throws ApiProblem 404 where no simulations may run */
function simulationsOf({ simulations }: ApiDeps): Simulations {
  if (simulations) return simulations;
  throw new ApiProblem(
    404,
    'simulator.off',
    'the simulator is switched off here; SEALWATCH_SIMULATOR=1 switches it on',
  );
}

/** A fleet drives between offices and belongs to none. @throws ApiProblem 403, 404 */
function ownSimulations(deps: ApiDeps, caller: Principal): Simulations {
  requireUnbound(caller, 'a simulation belongs');
  return simulationsOf(deps);
}

function note({ pool }: ApiDeps, actor: string, act: string, runId: string, after: object, before?: object) {
  return audit(pool, { actor, action: `simulator.${act}`, subject: `simulator:${runId}`, before, after });
}

/** The testers' console (`/simulator`). Off unless switched on: a production platform answers 404 to all of it. */
export function simulatorRoutes(app: Api, deps: ApiDeps): void {
  app.get(
    '/simulator',
    {
      config: { roles: TESTERS },
      schema: {
        tags: ['simulator'],
        summary: 'What can be simulated, and what is: every simulated lock as it truly is',
        response: answers({
          200: z.object({ scenarios: z.array(SimulatorScenario), runs: z.array(SimulatorRun) }),
        }),
      },
    },
    async () => {
      const simulations = simulationsOf(deps);
      return { scenarios: await simulations.scenarios(), runs: simulations.runs() };
    },
  );
  app.post(
    '/simulator/runs',
    {
      config: { roles: TESTERS },
      schema: {
        tags: ['simulator'],
        summary: 'Start a scenario; one at a time',
        body: NewRun,
        response: answers({ 201: SimulatorRun }),
      },
    },
    async (request, reply) => {
      const simulations = ownSimulations(deps, callerOf(request));
      const { scenario, trips, seed } = request.body;
      const names = (await simulations.scenarios()).map(({ name }) => name);
      // Only names that the simulator lists: on its command line a name may be the path of any file.
      if (!names.includes(scenario)) {
        const field = { path: 'scenario', message: 'there is no such scenario', value: scenario };
        throw wrongField('simulator.scenario', { ...field, expected: `one of ${names.join(', ')}` });
      }
      const order = { scenario, ...(trips === undefined ? {} : { trips }), ...(seed === undefined ? {} : { seed }) };
      const { name } = callerOf(request);
      const run = await simulations.start(order, name);
      if (!run) throw new ApiProblem(409, 'simulator.busy', 'a simulation runs already; stop it first');
      await note(deps, name, 'start', run.runId, order);
      return reply.code(201).send(run);
    },
  );
  runRoutes(app, deps);
}

/** What is done to a run under way. */
function runRoutes(app: Api, deps: ApiDeps): void {
  app.post(
    '/simulator/runs/:runId/stop',
    {
      config: { roles: TESTERS },
      schema: {
        tags: ['simulator'],
        summary: 'Stop a run; what is open of its trips is cancelled',
        params: Run,
        response: answers({ 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      const { runId } = request.params;
      if (!(await ownSimulations(deps, callerOf(request)).stop(runId)))
        throw notFound('simulation that can be stopped', runId);
      await note(deps, callerOf(request).name, 'stop', runId, { running: false }, { running: true });
      return reply.code(204).send(undefined);
    },
  );
  app.post(
    '/simulator/runs/:runId/inject',
    {
      config: { roles: TESTERS },
      schema: {
        tags: ['simulator'],
        summary: 'Make something happen to a lock of a fleet that drives now',
        params: Run,
        body: Injection,
        response: answers({ 204: z.undefined() }),
      },
    },
    async (request, reply) => {
      const { runId } = request.params;
      const refused = await ownSimulations(deps, callerOf(request)).inject(runId, request.body);
      if (refused !== undefined) throw new ApiProblem(409, 'simulator.refused', refused);
      await note(deps, callerOf(request).name, 'inject', runId, request.body);
      return reply.code(204).send(undefined);
    },
  );
}
