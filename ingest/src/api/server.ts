import type { IncomingHttpHeaders } from 'node:http';
import cookie from '@fastify/cookie';
import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import { type FastifyBaseLogger, type FastifyRequest, fastify, LogController } from 'fastify';
import { jsonSchemaTransform, serializerCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import { networkOf } from '../attempts.ts';
import { BodyParser } from '../parsing/body-parser.ts';
import { keepApproval } from '../people/approvals.ts';
import { anchorWriter } from '../people/audit-anchors.ts';
import { KeyGuesses } from '../people/key-guesses.ts';
import { SignInLimits } from '../people/sign-in-limits.ts';
import { ApprovalNeeded } from '../people/two-people.ts';
import { ApiProblem, problemOf, TooManyAttempts } from '../problem.ts';
import { Corridors } from '../roads/corridors.ts';
import { startAuditLinker } from '../store/people/audit-chain.ts';
import { accessRoutes } from './access.ts';
import { accountRoutes } from './account.ts';
import { alarmRoutes } from './alarms.ts';
import { approvalRoutes } from './approvals.ts';
import { basemapRoutes } from './basemap.ts';
import { bridgeRoutes } from './bridge.ts';
import { commandRoutes } from './commands.ts';
import { contactRoutes } from './contacts.ts';
import { convoyRoutes } from './convoys.ts';
import { evidenceRoutes } from './evidence.ts';
import { freezeRoutes } from './freeze.ts';
import { gateRoutes } from './gates.ts';
import { healthRoutes } from './health.ts';
import { historyRoutes } from './history.ts';
import { lockRoutes } from './locks.ts';
import { paramsRoutes } from './params.ts';
import { placeRoutes } from './places.ts';
import { readBodies } from './plumbing/bodies.ts';
import { browserRules } from './plumbing/browser-rules.ts';
import type { ApiDeps, StartDeps } from './plumbing/deps.ts';
import type { Api } from './plumbing/form.ts';
import { guard } from './plumbing/guard.ts';
import { idempotent } from './plumbing/idempotency.ts';
import { answerUnmatched } from './plumbing/unmatched.ts';
import { validatorCompiler } from './plumbing/validation.ts';
import { providerRoutes, signInOptions } from './provider.ts';
import { quarantineRoutes } from './quarantine.ts';
import { recordRoutes } from './records.ts';
import { routeRoutes } from './routes.ts';
import { secondFactorRoutes } from './second-factor.ts';
import { sessionRoutes } from './session.ts';
import { simulatorRoutes } from './simulator.ts';
import { stepRoutes } from './steps.ts';
import { subscriptionRoutes } from './subscriptions.ts';
import { tripRoutes } from './trips.ts';
import { wallRoutes } from './wall.ts';
import { whatIfRoutes } from './what-if.ts';

const BODY_BYTES = 1024 * 1024;

/** A caller is counted by who it has proved to be, and by its address as long as it has not. */
const callerKey = ({ caller, ip }: FastifyRequest): string => caller?.id ?? networkOf(ip);

/**
 * The REST side of the platform, ready to listen. Everything it answers other than success is RFC 9457 problem
 * details; a route that does not say who may call it stops the start (law 10).
 */
export async function startApi(given: StartDeps): Promise<Api> {
  // The same object: who starts the api may exchange parts of it later.
  const deps: ApiDeps = Object.assign(given, { bodies: new BodyParser() });
  const app = fastify({
    loggerInstance: deps.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_BYTES,
    requestTimeout: 30_000,
    trustProxy: deps.config.trustProxy ?? false,
    routerOptions: { maxParamLength: 200 },
    forceCloseConnections: true,
  }).withTypeProvider<ZodTypeProvider>();
  readAndAnswer(app, deps);
  await usePlugins(app, deps);
  answerUnmatched(app);
  readBodies(app);
  const { bootstrapKey, secondFactorRequired } = deps.config;
  guard(app, deps.pool, { bootstrapKey, secondFactorRequired }, deps.keyGuesses ?? new KeyGuesses(deps.pool));
  idempotent(app, deps.pool);

  await app.register((api: Api) => addRoutes(api, deps), { prefix: '/api/v1' });
  healthRoutes(app, deps);
  if (deps.provider !== undefined) providerRoutes(app, deps, deps.provider);
  const linker = startAuditLinker(deps.pool, deps.log, anchorWriter(deps.pool, deps.log, deps.config.auditAnchors));
  app.addHook('onClose', () => linker.stop());
  app.addHook('onClose', () => deps.bodies.stop());
  await wallRoutes(app, deps);
  return app;
}

const hasBody = (headers: IncomingHttpHeaders): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;

/** How bodies are read and errors answered. */
function readAndAnswer(app: Api, deps: ApiDeps): void {
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.removeContentTypeParser('text/plain');
  app.setErrorHandler(async (failure, request, reply) => {
    let error: unknown = failure;
    if (failure instanceof ApprovalNeeded) {
      try {
        return await reply.code(202).send(await keepApproval(deps.pool, failure));
      } catch (notKept) {
        error = notKept;
      }
    }
    const problem = problemOf(error);
    // What the database refused should have been refused by a schema.
    const isOurs = problem.statusCode >= 500 || (problem.statusCode === 422 && !(error instanceof ApiProblem));
    if (isOurs) deps.log.error({ err: error, url: request.routeOptions.url }, 'a call failed');
    if (problem instanceof TooManyAttempts) reply.header('retry-after', problem.retryAfterS);
    if (problem.statusCode === 401) reply.header('www-authenticate', 'Bearer');
    // Who is refused before all of its body has come is not listened to any longer.
    if (!request.raw.complete && hasBody(request.headers)) reply.header('connection', 'close');
    return reply
      .code(problem.statusCode)
      .type('application/problem+json')
      .serializer((body: object) => JSON.stringify(body))
      .send(problem.toProblem(request.url.split('?')[0] ?? ''));
  });

  // Many clients name a type with every call, also where they send nothing.
  app.addHook('onRequest', async ({ headers }) => {
    if (!hasBody(headers)) delete headers['content-type'];
  });
}

async function usePlugins(app: Api, deps: ApiDeps): Promise<void> {
  await app.register(cookie);
  const { basemap } = deps.config;
  await app.register(helmet, { ...browserRules(basemap?.origins ?? []), strictTransportSecurity: false });
  await app.register(rateLimit, {
    max: deps.config.callsPerMinute ?? 60_000,
    timeWindow: 60_000,
    keyGenerator: callerKey,
    errorResponseBuilder: (_request, { after }) =>
      new ApiProblem(429, 'rate.limited', `too many calls; try again in ${after}`),
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sealwatch',
        version: '1',
        description: 'Smart container locks: trips, alarms, gates. What cannot be read is 400, a wrong value is 422.',
      },
      components: {
        securitySchemes: {
          key: { type: 'http', scheme: 'bearer' },
          session: { type: 'apiKey', in: 'cookie', name: 'sealwatch_session' },
        },
      },
      security: [{ key: [] }, { session: [] }],
    },
    transform: jsonSchemaTransform,
  });
}

async function addRoutes(api: Api, deps: ApiDeps): Promise<void> {
  for (const add of [lockRoutes, placeRoutes, paramsRoutes, tripRoutes, stepRoutes, alarmRoutes, gateRoutes]) {
    await add(api, deps);
  }
  const limits = deps.config.signInLimits ?? new SignInLimits();
  accessRoutes(api, deps, limits);
  sessionRoutes(api, deps, limits);
  accountRoutes(api, deps, limits);
  secondFactorRoutes(api, deps, limits);
  signInOptions(api, deps);
  for (const add of [recordRoutes, historyRoutes]) await add(api, deps);
  for (const add of [subscriptionRoutes, simulatorRoutes, quarantineRoutes]) await add(api, deps);
  for (const add of [freezeRoutes, contactRoutes, commandRoutes, convoyRoutes, approvalRoutes]) add(api, deps);
  const corridors = new Corridors();
  await routeRoutes(api, deps, corridors);
  evidenceRoutes(api, deps, corridors);
  await whatIfRoutes(api, deps);
  basemapRoutes(api, deps);
  bridgeRoutes(api, deps);
}
