import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addGate,
  addRoute,
  addTrip,
  passage,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
} from '../api/platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform({ gateWaitMs: 0 });
  await addRoute(platform);
  await addGate(platform);
});
afterAll(() => platform?.stop());

const MINUTE_MS = 60_000;
const ago = (min: number) => new Date(Date.now() - min * MINUTE_MS).toISOString();

/** A truck that departed 59 min ago and may take `timeLimitMin`, at the gate of its destination. */
async function truck(timeLimitMin: number, more: object = {}): Promise<TestTrip> {
  const trip = await addTrip(platform, { takeover: { sealedAt: ago(60), departedAt: ago(59) }, timeLimitMin, ...more });
  await report(platform, trip.lockId);
  return trip;
}

const ask = async (trip: TestTrip, at: string) =>
  (await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip, { at }) })).body;
const tripOf = async (trip: TestTrip) => (await platform.call('GET', `trips/${trip.tripId}`)).body;
const rules = (answer: { reasons: { rule: string }[] }) => answer.reasons.map(({ rule }) => rule);
const WRONG = [-480, 480, -6].map((min) => [`${min} min off`, () => ago(-min)] as const);
const CLOCKS = [...WRONG, ['in 1970', () => '1970-01-01T00:00:00.000Z'] as const];

// 1.10, after open-nvr/open-nvr#451 and blakeblackshear/frigate#2019, #5214 (camera events hours off).
describe('a gate whose clock is wrong', () => {
  test.each(CLOCKS)('%s: a punctual truck is a person’s to look at, because of the clock alone', async (_off, at) => {
    const answer = await ask(await truck(600), at());
    expect([answer.code, rules(answer)]).toEqual(['M', ['gate.clock']]);
    expect(answer.reasons[0]?.text).toMatch(/卡口时钟不准.*the gate's clock is wrong/);
  });

  test.each(CLOCKS)('%s: an overdue truck is overdue by its receipt time', async (_off, at) => {
    const answer = await ask(await truck(55), at());
    expect([answer.code, rules(answer)]).toEqual(['M', ['gate.clock', 'time.overdue']]);
    expect(answer.reasons[1]?.text).toContain('4 min');
    expect((await ask(await truck(30), at())).code).toBe('N');
  });

  test('is right within its tolerance, which is a parameter of the platform', async () => {
    expect((await ask(await truck(600), ago(4))).code).toBe('Y');
    const params = { 'gate.clock': { toleranceMin: 30 } };
    expect((await platform.call('PUT', 'params/platform', { body: params })).status).toBe(200);
    expect((await ask(await truck(600), ago(20))).code).toBe('Y');
    await platform.call('PUT', 'params/platform', { body: {} });
  });

  test('that a person overrules does not make the truck arrive before it departed', async () => {
    const trip = await truck(600);
    const { passageId } = await ask(trip, '1970-01-01T00:00:00.000Z');
    const released = await platform.call('POST', `gates/daxie-1/passages/${String(passageId)}/decision`, {
      body: { decision: 'release', comment: 'clock' },
    });
    expect(released.status).toBe(200);
    const { departedAt, arrivedAt } = await tripOf(trip);
    expect(Date.parse(String(arrivedAt))).toBeGreaterThan(Date.parse(String(departedAt)));
  });
});

test('a truck that the gate saw a moment before it departed has arrived when the question was received', async () => {
  const departedAt = new Date(Date.now() - 1_000).toISOString();
  const trip = await addTrip(platform, { takeover: { sealedAt: ago(1), departedAt } });
  await report(platform, trip.lockId);
  expect((await ask(trip, ago(2))).code).toBe('Y');
  expect(Date.parse(String((await tripOf(trip)).arrivedAt))).toBeGreaterThanOrEqual(Date.parse(departedAt));
});
