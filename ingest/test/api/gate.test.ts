import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addGate,
  addPerson,
  addRoute,
  addTrip,
  GATE,
  passage,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  takeover,
} from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
});
afterAll(() => platform?.stop());

const REPEATS = process.env.SEALWATCH_DEEP ? 1_000 : 100;
const ask = (body: object, gateId = 'daxie-1') => platform.call('POST', `gates/${gateId}/passages`, { body });
const count = async (sql: string, values: unknown[]) =>
  (await platform.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`, values)).rows[0]!.n;

describe('a clean truck at the gate', () => {
  test('is released to the fast lane, verified, written off, and its lock told to open', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const { status, body } = await ask(passage(trip));
    expect(status).toBe(200);
    expect(body).toMatchObject({
      verdict: 'release',
      code: 'Y',
      lane: 'fast',
      tripId: trip.tripId,
      reasons: [],
      writtenOff: true,
    });
    expect(body.display).toBe('放行 快速通道');
    const after = (await platform.call('GET', `trips/${trip.tripId}`)).body;
    expect(after).toMatchObject({ status: 'verified', steps: [{}, {}, {}, { step: 'verify', state: 'done' }, {}] });
    expect(after.writtenOffAt).toBeDefined();
    expect(
      await count("commands WHERE trip_id = $1 AND type = 'unlock' AND command_id = $2", [
        trip.tripId,
        body.unlock.commandId,
      ]),
    ).toBe(1);
    expect(platform.told.woken).toContain(trip.lockId);
    expect(platform.told.trips).toContain(trip.tripId);
  });

  test('gets the same answer again for the same passage, and nothing changes', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const question = passage(trip);
    const first = await ask(question);
    const again = await ask({ ...question });
    expect(again.body).toEqual(first.body);
  });

  test('is unlocked and closed by the lock’s own word, and the lock is in stock again', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const { body } = await ask(passage(trip));
    await platform.reply(body.unlock.commandId);
    await expect.poll(async () => (await platform.call('GET', `trips/${trip.tripId}`)).body.status).toBe('closed');
    expect((await platform.call('GET', `locks/${trip.lockId}`)).body.state).toBe('stock');
  });

  test(`is written off once by ${REPEATS} repeats at the same time`, async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const question = passage(trip);
    const answers = await Promise.all(Array.from({ length: REPEATS }, () => ask(question)));
    expect(new Set(answers.map((a) => JSON.stringify(a.body))).size).toBe(1);
    expect(answers[0]!.body.verdict).toBe('release');
    expect(await count("commands WHERE trip_id = $1 AND type = 'unlock'", [trip.tripId])).toBe(1);
    expect(await count("outbox WHERE trip_id = $1 AND type = 'trip.written-off'", [trip.tripId])).toBe(1);
    expect(await count('passages WHERE trip_id = $1', [trip.tripId])).toBe(1);
  });

  test('is written off once by passages of two gates at the same time', async () => {
    await addGate(platform, 'daxie-2');
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const answers = await Promise.all([ask(passage(trip)), ask(passage(trip), 'daxie-2')]);
    expect(answers.map((a) => a.body.code).sort()).toEqual(['M', 'Y']);
    expect(await count("commands WHERE trip_id = $1 AND type = 'unlock'", [trip.tripId])).toBe(1);
  });
});

describe('a weighbridge', () => {
  test('is believed within the tolerance that stood for the company when the trip was declared', async () => {
    const company = 'Narrow Scales';
    const declared = async () => {
      const trip = await addTrip(platform, { takeover: takeover(), company, grossWeightKg: 30_000 });
      await report(platform, trip.lockId);
      return trip;
    };
    const before = await declared();
    const body = { 'gate.weight': { toleranceShare: 0, toleranceKg: 100 } };
    expect((await platform.call('PUT', `params/${encodeURIComponent(`company:${company}`)}`, { body })).status).toBe(
      200,
    );
    const after = await declared();
    const weighed = async (trip: typeof before, grossWeightKg: number) => {
      const answer = (await ask(passage(trip, { grossWeightKg }))).body;
      return [answer.code, ...answer.reasons.map(({ rule }: { rule: string }) => rule)];
    };
    expect(await weighed(after, 30_500)).toEqual(['N', 'gate.weight']);
    expect(await weighed(before, 30_500)).toEqual(['Y']);
  });
});

describe('a red truck at the gate', () => {
  test('is sent to inspection with the alarm named, neither written off nor unlocked', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    await raise(platform, trip);
    const { body } = await ask(passage(trip));
    expect(body).toMatchObject({ verdict: 'alarm', code: 'N', lane: 'inspection', writtenOff: false });
    expect(body.reasons).toEqual([
      expect.objectContaining({ rule: 'gate.trip-flagged', text: expect.stringContaining('route.deviation') }),
    ]);
    expect(body.unlock).toBeUndefined();
    expect(await count('commands WHERE trip_id = $1', [trip.tripId])).toBe(0);
  });

  test('is released by hand only by two named people', async () => {
    const password = 'a long enough password';
    for (const name of ['Li Wei', 'Zhang Min']) {
      await platform.call('POST', 'users', { body: { name, role: 'supervisor', password } });
    }
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    await raise(platform, trip);
    const question = passage(trip);
    const told = await ask(question);
    const signIn = await platform.call('POST', 'session', { key: null, body: { name: 'Li Wei', password } });
    const cookie = String(signIn.headers['set-cookie']).split(';')[0]!;
    const url = `gates/daxie-1/passages/${question.passageId}/decision`;
    const body = { decision: 'release', comment: '查验无异常' };
    const decide = () => platform.call('POST', url, { key: null, headers: { cookie }, body });

    const byKey = await platform.call('POST', url, { body: { decision: 'release', secondPerson: 'Zhang Min' } });
    expect([byKey.status, byKey.body.code]).toEqual([403, 'two-people.required']);
    const approval = `approvals/${String((await decide()).body.approvalId)}/confirm`;
    expect((await platform.call('POST', approval, { key: null, headers: { cookie } })).status).toBe(403);
    const zhang = await platform.call('POST', 'session', { key: null, body: { name: 'Zhang Min', password } });
    const headers = { cookie: String(zhang.headers['set-cookie']).split(';')[0]! };
    expect((await platform.call('POST', approval, { key: null, headers })).status).toBe(200);
    const done = (await platform.call('GET', 'gates/daxie-1/passages')).body.items;
    expect(done.find((item) => item.passageId === question.passageId)).toMatchObject({
      answer: { writtenOff: true },
      decision: { by: 'Li Wei', secondPerson: 'Zhang Min' },
    });
    expect((await ask(question)).body).toEqual(told.body);
    expect((await platform.call('GET', `trips/${trip.tripId}`)).body).toMatchObject({
      risk: 'red',
      status: 'verified',
    });
  });

  test('is green and passes once a person has disposed of its alarm', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const alarmId = await raise(platform, trip);
    const wang = await addPerson(platform, 'operator', 'Wang Fang');
    const disposed = await wang.call('POST', `alarms/${alarmId}/dispose`, { text: '绕行施工', falseAlarm: false });
    expect(disposed.body).toMatchObject({ state: 'disposed', active: false, disposedBy: 'Wang Fang' });
    expect((await platform.call('GET', `trips/${trip.tripId}`)).body.risk).toBe('green');
    expect((await ask(passage(trip))).body.code).toBe('Y');
  });
});

describe('what a gate reads wrong', () => {
  test('raises a latched alarm when a sure reading contradicts the trip', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const { body } = await ask(passage(trip, { plate: { text: '浙G99999', confident: true } }));
    expect(body.reasons[0]?.rule).toBe('gate.plate');
    const after = (await platform.call('GET', `trips/${trip.tripId}`)).body;
    expect(after.risk).toBe('red');
    expect(after.openAlarms[0]?.rule).toBe('gate.plate');
  });

  test('finds the trip through doubtful characters, but asks a person', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const doubtful = trip.plate.replaceAll('1', 'I').replaceAll('0', 'O');
    const { body } = await ask(
      passage(trip, { plate: { text: doubtful, confident: true }, containers: [], lockIds: [] }),
    );
    expect(body).toMatchObject({ code: 'M', tripId: trip.tripId });
    expect(body.reasons.map((r) => r.rule)).toContain('gate.plate-doubtful');
  });

  test('a gate of an office that is not the trip’s lets nothing through by itself', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const elsewhere = { ...GATE, properties: { ...GATE.properties, office: '5201' } };
    await platform.call('PUT', 'places/elsewhere', { body: elsewhere });
    const { body } = await ask(passage(trip), 'elsewhere');
    expect([body.code, body.reasons.map(({ rule }) => rule)]).toEqual(['M', ['gate.other-office']]);
    expect(body.unlock).toBeUndefined();
  });

  test('a gate that does not exist is not found, and a bad question names its fields', async () => {
    const trip = await addTrip(platform);
    expect((await ask(passage(trip), 'nowhere')).body.code).toBe('gate.not-found');
    const bad = await ask({ passageId: '', at: 'yesterday' });
    expect(bad.status).toBe(422);
    expect(bad.body.errors.map((e) => e.path)).toEqual(['passageId', 'at']);
  });
});
