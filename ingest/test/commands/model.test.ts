import fc from 'fast-check';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Commands, startCommands } from '../../src/commands/commands.ts';
import { addLock, startPlatform, type TestPlatform } from '../api/platform.ts';

const HOUR_MS = 3_600_000;
const PEOPLE = ['Li Wei', 'Zhang Min'];
const WAITING = ['queued', 'sent'];
type Type = 'interval' | 'locate' | 'unlock';
type Result = 'done' | 'refused' | 'failed';

/** A command as the simplest thing that behaves like it. */
interface ModelCommand {
  commandId: string;
  lock: number;
  type: Type;
  state: string;
  /** The hour of the run at which its time is up. */
  endsH: number;
  /** What happened to it, in order. */
  story: string[];
}
interface Link {
  up: boolean;
  /** How many more messages it carries before it breaks. */
  carries: number;
  /** What the lock has heard, in order. */
  heard: string[];
}
interface Model {
  hour: number;
  /** In the order given. */
  commands: ModelCommand[];
  links: Link[];
  ended: string[];
}
interface Real {
  lockIds: string[];
  links: Link[];
  ended: string[];
  startMs: number;
  /** Commands that ended, as they stood then. */
  over: Map<string, unknown>;
}
type Deed = (model: Model, real: Real) => Promise<void>;

let platform: TestPlatform;
let commands: Commands;
let nowMs: number;
let real: Real;
const cookies = new Map<string, string>();

beforeAll(async () => {
  platform = await startPlatform();
  for (const name of PEOPLE) {
    const person = { name, password: 'a long enough password' };
    await platform.call('POST', 'users', { body: { ...person, role: 'supervisor' } });
    const signIn = await platform.call('POST', 'session', { key: null, body: person });
    cookies.set(name, String(signIn.headers['set-cookie']).split(';')[0]!);
  }
  commands = startCommands({
    pool: platform.pool,
    log: pino({ level: 'silent' }),
    // No two looks at the clock see the same time.
    nowMs: () => ++nowMs,
    lookEveryMs: 0,
  });
  commands.connect({
    listens: (lockId) => real.links[real.lockIds.indexOf(lockId)]!.up,
    deliver: async (lockId, { commandId }) => carry(real.links[real.lockIds.indexOf(lockId)]!, commandId),
  });
  commands.onEnded(({ commandId, result }) => real.ended.push(`${commandId} ${result}`));
});
afterAll(async () => {
  await commands?.stop();
  await platform?.stop();
});

function carry(link: Link, commandId: string): boolean {
  link.up = link.up && link.carries-- > 0;
  if (link.up) link.heard.push(commandId);
  return link.up;
}

const newLinks = (): Link[] => [0, 1].map(() => ({ up: false, carries: 0, heard: [] }));
const url = (lock: number, ...rest: string[]) => ['locks', real.lockIds[lock], 'commands', ...rest].join('/');

/** What is sent to a lock: what is queued, in order; after a connection also what it never answered, before it. */
function send(model: Model, lock: number, again: boolean): void {
  const link = model.links[lock]!;
  for (const command of model.commands) {
    const due = command.state === 'queued' || (again && command.state === 'sent');
    if (command.lock !== lock || !due || command.endsH <= model.hour) continue;
    if (!carry(link, command.commandId)) return;
    command.state = 'sent';
    command.story.push('command.sent');
  }
}

function end(command: ModelCommand, state: string): void {
  command.state = state;
  command.story.push(`command.${state}`);
}

async function agree(model: Model): Promise<void> {
  expect(real.links.map(({ up, heard }) => ({ up, heard }))).toEqual(
    model.links.map(({ up, heard }) => ({ up, heard })),
  );
  expect(real.ended).toEqual(model.ended);
  for (const [lock, lockId] of real.lockIds.entries()) {
    const own = model.commands.filter((command) => command.lock === lock);
    const { items } = (await platform.call('GET', `${url(lock)}?limit=500`)).body;
    const seen = items.toReversed().map(({ commandId, type, state }) => ({ commandId, type, state }));
    expect(seen).toEqual(own.map(({ commandId, type, state }) => ({ commandId, type, state })));
    for (const item of items) {
      const over = real.over.get(String(item.commandId));
      if (over !== undefined) expect(item).toEqual(over);
      else if (item.endedAt !== undefined) real.over.set(String(item.commandId), item);
    }
    const audit = (await platform.call('GET', `audit?subject=lock:${lockId}&limit=500`)).body.items.reverse();
    const storyOf = (id: string) => audit.filter(({ after }) => (after as { commandId?: string }).commandId === id);
    const stories = own.map(({ commandId }) => storyOf(commandId).map(({ action }) => action));
    expect(stories).toEqual(own.map(({ story }) => story));
  }
}

class Step implements fc.AsyncCommand<Model, Real> {
  readonly #text: string;
  readonly #deed: Deed;
  readonly #when: (model: Model) => boolean;
  constructor(text: string, deed: Deed, when: (model: Model) => boolean = () => true) {
    this.#text = text;
    this.#deed = deed;
    this.#when = when;
  }
  check(model: Readonly<Model>): boolean {
    return this.#when(model);
  }
  async run(model: Model): Promise<void> {
    await this.#deed(model, real);
    for (const lockId of platform.told.woken.splice(0)) await commands.deliverDue(lockId);
    await agree(model);
  }
  toString(): string {
    return this.#text;
  }
}

const unlockWaits = (model: Model, lock: number) =>
  model.commands.some((c) => c.lock === lock && c.type === 'unlock' && WAITING.includes(c.state));

const as = (who: number, at: string, body: object = {}) =>
  platform.call('POST', at, { key: null, headers: { cookie: cookies.get(PEOPLE[who]!)! }, body });

/** Asks as a person; an unlock waits for another one, who confirms it or not. @returns the command where it was given */
async function asks(model: Model, lock: number, type: Type, at: string, body: object, alone: boolean) {
  const answer = await as(0, at, body);
  const refused = type === 'unlock' && unlockWaits(model, lock) ? 'command.waiting' : undefined;
  expect([answer.status < 300, answer.body.code], answer.text).toEqual([refused === undefined, refused]);
  if (refused !== undefined) return undefined;
  expect(answer.status).toBe(type === 'unlock' ? 202 : 201);
  if (type !== 'unlock') return answer.body;
  if (alone) return undefined;
  expect((await as(1, `approvals/${String(answer.body.approvalId)}/confirm`)).status).toBe(200);
  return (await platform.call('GET', url(lock))).body.items[0];
}

function given(model: Model, lock: number, type: Type, endsH: number, commandId: unknown): void {
  const state = 'queued';
  model.commands.push({ commandId: String(commandId), lock, type, state, endsH, story: ['lock.command'] });
  send(model, lock, false);
}

const gives = (lock: number, type: Type, lastsH: number, alone: boolean) =>
  new Step(`${type} to ${lock} for ${lastsH} h${alone ? ' by one' : ''}`, async (model) => {
    const endsH = model.hour + lastsH;
    const expiresAt = new Date(real.startMs + endsH * HOUR_MS).toISOString();
    const body = { type, expiresAt, ...(type === 'interval' ? { intervalS: 45 } : {}) };
    const answer = await asks(model, lock, type, url(lock), body, alone);
    if (answer !== undefined) given(model, lock, type, endsH, answer.commandId);
  });

const named = (model: Model, nth: number) => model.commands[nth % model.commands.length]!;
const some = (model: Model) => model.commands.length > 0;

const takesBack = (nth: number) =>
  new Step(
    `take back ${nth}`,
    async (model) => {
      const command = named(model, nth);
      const answer = await platform.call('POST', url(command.lock, command.commandId, 'cancel'));
      const possible = command.state === 'queued';
      expect([answer.status, answer.body.code]).toEqual(possible ? [200, undefined] : [409, 'command.state']);
      if (possible) end(command, 'cancelled');
    },
    some,
  );

const givesAgain = (nth: number) =>
  new Step(
    `give ${nth} again`,
    async (model) => {
      const { lock, type, commandId, state } = named(model, nth);
      const at = url(lock, commandId, 'retry');
      if (['queued', 'sent', 'done'].includes(state)) {
        const answer = await platform.call('POST', at, { body: {} });
        expect([answer.status, answer.body.code]).toEqual([409, 'command.state']);
        return;
      }
      const answer = await asks(model, lock, type, at, {}, false);
      if (answer === undefined) return;
      expect(answer.intervalS).toBe(type === 'interval' ? 45 : undefined);
      // It waits a day by the wall's clock, which the run's hours do not move.
      given(model, lock, type, 24, answer.commandId);
    },
    some,
  );

const replies = (nth: number, result: Result, liar: boolean) =>
  new Step(
    `${liar ? 'another lock' : 'its lock'} answers ${nth} with ${result}`,
    async (model) => {
      const command = named(model, nth);
      const { commandId, lock } = command;
      const payload = { v: 1, commandId, result, time: new Date(nowMs).toISOString() };
      const from = real.lockIds[liar ? 1 - lock : lock]!;
      await new Promise((done) => commands.receiveReply(from, Buffer.from(JSON.stringify(payload)), done));
      if (liar || !WAITING.includes(command.state)) return;
      end(command, result);
      model.ended.push(`${commandId} ${result}`);
    },
    some,
  );

const connects = (lock: number, carries: number) =>
  new Step(`${lock} connects, for ${carries} messages`, async (model) => {
    Object.assign(real.links[lock]!, { up: true, carries });
    await commands.reconnected(real.lockIds[lock]!);
    Object.assign(model.links[lock]!, { up: true, carries });
    send(model, lock, true);
  });

const leaves = (lock: number) =>
  new Step(`${lock} leaves`, async (model) => {
    for (const links of [real.links, model.links]) links[lock]!.up = false;
  });

const hoursPass = (hours: number) =>
  new Step(`${hours} h pass`, async (model) => {
    nowMs += hours * HOUR_MS;
    model.hour += hours;
  });

const expires = new Step('what is over is ended', async (model) => {
  const over = model.commands.filter(({ state, endsH }) => WAITING.includes(state) && endsH <= model.hour);
  expect(await commands.expire()).toBe(over.length);
  for (const command of over) end(command, 'expired');
});

const lock = fc.nat(1);
const nth = fc.nat(30);
const steps = fc.commands(
  [
    ...[0, 1].map(() =>
      fc
        .tuple(
          lock,
          fc.constantFrom<Type>('interval', 'locate', 'unlock'),
          fc.constantFrom(1, 30),
          fc.constantFrom(false, false, true),
        )
        .map((all) => gives(...all)),
    ),
    fc.tuple(lock, fc.constantFrom(0, 1, 2, 1_000)).map((all) => connects(...all)),
    lock.map(leaves),
    nth.map(takesBack),
    nth.map(givesAgain),
    fc
      .tuple(nth, fc.constantFrom<Result>('done', 'refused', 'failed'), fc.constantFrom(false, false, true))
      .map((all) => replies(...all)),
    // No sum of these falls on the hour at which a command ends.
    fc.constantFrom(7, 21).map(hoursPass),
    fc.constant(expires),
  ],
  { maxCommands: 60, size: '+1' },
);

test('whatever is asked of locks and whatever they answer, each command is as its model: in order, ended once, an unlock at a time', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const startMs = Date.now();
      // What earlier runs left waiting is over.
      nowMs = startMs + 10_000 * HOUR_MS;
      await commands.expire();
      nowMs = startMs;
      const lockIds = [await addLock(platform), await addLock(platform)];
      real = { lockIds, links: newLinks(), ended: [], startMs, over: new Map() };
      const model: Model = { hour: 0, commands: [], links: newLinks(), ended: [] };
      await fc.asyncModelRun(() => ({ model, real }), all);
    }),
    { numRuns: process.env.SEALWATCH_DEEP ? 200 : 4, endOnFailure: true },
  );
});
