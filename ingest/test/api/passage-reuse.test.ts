import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addGate, addRoute, addTrip, passage, raise, report, startPlatform, type TestPlatform } from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
  await addGate(platform, 'daxie-2');
});
afterAll(() => platform?.stop());

const ask = (body: object, gateId = 'daxie-1') => platform.call('POST', `gates/${gateId}/passages`, { body });
const newest = async () => (await platform.call('GET', 'gates/daxie-1/passages')).body.items;
const later = (at: unknown, ms: number) => new Date(Date.parse(String(at)) + ms).toISOString();
const CLASH = [409, 'passage.reused'];
const DAY_MS = 86_400_000;

async function clean() {
  const trip = await addTrip(platform);
  await report(platform, trip.lockId);
  return trip;
}

/** A clean truck that was released by this question; its id belongs to no day, whatever the time is. */
async function releasedBy(more: object = {}) {
  const question = passage(await clean(), { passageId: crypto.randomUUID(), ...more });
  const first = await ask(question);
  expect(first.body.code).toBe('Y');
  return { question, first };
}

describe('the id of a passage', () => {
  test('releases no other truck: 409, counted, told once, shown with the passage, and the truck stays as it was', async () => {
    const { question } = await releasedBy();
    const red = await clean();
    await raise(platform, red);
    const stolen = passage(red, { passageId: question.passageId });
    for (let times = 0; times < 2; times++) {
      const answer = await ask(stolen);
      expect([answer.status, answer.body.code]).toEqual(CLASH);
      expect(answer.body.errors.map(({ path }) => path).sort()).toEqual(['containers', 'lockIds', 'plate']);
      expect(answer.text).not.toContain(question.plate.text);
    }
    const shown = (await newest()).find((one) => one.passageId === question.passageId);
    expect(shown).toMatchObject({ reused: { times: 2, question: { plate: { text: red.plate } } } });
    expect((await platform.call('GET', '/metrics')).text).toContain(
      'sealwatch_passages_reused_total{gate="daxie-1"} 2',
    );
    const { items } = (await platform.call('GET', 'audit?limit=500')).body;
    expect(items.filter((entry) => entry.action === 'gate.passage-reused')).toHaveLength(1);
    const { rows } = await platform.pool.query("SELECT data FROM outbox WHERE type = 'passage.reused'");
    expect(rows.map(({ data }) => data.passageId)).toEqual([question.passageId]);
    expect((await platform.call('GET', `trips/${red.tripId}`)).body).toMatchObject({
      status: 'in-transit',
      risk: 'red',
    });
  });

  test.each([
    ['another plate', { plate: { text: '浙G99999', confident: true } }],
    ['no plate', { plate: undefined }],
    ['a plate that was read with doubt', 'doubt'],
    ['another box', { containers: [{ no: 'MSKU9070323', confident: true }] }],
    ['another lock', { lockIds: ['JT79999999'] }],
    ['no lock', { lockIds: [] }],
    ['another direction', { direction: 'out' }],
    ['another lane', { lane: '3' }],
    ['a weight', { grossWeightKg: 30_000 }],
    ['a time an hour later', 'hour'],
  ])('with %s is another question', async (_what, change) => {
    const { question } = await releasedBy();
    const more =
      change === 'doubt'
        ? { plate: { ...question.plate, confident: false } }
        : change === 'hour'
          ? { at: later(question.at, -3_600_000) }
          : (change as object);
    const answer = await ask({ ...question, ...more });
    expect([answer.status, answer.body.code]).toEqual(CLASH);
    expect((await ask(question)).body.code).toBe('Y');
  });

  test('gets the same answer with members in any order, white space, members nobody reads, or an `at` stamped anew', async () => {
    const { question, first } = await releasedBy();
    const { containers, plate, ...rest } = question;
    const turned = { containers: containers.map(({ no, confident }) => ({ confident, no })), ...rest, plate, more: 1 };
    const raw = JSON.stringify(turned, null, '\t');
    const headers = { 'content-type': 'application/json' };
    expect((await platform.call('POST', 'gates/daxie-1/passages', { raw, headers })).body).toEqual(first.body);
    expect((await ask({ ...question, at: later(question.at, 1) })).body).toEqual(first.body);
    expect((await ask({ ...question, at: question.at.replace('Z', '+00:00') })).body).toEqual(first.body);
  });

  test('of two questions at the same time belongs to one; the other is refused', async () => {
    const [one, other] = [passage(await clean()), passage(await clean())];
    const asked = Array.from({ length: 20 }, (_, i) => ask({ ...(i % 2 ? one : other), passageId: 'both' }));
    const answers = await Promise.all(asked);
    const good = answers.filter(({ status }) => status === 200);
    expect(good).toHaveLength(10);
    expect(new Set(good.map(({ body }) => body.tripId)).size).toBe(1);
    expect(new Set(answers.filter(({ status }) => status !== 200).map(({ body }) => body.code))).toEqual(
      new Set(['passage.reused']),
    );
  });

  test('is the gate’s own: another gate decides by itself', async () => {
    const { question } = await releasedBy();
    const next = passage(await clean(), { passageId: question.passageId });
    expect((await ask(next, 'daxie-2')).body.code).toBe('Y');
  });

  test('of a lane that counts from 1 each day is another one the next day, a UUID is not', async () => {
    const today = await releasedBy({ passageId: '1' });
    const before = passage(await clean(), { passageId: '1', at: later(today.question.at, -DAY_MS) });
    const answer = await ask(before);
    // Its clock is a day behind the receipt time: a person decides.
    expect([answer.status, answer.body.code]).toEqual([200, 'M']);
    expect((await ask(today.question)).body).toEqual(today.first.body);
    expect((await ask(before)).body).toEqual(answer.body);
    const uuid = await releasedBy();
    const again = await ask({ ...uuid.question, at: later(uuid.question.at, -DAY_MS) });
    expect([again.status, again.body.code]).toEqual(CLASH);
  });

  test('a person decides on the day that is named, otherwise on the newest', async () => {
    const at = new Date().toISOString();
    const days = [
      passage(await clean(), { passageId: '7', at }),
      passage(await clean(), { passageId: '7', at: later(at, -DAY_MS) }),
    ];
    for (const question of days) await ask(question);
    const shown = (await newest()).filter((one) => one.passageId === '7');
    const [second, first] = shown;
    expect(first?.day).not.toBe(second?.day);
    const decide = (query: string) =>
      platform.call('POST', `gates/daxie-1/passages/7/decision${query}`, { body: { decision: 'inspect' } });
    expect((await decide(`?day=${String(first?.day)}`)).body).toMatchObject({ decidedAt: first?.decidedAt });
    expect((await decide('')).body).toMatchObject({ decidedAt: second?.decidedAt });
    expect((await decide('?day=2001-01-01')).status).toBe(404);
  });

  test('after a decision by hand repeats the first answer and still refuses another body', async () => {
    const question = passage(await clean(), { lockIds: [] });
    const first = await ask(question);
    expect(first.body.code).toBe('M');
    const decided = { body: { decision: 'release' } };
    await platform.call('POST', `gates/daxie-1/passages/${question.passageId}/decision`, decided);
    expect((await ask(question)).body).toEqual(first.body);
    expect((await ask({ ...question, lockIds: ['JT79999999'] })).status).toBe(409);
  });

  test('never answers Y to a truck that it did not answer before, whatever is changed', async () => {
    const { question, first } = await releasedBy();
    const text = fc.string({ minLength: 1, maxLength: 20 });
    const change = fc.record(
      {
        plate: fc.record({ text, confident: fc.boolean() }),
        containers: fc.array(fc.record({ no: text, confident: fc.boolean() }), { maxLength: 2 }),
        lockIds: fc.array(text, { maxLength: 2 }),
        grossWeightKg: fc.double({ min: 1, max: 100_000, noNaN: true }),
        lane: fc.string({ maxLength: 5 }),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(change, async (more) => {
        const answer = await ask({ ...question, ...more });
        const isSame = Object.keys(more).length === 0;
        expect(answer.status).not.toBe(500);
        if (isSame) expect(answer.body).toEqual(first.body);
        else expect(answer.body.code).not.toBe('Y');
      }),
      { numRuns: 40 },
    );
  });
});
