import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { endCommand } from '../../src/store/locks/command-queue.ts';
import { moveTrips, updateTrips } from '../../src/store/reports/batch.ts';
import {
  addPerson,
  addRoute,
  addTrip,
  DESTINATION_OFFICE,
  ORIGIN_OFFICE,
  type Person,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
} from '../api/platform.ts';
import {
  ACTS,
  type Act,
  answerTo,
  apply,
  type Expected,
  fresh,
  isOver,
  LIFE,
  LONGITUDES,
  type Model,
  officeOf,
  orderUnlock,
  PEOPLE,
  SEALS,
  type Shown,
  type Waived,
  type Who,
} from './trip-model.ts';

interface Real {
  trip: TestTrip;
  audit: unknown[];
  times: Record<string, unknown>;
}
type Deed = (model: Model, real: Real) => Promise<void>;

let platform: TestPlatform;
let wang: Person;
const keys = new Map<string, string>();
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  wang = await addPerson(platform, 'operator');
  for (const [name, role, offices] of [
    ['origin', 'supervisor', [ORIGIN_OFFICE]],
    ['destination', 'supervisor', [DESTINATION_OFFICE]],
    ['viewer', 'viewer', []],
  ]) {
    keys.set(String(name), (await platform.call('POST', 'keys', { body: { name, role, offices } })).body.key);
  }
});
afterAll(() => platform?.stop());

/** Where a person finds the trip: its record, the story, the lock, the commands to it. */
async function look({ trip: { tripId, lockId } }: Real) {
  const [trip, audit, lock, commands] = await Promise.all(
    [`trips/${tripId}`, `audit?subject=trip:${tripId}`, `locks/${lockId}`, `locks/${lockId}/commands`].map(
      async (url) => (await platform.call('GET', url)).body,
    ),
  );
  // An entry is linked into its chain a moment later, which adds its hash.
  const history = audit!.items.map(({ hash: _, ...entry }) => entry).reverse();
  return { trip: trip!, history, lockTripId: lock!.tripId, commands: commands!.items };
}
type Look = Awaited<ReturnType<typeof look>>;

async function agree(model: Model, real: Real): Promise<void> {
  const { trip, history, lockTripId, commands } = await look(real);
  expect(trip.status).toBe(model.status);
  expect(trip.risk).toBe(model.alarmId === undefined ? 'green' : 'red');
  expect(Object.fromEntries(trip.steps.map(({ step, state }) => [step, state]))).toEqual(model.steps);
  expect(lockTripId).toBe(isOver(model) ? undefined : real.trip.tripId);
  expect(history.map(({ action, actor }) => [action, actor])).toEqual(model.history);
  const newest = (type: string) => commands.find((command) => command.type === type)?.state ?? 'none';
  expect([newest('interval'), newest('unlock')]).toEqual([model.interval, model.unlock]);
  // What has happened stays as it was written: entries, and times.
  expect(history.slice(0, real.audit.length)).toEqual(real.audit);
  expect(trip).toMatchObject(real.times);
  real.audit = history;
  real.times = Object.fromEntries(
    Object.entries(trip).filter(([key]) => /^(sealed|departed|arrived|verified|unlocked|closed)At$/.test(key)),
  );
}

const shows =
  (shown: Shown): Deed =>
  async (model, real) => {
    await report(platform, real.trip.lockId, {
      seal: SEALS[shown.seal],
      lon: LONGITUDES[shown.at],
      percent: shown.percent,
      mode: 'awake',
    });
    model.lock = shown;
    model.shownOpen = shown.seal === 'open' && model.unlock !== 'none';
  };

/** The intake has seen the truck leave or come. */
const moves =
  (act: 'depart' | 'arrive'): Deed =>
  async (model, real) => {
    const { tripId } = real.trip;
    const allowed = model.status === (act === 'depart' ? 'sealed' : 'in-transit');
    const atMs = Date.now();
    const time = act === 'depart' ? { departedAtMs: atMs } : { arrivedAtMs: atMs };
    if (allowed) await updateTrips(platform.pool, [{ tripId, doneM: 0, totalM: 1, alarmed: false, ...time }]);
    expect(await moveTrips(platform.pool, act, [tripId])).toEqual(allowed ? [tripId] : []);
    if (!allowed) return;
    model.status = act === 'depart' ? 'in-transit' : 'arrived';
    model.steps.transit = act === 'depart' ? 'active' : 'done';
  };

/** The lock answers the oldest command that waits for it. */
const replies =
  (result: 'done' | 'refused'): Deed =>
  async (model, real) => {
    const { commands } = await look(real);
    const oldest = commands.findLast(({ state }) => state === 'queued');
    if (oldest === undefined) return;
    const commandId = String(oldest.commandId);
    const { lockId } = real.trip;
    if (result === 'done') await platform.reply(commandId);
    else await endCommand(platform.pool, { lockId, commandId, result, reason: 'outside-area', now: new Date() });
    model[oldest.type as 'interval' | 'unlock'] = result;
    if (oldest.type !== 'unlock' || result !== 'done' || model.status !== 'verified') return;
    const { tripId } = real.trip;
    const status = async () => (await platform.call('GET', `trips/${tripId}`)).body.status;
    await vi.waitFor(async () => expect(await status()).not.toBe('verified'), { timeout: 180_000, interval: 5 });
    // The lock is open, wherever it is; a step outside its place does not become a good one.
    model.status = 'unlocked';
    model.steps.unlock = model.lock?.at === 'destination' ? 'done' : 'failed';
    model.history.push(['trip.unlock', 'lock']);
    if (!model.writtenOff || model.alarmId !== undefined) return;
    model.status = 'closed';
    model.history.push(['trip.close', 'lock']);
  };

const raises: Deed = async (model, real) => {
  if (model.alarmId !== undefined || isOver(model)) return;
  model.alarmId = await raise(platform, real.trip);
  model.alarmIsNew = ['verified', 'unlocked'].includes(model.status);
};

const disposes: Deed = async (model) => {
  if (model.alarmId === undefined) return;
  await wang.call('POST', `alarms/${model.alarmId}/dispose`, { text: 'inspected' });
  delete model.alarmId;
};

/** Asks for an act; the answer is the model's. @returns the checks that failed */
async function asked(model: Model, real: Real, act: Act, who: Who, waived: Waived): Promise<Expected> {
  const waive = waived === 'nothing' ? [] : [{ check: waived, reason: 'radio shadow' }];
  const body = act === 'cancel' ? { reason: 'loaded by mistake' } : act === 'seal' ? { waive } : {};
  const answer = await platform.call('POST', `trips/${real.trip.tripId}/${act}`, { key: keys.get(who)!, body });
  const expected = answerTo(model, act, who, waived);
  expect([answer.status, answer.body.code], `${who} ${act}: ${answer.text}`).toEqual([expected.status, expected.code]);
  if (expected.failed) expect(answer.body.errors.map(({ path }) => path)).toEqual(expected.failed);
  return expected;
}

const does =
  (act: Act, who: Who, waived: Waived = 'nothing'): Deed =>
  async (model, real) => {
    const before = await look(real);
    const { status, failed } = await asked(model, real, act, who, waived);
    if (status === 200) return apply(model, act, `key:${who}`);
    // An unlock that the lock has not confirmed yet has told the lock to open: the one thing a refusal leaves behind.
    if (failed?.[0] === 'unlocked' && orderUnlock(model)) {
      model.history.push(['trip.authorise-unlock', `key:${who}`]);
      return;
    }
    expect<Look>(await look(real)).toEqual(before);
  };

/** Everything that is forbidden now is refused, and leaves the trip as it stands. */
const refusesAll: Deed = async (model, real) => {
  const before = await look(real);
  for (const act of ACTS) {
    for (const who of PEOPLE) {
      const { status, failed } = answerTo(model, act, who, 'nothing');
      if (status !== 200 && failed?.[0] !== 'unlocked') await asked(model, real, act, who, 'nothing');
    }
  }
  expect<Look>(await look(real)).toEqual(before);
};

/** What has to be done next for the trip to come to its end. */
function nextDeed(model: Model): Deed {
  const shut = (at: Shown['at']): Deed | undefined =>
    model.lock?.seal === 'shut' && model.lock.at === at && model.lock.percent > 20
      ? undefined
      : shows({ seal: 'shut', at, percent: 86 });
  switch (model.status) {
    case 'released':
      return shut('origin') ?? does('hang', 'origin');
    case 'hung':
      if (model.interval === 'queued') return replies('done');
      return shut('origin') ?? does('seal', 'origin', model.interval === 'done' ? 'nothing' : 'interval');
    case 'sealed':
      return moves('depart');
    case 'in-transit':
      return moves('arrive');
    case 'arrived':
      return model.alarmId ? disposes : (shut('destination') ?? does('verify', 'destination'));
    case 'verified':
      return model.unlock === 'queued' ? replies('done') : does('unlock', 'destination');
    case 'unlocked':
      return model.alarmId ? disposes : does('close', 'destination');
    default:
      return does('release', officeOf(model));
  }
}

class Step implements fc.AsyncCommand<Model, Real> {
  readonly #text: string;
  readonly #deed: Deed;
  constructor(text: string, deed: Deed) {
    this.#text = text;
    this.#deed = deed;
  }
  check(): boolean {
    return true;
  }
  async run(model: Model, real: Real): Promise<void> {
    await this.#deed(model, real);
    await agree(model, real);
  }
  toString(): string {
    return this.#text;
  }
}

const seal = fc.constantFrom<Shown['seal']>('shut', 'shut', 'open', 'cut');
const place = fc.constantFrom<Shown['at']>('origin', 'road', 'destination');
const shown = fc.record({ seal, at: place, percent: fc.constantFrom(86, 86, 10) });
const next = fc.constant(new Step('what comes next', (model, real) => nextDeed(model)(model, real)));
const steps = fc.commands(
  [
    ...[next, next, next, next],
    shown.map((what) => new Step(`the lock shows ${JSON.stringify(what)}`, shows(what))),
    fc.constantFrom('depart', 'arrive').map((act) => new Step(`the truck ${act}s`, moves(act))),
    fc.constantFrom('done', 'refused').map((result) => new Step(`the lock answers ${result}`, replies(result))),
    fc.constant(new Step('an alarm is raised', raises)),
    fc.constant(new Step('the alarm is disposed of', disposes)),
    fc
      .tuple(
        fc.constantFrom<Act>(...ACTS, 'cancel', 'cancel'),
        fc.constantFrom<Who>('origin', 'origin', 'destination', 'destination', 'viewer'),
        fc.constantFrom<Waived>('nothing', 'interval'),
      )
      .map(([act, who, waived]) => new Step(`${who}: ${act}, ${waived} waived`, does(act, who, waived))),
  ],
  { maxCommands: 50, size: '+1' },
);

const newReal = async (): Promise<Real> => ({ trip: await addTrip(platform, {}), audit: [], times: {} });

test('what comes next, time after time, brings a trip to its end by every state, and nothing else is possible in any', async () => {
  const model = fresh();
  const real = await newReal();
  const states = [model.status];
  while (!isOver(model)) {
    await refusesAll(model, real);
    await new Step('what comes next', nextDeed(model)).run(model, real);
    if (states.at(-1) !== model.status) states.push(model.status);
  }
  await refusesAll(model, real);
  expect(states).toEqual(LIFE);
});

test('whatever is asked of a trip in whatever order, it is as its model: what is forbidden is refused by its reason and changes nothing', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      const real = await newReal();
      await fc.asyncModelRun(() => ({ model: fresh(), real }), commands);
    }),
    { numRuns: process.env.SEALWATCH_DEEP ? 300 : 3, endOnFailure: true },
  );
});
