import fc from 'fast-check';
import { v5 as uuidV5 } from 'uuid';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { upsertAlarms, withdrawAlarms } from '../../src/store/reports/batch.ts';
import { refreshRisk } from '../../src/store/trips/changes.ts';
import type { AlarmFact } from '../../src/tracker/index.ts';
import {
  addPerson,
  addRoute,
  addTrip,
  type Person,
  startPlatform,
  type TestPlatform,
  type TestTrip,
} from '../api/platform.ts';

const RULES = ['route.deviation', 'seal.rope-cut', 'pair.separation'] as const;
const NAMES = ['A', 'B'] as const;

let platform: TestPlatform;
const people = new Map<string, Person>();
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  for (const name of NAMES) {
    people.set(name, await addPerson(platform, 'supervisor', name));
  }
});
afterAll(() => platform?.stop());

/** An alarm as the simplest thing that behaves like it: numbers say in which order things happened, 0: not at all. */
interface ModelAlarm {
  alarmId: string;
  rule: string;
  acknowledgedBy?: string;
  assignedTo?: string;
  disposedBy?: string;
  closedBy?: string;
  worked: number;
  ended: number;
  endedMs?: number;
}
interface Model {
  step: number;
  alarms: ModelAlarm[];
}
interface Real {
  trip: TestTrip;
}

const activeOf = (model: Model, rule: string) =>
  model.alarms.find((a) => a.rule === rule && a.disposedBy === undefined);
const newestOf = (model: Model, rule: string) => model.alarms.filter((a) => a.rule === rule).at(-1);

function stateOf(alarm: ModelAlarm): string {
  if (alarm.closedBy !== undefined) return 'closed';
  if (alarm.disposedBy !== undefined) return 'disposed';
  if (alarm.ended > alarm.worked) return 'returned';
  if (alarm.assignedTo !== undefined) return 'assigned';
  return alarm.acknowledgedBy === undefined ? 'open' : 'acknowledged';
}

/** What the rules say of an alarm; they may say anything. */
async function machine(real: Real, alarmId: string, rule: string, says: Partial<AlarmFact>): Promise<void> {
  const fact: AlarmFact = {
    alarmId,
    rule,
    kind: 'latched',
    severity: 'critical',
    phase: 'open',
    active: true,
    lockId: real.trip.lockId,
    startedMs: 1_000,
    detectedLate: false,
    evidence: {},
    ...says,
  };
  await upsertAlarms(platform.pool, [{ tripId: real.trip.tripId, fact }], Date.now());
  await refreshRisk(platform.pool, real.trip.tripId);
}

async function agree(model: Model, real: Real): Promise<void> {
  const { tripId } = real.trip;
  const { items } = (await platform.call('GET', `alarms?tripId=${tripId}&limit=500`)).body;
  const seen = items.map(({ alarmId, state, active, acknowledgedBy, assignedTo, disposedBy, closedBy }) => ({
    ...{ alarmId, state, active, acknowledgedBy, assignedTo, disposedBy, closedBy },
  }));
  const expected = model.alarms.map((a) => ({
    alarmId: a.alarmId,
    state: stateOf(a),
    active: a.disposedBy === undefined,
    acknowledgedBy: a.acknowledgedBy,
    assignedTo: a.assignedTo,
    disposedBy: a.disposedBy,
    closedBy: a.closedBy,
  }));
  const byId = (a: { alarmId?: unknown }, b: { alarmId?: unknown }) => (String(a.alarmId) < String(b.alarmId) ? -1 : 1);
  expect(seen.sort(byId)).toEqual(expected.sort(byId));
  const red = model.alarms.some((a) => a.disposedBy === undefined);
  expect((await platform.call('GET', `trips/${tripId}`)).body.risk).toBe(red ? 'red' : 'green');
}

class Step implements fc.AsyncCommand<Model, Real> {
  readonly #text: string;
  readonly #does: (model: Model, real: Real) => Promise<void>;
  readonly #when: (model: Model) => boolean;
  constructor(text: string, does: Step['run'], when: (model: Model) => boolean = () => true) {
    this.#text = text;
    this.#does = does;
    this.#when = when;
  }
  check(model: Readonly<Model>): boolean {
    return this.#when(model);
  }
  async run(model: Model, real: Real): Promise<void> {
    model.step++;
    await this.#does(model, real);
    await agree(model, real);
  }
  toString(): string {
    return this.#text;
  }
}

const raiseAlarm = (rule: string) =>
  new Step(`raise ${rule}`, async (model, real) => {
    const ordinal = model.alarms.filter((a) => a.rule === rule && a.disposedBy !== undefined).length;
    const alarmId = uuidV5(`${real.trip.tripId} ${rule} ${ordinal}`, uuidV5.URL);
    await machine(real, alarmId, rule, {});
    const known = activeOf(model, rule);
    if (known === undefined) model.alarms.push({ alarmId, rule, worked: 0, ended: 0 });
    else Object.assign(known, { ended: 0, endedMs: undefined });
  });

const clear = (rule: string, how: 'returns' | 'clears' | 'doubts' | 'withdraws') =>
  new Step(
    `the rules say ${rule} ${how}`,
    async (model, real) => {
      const alarm = newestOf(model, rule);
      if (alarm === undefined) return;
      const says: Partial<AlarmFact> =
        how === 'doubts'
          ? { phase: 'provisional', active: false, ...(alarm.endedMs === undefined ? {} : { endedMs: alarm.endedMs }) }
          : { phase: 'returned', active: how === 'returns', endedMs: Date.now() };
      if (how === 'withdraws') {
        expect(await withdrawAlarms(platform.pool, [alarm.alarmId])).toEqual([]);
        return;
      }
      await machine(real, alarm.alarmId, rule, says);
      if (says.endedMs !== undefined && how !== 'doubts')
        Object.assign(alarm, { ended: model.step, endedMs: says.endedMs });
    },
    (model) => newestOf(model, rule) !== undefined,
  );

type Act = 'acknowledge' | 'assign' | 'dispose' | 'close';
const BODIES: Record<Act, object> = { acknowledge: {}, assign: { to: 'patrol' }, dispose: { text: 'seen' }, close: {} };

function refusal(alarm: ModelAlarm, act: Act): string | undefined {
  if (alarm.closedBy !== undefined) return 'alarm.closed';
  if (act === 'close') return alarm.disposedBy === undefined ? 'alarm.not-disposed' : undefined;
  return alarm.disposedBy === undefined ? undefined : 'alarm.disposed';
}

function apply(model: Model, alarm: ModelAlarm, act: Act, by: string): void {
  const fresh = alarm.acknowledgedBy === undefined;
  if ((act === 'acknowledge' || act === 'assign') && fresh) alarm.acknowledgedBy = by;
  if (act === 'assign') alarm.assignedTo = 'patrol';
  if (act === 'assign' || (act === 'acknowledge' && fresh)) alarm.worked = model.step;
  if (act === 'dispose') alarm.disposedBy = by;
  if (act === 'close') alarm.closedBy = by;
}

const doAct = (rule: string, act: Act, name: string) =>
  new Step(
    `${name} ${act}s ${rule}`,
    async (model) => {
      const alarm = newestOf(model, rule);
      if (alarm === undefined) return;
      const answer = await people.get(name)!.call('POST', `alarms/${alarm.alarmId}/${act}`, BODIES[act]);
      const refused = refusal(alarm, act);
      expect([answer.status, answer.body.code]).toEqual(refused === undefined ? [200, undefined] : [409, refused]);
      if (refused === undefined) apply(model, alarm, act, name);
    },
    (model) => newestOf(model, rule) !== undefined,
  );

const acknowledgeAll = (name: string) =>
  new Step(`${name} acknowledges all`, async (model, real) => {
    const body = { filter: { tripId: real.trip.tripId } };
    const { items } = (await people.get(name)!.call('POST', 'alarms/acknowledge', body)).body;
    const free = model.alarms.filter((a) => a.disposedBy === undefined && a.acknowledgedBy === undefined);
    expect(items.map((item) => item.alarmId).sort()).toEqual(free.map((a) => a.alarmId).sort());
    for (const alarm of free) apply(model, alarm, 'acknowledge', name);
  });

const rule = fc.constantFrom(...RULES);
const name = fc.constantFrom(...NAMES);
const steps = fc.commands(
  [
    rule.map(raiseAlarm),
    fc.tuple(rule, fc.constantFrom('returns', 'clears', 'doubts', 'withdraws')).map(([of, how]) => clear(of, how)),
    fc
      .tuple(rule, fc.constantFrom<Act[]>('acknowledge', 'assign', 'dispose', 'close'), name)
      .map((all) => doAct(...all)),
    name.map(acknowledgeAll),
  ],
  { maxCommands: 40, size: '+1' },
);

test('whatever the rules say and people do, an alarm is as its model: one active a rule, red until a person disposes of it', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      const trip = await addTrip(platform);
      await fc.asyncModelRun(() => ({ model: { step: 0, alarms: [] }, real: { trip } }), commands);
    }),
    { numRuns: process.env.SEALWATCH_DEEP ? 200 : 6, endOnFailure: true },
  );
});
