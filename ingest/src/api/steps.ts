import { randomUUID } from 'node:crypto';
import type { Check, SealState, StepName } from '@sealwatch/schemas';
import { Check as CheckSchema, LockMode, Trip } from '@sealwatch/schemas';
import { z } from 'zod';
import {
  hangChecks,
  type LockFacts,
  type Reading,
  type StepFacts,
  sealChecks,
  unlockChecks,
  unlockedCheck,
  verifyChecks,
} from '../custody/checks.ts';
import { allowedFrom, move, type TripAct } from '../custody/status.ts';
import { failedChecks, stateByChecks, type Waiver, waive, withStep } from '../custody/steps.ts';
import { listAlarms } from '../store/alarms.ts';
import { audit } from '../store/audit.ts';
import { getLock } from '../store/locks.ts';
import { cancelOrders, getOrder, insertOrder, type OrderRow, ordersOfTrip } from '../store/orders.ts';
import { announce } from '../store/outbox.ts';
import { inTransaction, type Queryable } from '../store/queryable.ts';
import {
  changeTrip,
  holdTrip,
  judgeFrom,
  judgeTo,
  type TripChange,
  type TripView,
  tripForUpdate,
  tripOf,
} from '../store/trips.ts';
import type { ApiDeps } from './deps.ts';
import { type Api, answers } from './form.ts';
import { callerOf, DECIDERS, OPERATORS, SUPERVISORS } from './guard.ts';
import { designatedPlace } from './locality.ts';
import { COMMAND_LIFE_MS } from './locks.ts';
import { requireActing } from './offices.ts';
import type { Principal } from './principal.ts';
import { ApiProblem } from './problem.ts';
import { afterChange, visibleTrip } from './trips.ts';

/** The report interval of a sealed lock, s (domain.md). */
export const SEALED_INTERVAL_S = 30;
const CONFIRM_WITHIN_MS = 10_000;
const POLL_MS = 200;

const StepRequest = z.object({
  /** What was read where the step happens; absent: the caller vouches for it. */
  read: z
    .object({
      plate: z.string().max(20).optional(),
      containers: z.array(z.string().max(20)).max(2).optional(),
      lockIds: z.array(z.string().max(20)).max(2).optional(),
    })
    .optional(),
  /** Checks to be waived, by a supervisor, with the reason. */
  waive: z
    .array(z.object({ check: z.string().max(40), reason: z.string().min(1).max(500) }))
    .max(20)
    .default([]),
});
type StepAsked = z.output<typeof StepRequest>;

const StepAnswer = z.object({ step: z.string(), checks: z.array(CheckSchema), trip: Trip });

const PAST: Record<TripAct, Parameters<typeof announce>[1]['type'] | undefined> = {
  release: 'trip.released',
  hang: 'trip.hung',
  seal: 'trip.sealed',
  depart: undefined,
  arrive: undefined,
  verify: 'trip.verified',
  unlock: 'trip.unlocked',
  close: 'trip.closed',
  cancel: 'trip.cancelled',
};

/** The trip, locked, in a state in which the act is allowed and by somebody who may do it. */
async function tripForAct(db: Queryable, tripId: string, caller: Principal, act: TripAct): Promise<TripView> {
  const seen = await visibleTrip(db, tripId, caller);
  requireActing(caller, seen);
  const row = (await tripForUpdate(db, seen.trip_id))!;
  if (move(row.status, act) === undefined) {
    const from = allowedFrom(act).join(', ');
    throw new ApiProblem(409, 'trip.status', `a trip that is ${row.status} cannot ${act}; it must be ${from}`, [
      { path: 'status', message: `is ${row.status}`, value: row.status, expected: from },
    ]);
  }
  return row;
}

/** Ends an act: writes, announces and audits it in the transaction that made it. */
export async function record(
  db: Queryable,
  row: TripView,
  act: { act: TripAct; by: string; change: TripChange; detail?: object },
): Promise<TripView> {
  const status = move(row.status, act.act)!;
  await changeTrip(db, row.trip_id, { ...act.change, status });
  const after = (await tripForUpdate(db, row.trip_id))!;
  const type = PAST[act.act];
  if (type !== undefined) await announce(db, { type, tripId: row.trip_id, data: tripOf(after) });
  await audit(db, {
    actor: act.by,
    action: `trip.${act.act}`,
    subject: `trip:${row.trip_id}`,
    before: { status: row.status },
    after: { status, ...act.detail },
  });
  return after;
}

export async function lockFacts(db: Queryable, row: TripView, end: 'origin' | 'destination'): Promise<LockFacts[]> {
  const within = await designatedPlace(db, row, end);
  const orders = await ordersOfTrip(db, row.trip_id);
  const facts: LockFacts[] = [];
  for (const { lockId } of row.units) {
    const lock = (await getLock(db, lockId, []))!;
    const report = lock.last_report ?? {};
    const position = lock.last_fix?.position as { lon: number; lat: number } | undefined;
    const mode = LockMode.safeParse(report.mode).data;
    const seal = report.seal as SealState | undefined;
    const own = orders.filter((order) => order.lock_id === lockId);
    facts.push({
      lockId,
      retired: lock.retired_at !== null,
      ...(lock.last_time === null ? {} : { lastTimeMs: lock.last_time.getTime() }),
      ...(mode === undefined ? {} : { mode }),
      ...(seal === undefined ? {} : { seal }),
      ...(report.battery ? { battery: report.battery as { percent?: number; charging?: boolean } } : {}),
      ...(within && position ? { inPlace: within(position.lon, position.lat) } : {}),
      intervalConfirmed: mode === 'sealed' || own.some((o) => o.type === 'interval' && o.state === 'done'),
      unlockConfirmed: unlockedBy(own, lock.last_time, seal),
    });
  }
  return facts;
}

/** The lock said so, or shows it in a record made after the unlock was asked for. */
function unlockedBy(orders: OrderRow[], lastTime: Date | null, seal: SealState | undefined): boolean {
  const unlocks = orders.filter((order) => order.type === 'unlock');
  if (unlocks.some((order) => order.state === 'done')) return true;
  const first = unlocks[0];
  return first !== undefined && lastTime !== null && lastTime >= first.created_at && seal?.motor === 'unlocked';
}

export async function stepFacts(
  db: Queryable,
  row: TripView,
  end: 'origin' | 'destination',
  who: { by: string; read?: Reading },
): Promise<StepFacts> {
  const alarms = await listAlarms(db, { tripId: row.trip_id, active: true, offices: [], limit: 500 });
  return {
    nowMs: Date.now(),
    units: row.units,
    plates: [row.tractor_plate, ...(row.trailer_plate === null ? [] : [row.trailer_plate])],
    locks: await lockFacts(db, row, end),
    ...(who.read === undefined ? {} : { read: who.read }),
    latchedRules: [...new Set(alarms.filter((a) => a.kind === 'latched').map((a) => a.rule))],
    verified: ['verified', 'unlocked'].includes(row.status),
    by: who.by,
  };
}

function readingOf({ read }: StepAsked): { read?: Reading } {
  if (read === undefined) return {};
  return {
    read: {
      ...(read.plate === undefined ? {} : { plate: read.plate }),
      ...(read.containers === undefined ? {} : { containers: read.containers }),
      ...(read.lockIds === undefined ? {} : { lockIds: read.lockIds }),
    },
  };
}

function waivedBy(checks: Check[], waivers: Waiver[], caller: Principal): Check[] {
  if (waivers.length > 0 && !['supervisor', 'admin'].includes(caller.role)) {
    throw new ApiProblem(403, 'auth.role', `the role ${caller.role} may not waive a check; supervisor, admin may`);
  }
  const unknown = waivers.findIndex((w) => !checks.some((check) => check.check === w.check));
  if (unknown >= 0) {
    const expected = checks.map((check) => check.check).join(' | ');
    const value = waivers[unknown]?.check;
    throw new ApiProblem(422, 'request.invalid', `waive[${unknown}].check: is no check of this step`, [
      { path: `waive[${unknown}].check`, message: 'is no check of this step', value, expected },
    ]);
  }
  return waive(checks, waivers, caller.name);
}

/** 409 with every failed check; a refused step changes nothing. */
function requirePassed(step: StepName, checks: Check[]): void {
  const failed = failedChecks(checks);
  if (failed.length === 0) return;
  const errors = failed.map(({ check, detail }) => ({ path: check, message: detail ?? 'failed' }));
  const which = failed.map(({ check }) => check).join(', ');
  throw new ApiProblem(409, `step.${step}.failed`, `these checks failed: ${which}`, errors);
}

async function orderEach(db: Queryable, row: TripView, type: 'interval' | 'unlock', by: string): Promise<OrderRow[]> {
  const orders: OrderRow[] = [];
  for (const { lockId } of row.units) {
    orders.push(
      await insertOrder(db, {
        commandId: randomUUID(),
        lockId,
        tripId: row.trip_id,
        type,
        intervalS: type === 'interval' ? SEALED_INTERVAL_S : undefined,
        expiresAt: new Date(Date.now() + COMMAND_LIFE_MS),
        by,
      }),
    );
  }
  return orders;
}

/** The write-off's own part: one unlock for each lock of the trip, in the caller's transaction. */
export const orderUnlock = (db: Queryable, row: TripView, by: string) => orderEach(db, row, 'unlock', by);

/** Waits, outside any transaction, until the locks have confirmed or the time is over. */
async function confirmed(deps: ApiDeps, row: TripView, what: (lock: LockFacts) => boolean): Promise<void> {
  const until = Date.now() + (deps.config.confirmWithinMs ?? CONFIRM_WITHIN_MS);
  while (Date.now() < until) {
    if ((await lockFacts(deps.pool, row, 'origin')).every(what)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function stepDone(row: TripView, step: StepName, checks: Check[], at: string) {
  return withStep(row.steps, { step, state: stateByChecks(checks), at, checks });
}

interface Acted {
  step: string;
  checks: Check[];
  row: TripView;
}

async function release(deps: ApiDeps, tripId: string, caller: Principal): Promise<Acted> {
  return inTransaction(deps.pool, async (db) => {
    const row = await tripForAct(db, tripId, caller, 'release');
    return { step: 'release', checks: [], row: await record(db, row, { act: 'release', by: caller.name, change: {} }) };
  });
}

/** Hanging already asks the lock for the in-transit interval, so that it is confirmed by the time of sealing. */
async function hang(deps: ApiDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  const acted = await inTransaction(deps.pool, async (db) => {
    const row = await tripForAct(db, tripId, caller, 'hang');
    const facts = await stepFacts(db, row, 'origin', { by: caller.name, ...readingOf(asked) });
    const checks = waivedBy(hangChecks(facts), asked.waive, caller);
    requirePassed('hang', checks);
    await orderEach(db, row, 'interval', caller.name);
    const steps = stepDone(row, 'hang', checks, new Date().toISOString());
    return {
      step: 'hang',
      checks,
      row: await record(db, row, { act: 'hang', by: caller.name, change: { steps }, detail: { checks } }),
    };
  });
  for (const { lockId } of acted.row.units) deps.commands.wake(lockId);
  return acted;
}

async function seal(deps: ApiDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  const waits = !asked.waive.some((w) => w.check === 'interval');
  const before = await visibleTrip(deps.pool, tripId, caller);
  if (waits && before.status === 'hung') await confirmed(deps, before, (lock) => lock.intervalConfirmed);
  return inTransaction(deps.pool, async (db) => {
    const row = await tripForAct(db, tripId, caller, 'seal');
    const facts = await stepFacts(db, row, 'origin', { by: caller.name, ...readingOf(asked) });
    const checks = waivedBy(sealChecks(facts), asked.waive, caller);
    requirePassed('seal', checks);
    const at = new Date().toISOString();
    const steps = stepDone(row, 'seal', checks, at);
    await judgeFrom(db, row.trip_id, at);
    const change = { steps, sealedAt: at };
    return {
      step: 'seal',
      checks,
      row: await record(db, row, { act: 'seal', by: caller.name, change, detail: { checks } }),
    };
  });
}

async function verify(deps: ApiDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  return inTransaction(deps.pool, async (db) => {
    const row = await tripForAct(db, tripId, caller, 'verify');
    const facts = await stepFacts(db, row, 'destination', { by: caller.name, ...readingOf(asked) });
    const checks = waivedBy(verifyChecks(facts), asked.waive, caller);
    requirePassed('verify', checks);
    const at = new Date().toISOString();
    const change = { steps: stepDone(row, 'verify', checks, at), verifiedAt: at, arrivedAt: at };
    return {
      step: 'verify',
      checks,
      row: await record(db, row, { act: 'verify', by: caller.name, change, detail: { checks } }),
    };
  });
}

/** Sends the one-time unlock and waits for the lock; asked again, it only looks whether the lock has done it. */
async function unlock(deps: ApiDeps, tripId: string, caller: Principal, asked: StepAsked): Promise<Acted> {
  const row = await inTransaction(deps.pool, async (db) => {
    const locked = await tripForAct(db, tripId, caller, 'unlock');
    const facts = await stepFacts(db, locked, 'destination', { by: caller.name });
    const checks = waivedBy([...unlockChecks(facts), unlockedCheck(facts)], asked.waive, caller);
    requirePassed(
      'unlock',
      checks.filter((check) => check.check !== 'unlocked'),
    );
    const waiting = (await ordersOfTrip(db, locked.trip_id)).some(
      (o) => o.type === 'unlock' && ['queued', 'sent', 'done'].includes(o.state),
    );
    if (!waiting) {
      await orderUnlock(db, locked, caller.name);
      await audit(db, { actor: caller.name, action: 'trip.authorise-unlock', subject: `trip:${locked.trip_id}` });
    }
    return locked;
  });
  for (const { lockId } of row.units) deps.commands.wake(lockId);
  if (!asked.waive.some((w) => w.check === 'unlocked')) await confirmed(deps, row, (lock) => lock.unlockConfirmed);
  return inTransaction(deps.pool, async (db) => {
    const locked = await tripForAct(db, tripId, caller, 'unlock');
    const facts = await stepFacts(db, locked, 'destination', { by: caller.name });
    const checks = waivedBy([...unlockChecks(facts), unlockedCheck(facts)], asked.waive, caller);
    requirePassed('unlock', checks);
    const at = new Date().toISOString();
    const change = { steps: stepDone(locked, 'unlock', checks, at), unlockedAt: at };
    return {
      step: 'unlock',
      checks,
      row: await record(db, locked, { act: 'unlock', by: caller.name, change, detail: { checks } }),
    };
  });
}

/** Closing gives the locks back to stock; a red that nobody has disposed of keeps the trip open. */
async function close(deps: ApiDeps, tripId: string, caller: Principal): Promise<Acted> {
  return inTransaction(deps.pool, async (db) => {
    const row = await tripForAct(db, tripId, caller, 'close');
    const { latchedRules } = await stepFacts(db, row, 'destination', { by: caller.name });
    if (latchedRules.length > 0) {
      const errors = [{ path: 'alarms', message: `to be disposed of: ${latchedRules.join(', ')}` }];
      throw new ApiProblem(409, 'trip.alarms-open', 'alarms of this trip are not disposed of', errors);
    }
    const at = new Date().toISOString();
    await judgeTo(db, row.trip_id, at);
    return {
      step: 'close',
      checks: [],
      row: await record(db, row, { act: 'close', by: caller.name, change: { closedAt: at } }),
    };
  });
}

async function cancel(deps: ApiDeps, tripId: string, caller: Principal, reason: string): Promise<Acted> {
  return inTransaction(deps.pool, async (db) => {
    const row = await tripForAct(db, tripId, caller, 'cancel');
    const at = new Date().toISOString();
    await judgeTo(db, row.trip_id, at);
    await cancelOrders(db, { tripId: row.trip_id }, 'trip cancelled');
    const change = { closedAt: at };
    return {
      step: 'cancel',
      checks: [],
      row: await record(db, row, { act: 'cancel', by: caller.name, change, detail: { reason } }),
    };
  });
}

/**
 * A lock has answered a command. When all locks of a verified trip have confirmed their unlock, the trip is unlocked,
 * and one that a gate wrote off is closed without a person. Harmless to repeat.
 */
export async function commandEnded(deps: ApiDeps, ended: { commandId: string; result: string }): Promise<void> {
  const order = await getOrder(deps.pool, ended.commandId);
  if (order?.trip_id === null || order === undefined) return;
  const tripId = order.trip_id;
  const changed = order.type === 'unlock' && ended.result === 'done' && (await unlockedByLocks(deps.pool, tripId));
  if (changed) await afterChange(deps, tripId);
  else deps.feed.tripChanged(tripId);
}

async function unlockedByLocks(pool: ApiDeps['pool'], tripId: string): Promise<boolean> {
  const by = 'lock';
  return inTransaction(pool, async (db) => {
    const row = await tripForUpdate(db, tripId);
    if (row?.status !== 'verified') return false;
    const facts = await stepFacts(db, row, 'destination', { by });
    const unlocked = unlockedCheck(facts);
    if (!unlocked.passed) return false;
    const at = new Date().toISOString();
    const checks = [...unlockChecks(facts), unlocked];
    const steps = stepDone(row, 'unlock', checks, at);
    const after = await record(db, row, { act: 'unlock', by, change: { steps, unlockedAt: at }, detail: { checks } });
    if (row.written_off_at !== null && facts.latchedRules.length === 0) {
      await judgeTo(db, tripId, at);
      await record(db, after, { act: 'close', by, change: { closedAt: at } });
    }
    return true;
  });
}

export function stepRoutes(app: Api, deps: ApiDeps): void {
  const params = z.object({ tripId: z.string() });
  const answer = async ({ step, checks, row }: Acted) => {
    await afterChange(deps, row.trip_id);
    return { step, checks, trip: tripOf(row) };
  };
  const response = answers({ 200: StepAnswer });
  for (const [name, act] of Object.entries({ release, hang, seal, verify, unlock, close })) {
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
      schema: { tags: ['custody'], params, body: z.object({ reason: z.string().min(1).max(2_000) }), response },
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
      const caller = callerOf(request);
      const { reason } = request.body;
      const { trip_id: tripId } = await visibleTrip(deps.pool, request.params.tripId, caller);
      const row = await inTransaction(deps.pool, async (db) => {
        const before = (await tripForUpdate(db, tripId))!;
        await holdTrip(db, tripId, reason === null ? null : { reason, by: caller.name });
        const subject = `trip:${tripId}`;
        await audit(db, {
          actor: caller.name,
          action: 'trip.hold',
          subject,
          before: { reason: before.hold_reason },
          after: { reason },
        });
        return (await tripForUpdate(db, tripId))!;
      });
      await afterChange(deps, tripId);
      return tripOf(row);
    },
  );
}
