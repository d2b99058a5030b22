import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addGate,
  addLock,
  addPerson,
  addRoute,
  addTrip,
  containerNo,
  declaration,
  type Person,
  passage,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
  takeover,
} from './platform.ts';

let platform: TestPlatform;
let li: Person;
let zhang: Person;
let wang: Person;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
  li = await addPerson(platform, 'supervisor', 'Li Wei');
  zhang = await addPerson(platform, 'supervisor', 'Zhang Min');
  wang = await addPerson(platform, 'operator', 'Wang Fang');
});
afterAll(() => platform?.stop());

/** A trip of a real lock, taken over by a supervisor. */
async function realTrip(more: object = {}, lock?: string): Promise<TestTrip> {
  const lockId = lock ?? (await addLock(platform, false));
  const declared = declaration(lockId, { takeover: takeover(), ...more });
  const answer = await li.call('POST', 'trips', declared);
  if (answer.status !== 201) throw new Error(answer.text);
  const { containerNo: box } = declared.units[0]!;
  return { tripId: answer.body.tripId, lockId, containerNo: box, plate: declared.vehicle.tractorPlate };
}

const tripOf = async (tripId: string) => (await platform.call('GET', `trips/${tripId}`)).body;
const ask = async (trip: TestTrip) => {
  await report(platform, trip.lockId);
  return (await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip) })).body;
};
const rulesOf = ({ reasons }: { reasons: { rule: string }[] }) => reasons.map(({ rule }) => rule);
const cancelBy = (person: Person, tripId: string, reason = 'papers wrong') =>
  person.call('POST', `trips/${tripId}/cancel`, { reason });
async function cancelByTwo(tripId: string): Promise<void> {
  const asked = await cancelBy(li, tripId);
  expect(asked.status, asked.text).toBe(202);
  const confirmed = await zhang.call('POST', `approvals/${String(asked.body.approvalId)}/confirm`);
  expect(confirmed.status, confirmed.text).toBe(200);
}
const dispose = (person: Person, alarmId: string) =>
  person.call('POST', `alarms/${alarmId}/dispose`, { text: 'inspected, nothing missing' });

describe('cancelling a trip', () => {
  test('with a latched alarm that nobody has disposed of is refused to every key, with what to do', async () => {
    const trip = await realTrip();
    await raise(platform, trip);
    for (const role of ['supervisor', 'admin'] as const) {
      const key = await platform.key(role);
      const answer = await platform.call('POST', `trips/${trip.tripId}/cancel`, { key, body: { reason: 'x' } });
      expect([answer.status, answer.body.code]).toEqual([403, 'two-people.required']);
      expect(answer.body.detail).toMatch(/sign in/);
    }
    expect((await tripOf(trip.tripId)).status).toBe('in-transit');
  });

  test('needs a reason, one person who asks, and another one who confirms within 15 minutes', async () => {
    const trip = await realTrip();
    await raise(platform, trip);
    expect((await cancelBy(li, trip.tripId, ' ')).body.errors[0]?.path).toBe('reason');
    const asked = await cancelBy(li, trip.tripId);
    expect([asked.status, asked.body.state, asked.body.askedBy]).toEqual([202, 'pending', 'Li Wei']);
    expect(Date.parse(String(asked.body.expiresAt)) - Date.parse(String(asked.body.askedAt))).toBeCloseTo(900_000, -3);
    const url = `approvals/${String(asked.body.approvalId)}`;
    expect((await tripOf(trip.tripId)).status).toBe('in-transit');
    expect((await li.call('POST', `${url}/confirm`)).body.code).toBe('approval.same-person');
    expect((await wang.call('POST', `${url}/confirm`)).body.code).toBe('auth.role');
    expect((await platform.call('POST', `${url}/confirm`)).body.code).toBe('person.required');
    const listed = await zhang.call('GET', `approvals?tripId=${trip.tripId}`);
    expect(listed.body.items.map((item) => item.approvalId)).toEqual([asked.body.approvalId]);
    const done = await zhang.call('POST', `${url}/confirm`);
    expect([done.status, done.body.state, done.body.decidedBy]).toEqual([200, 'confirmed', 'Zhang Min']);
    expect(await tripOf(trip.tripId)).toMatchObject({ status: 'cancelled', risk: 'red' });
    const { body } = await platform.call('GET', `audit?subject=trip:${trip.tripId}`);
    const acts = body.items.map((entry) => [entry.action, entry.actor]);
    expect(acts).toContainEqual(['approval.ask', 'Li Wei']);
    expect(acts).toContainEqual(['approval.confirm', 'Zhang Min']);
    const cancel = body.items.find((entry) => entry.action === 'trip.cancel');
    expect(cancel).toMatchObject({ actor: 'Li Wei', after: { second: 'Zhang Min', reason: 'papers wrong' } });
  });

  test('without one stays as it was', async () => {
    const trip = await addTrip(platform);
    const answer = await platform.call('POST', `trips/${trip.tripId}/cancel`, { body: { reason: 'papers wrong' } });
    expect([answer.status, answer.body.trip]).toMatchObject([200, { status: 'cancelled' }]);
  });
});

describe('red follows the lock and the box', () => {
  test.each<[string, (trip: TestTrip) => Promise<TestTrip>]>([
    ['the same lock with another box', ({ lockId }) => realTrip({}, lockId)],
    ['the same box with another lock', ({ containerNo: no }) => boxed(no)],
    ['the box typed with spaces, small letters and its size and type', ({ containerNo: no }) => boxed(spelled(no))],
  ])('%s starts red, says N with the alarm, and is green when a person disposes of it', async (_name, again) => {
    const first = await realTrip();
    const alarmId = await raise(platform, first, { rule: 'seal.rope-cut' });
    await cancelByTwo(first.tripId);
    const next = { ...(await again(first)) };
    const seen = await tripOf(next.tripId);
    expect(seen).toMatchObject({ risk: 'red', inherited: [{ alarmId, tripId: first.tripId, rule: 'seal.rope-cut' }] });
    const box = String((seen.units as { containerNo: string }[])[0]!.containerNo);
    const answer = await ask({ ...next, containerNo: box });
    expect([answer.code, rulesOf(answer)]).toEqual(['N', expect.arrayContaining(['gate.inherited'])]);
    expect((await dispose(wang, alarmId)).status).toBe(200);
    const green = await tripOf(next.tripId);
    expect([green.risk, green.inherited]).toEqual(['green', undefined]);
    expect(rulesOf(await ask({ ...next, containerNo: box }))).toEqual(['gate.takeover']);
  });

  test('in every unit and in every box of a train, also from a trip that is open', async () => {
    const first = await realTrip();
    await raise(platform, first);
    const locks = [await addLock(platform, false), await addLock(platform, false)];
    const units = [
      { containerNo: containerNo(), lockId: locks[0] },
      { containerNo: first.containerNo, lockId: locks[1] },
    ];
    const two = await li.call('POST', 'trips', declaration(locks[0]!, { units }));
    expect([two.status, two.body.risk]).toEqual([201, 'red']);
    const lockIds = [await addLock(platform), await addLock(platform)];
    const boxes = [containerNo(), first.containerNo];
    const train = await platform.call('POST', 'convoys', {
      body: {
        convoyNo: 'X8065',
        declarationNo: declaration('x').declarationNo,
        originOffice: '2921',
        destinationOffice: '3104',
        routeId: 'yiwu-daxie',
        units: lockIds.map((lockId, i) => ({ lockId, containerNo: boxes[i] })),
      },
    });
    const risks = train.body.items.map((trip) => [(trip.units as { lockId: string }[])[0]!.lockId, trip.risk]);
    expect(new Map(risks as [string, string][])).toEqual(
      new Map([
        [lockIds[0], 'green'],
        [lockIds[1], 'red'],
      ]),
    );
  });

  test('to a trip declared before a late record cut the rope of the cancelled one, and on from trip to trip', async () => {
    const first = await realTrip();
    await cancelBy(li, first.tripId);
    const second = await boxed(first.containerNo);
    expect((await tripOf(second.tripId)).risk).toBe('green');
    const alarmId = await raise(platform, first, { rule: 'seal.rope-cut' });
    expect((await tripOf(second.tripId)).risk).toBe('red');
    await cancelByTwo(second.tripId);
    const third = await realTrip({}, second.lockId);
    expect(await tripOf(third.tripId)).toMatchObject({ risk: 'red', inherited: [{ alarmId }] });
    expect((await dispose(li, alarmId)).status).toBe(200);
    expect((await tripOf(third.tripId)).risk).toBe('green');
  });

  test('such a trip is neither verified nor written off nor unlocked by one person', async () => {
    const first = await realTrip();
    await raise(platform, first);
    const next = await boxed(first.containerNo);
    await report(platform, next.lockId);
    for (const act of ['verify', 'write-off']) {
      const answer = await li.call('POST', `trips/${next.tripId}/${act}`, {});
      expect([answer.status, answer.body.errors[0]?.path]).toEqual([409, 'alarms']);
    }
    expect((await li.call('POST', `locks/${next.lockId}/commands`, { type: 'unlock' })).status).toBe(202);
  });

  const boxed = async (no: string) => {
    const lockId = await addLock(platform, false);
    return realTrip({ units: [{ containerNo: no, lockId }] }, lockId);
  };
  const spelled = (no: string) => `${no.slice(0, 4).toLowerCase()} ${no.slice(4, 10)} ${no.slice(10)} 45G1`;
});

describe('a takeover', () => {
  test('is a signed-in supervisor’s; keys take over simulated locks alone, and only testers call a lock simulated', async () => {
    const real = declaration(await addLock(platform, false), { takeover: takeover() });
    for (const role of ['supervisor', 'admin'] as const) {
      const answer = await platform.call('POST', 'trips', { key: await platform.key(role), body: real });
      expect([answer.status, answer.body.code]).toEqual([403, 'takeover.person']);
    }
    expect((await wang.call('POST', 'trips', real)).status).toBe(403);
    expect((await li.call('POST', 'trips', real)).status).toBe(201);
    const key = await platform.key('supervisor');
    const claimed = { lockId: 'JT70990001', simulated: true };
    expect((await platform.call('POST', 'locks', { key, body: claimed })).body.code).toBe('auth.role');
    const simulated = declaration(await addLock(platform), { takeover: takeover() });
    expect((await platform.call('POST', 'trips', { key, body: simulated })).status).toBe(201);
  });

  test('is in the audit, on the trip, and a reason for M at the gate unless the operator says otherwise', async () => {
    const trip = await realTrip();
    expect((await tripOf(trip.tripId)).takenOver).toMatchObject({ by: 'Li Wei' });
    const { body } = await platform.call('GET', `audit?subject=trip:${trip.tripId}`);
    expect(body.items.at(-1)).toMatchObject({ action: 'trip.take-over', actor: 'Li Wei' });
    const answer = await ask(trip);
    expect([answer.code, rulesOf(answer)]).toEqual(['M', ['gate.takeover']]);
    const set = (release: object) => platform.call('PUT', 'params/platform', { body: { 'gate.takeover': release } });
    try {
      await set({ release: true, releaseSimulated: false });
      expect((await ask(await realTrip())).code).toBe('Y');
      expect((await ask(await addTrip(platform))).code).toBe('M');
    } finally {
      await set({});
    }
    expect((await ask(await addTrip(platform))).code).toBe('Y');
  });
});

describe('two people', () => {
  test('a critical alarm is disposed of by no key, by one person with a word, as a false alarm by two', async () => {
    const trip = await realTrip();
    const alarmId = await raise(platform, trip);
    const url = `alarms/${alarmId}/dispose`;
    const byKey = await platform.call('POST', url, { body: { text: 'nothing', falseAlarm: true } });
    expect([byKey.status, byKey.body.code]).toEqual([403, 'person.required']);
    const asked = await wang.call('POST', url, { text: 'a cow', falseAlarm: true });
    expect([asked.status, (await tripOf(trip.tripId)).risk]).toEqual([202, 'red']);
    expect((await li.call('POST', `approvals/${String(asked.body.approvalId)}/confirm`)).status).toBe(200);
    const { body } = await platform.call('GET', `alarms/${alarmId}`);
    expect(body).toMatchObject({
      disposedBy: 'Wang Fang',
      disposal: { text: 'a cow', falseAlarm: true, secondPerson: 'Li Wei' },
    });
    expect((await tripOf(trip.tripId)).risk).toBe('green');
  });

  test('an approval is void when the trip has changed, over after its time, and refused by the other person', async () => {
    const trip = await realTrip();
    await raise(platform, trip);
    const approval = async () => `approvals/${String((await cancelBy(li, trip.tripId)).body.approvalId)}`;
    const first = await approval();
    expect(await approval()).toBe(first);
    await raise(platform, trip, { rule: 'seal.rope-cut' });
    expect((await zhang.call('POST', `${first}/confirm`)).body.code).toBe('approval.void');
    const second = await approval();
    expect(second).not.toBe(first);
    await platform.pool.query('UPDATE approvals SET expires_at = now() WHERE approval_id = $1', [second.slice(10)]);
    expect((await zhang.call('POST', `${second}/confirm`)).body.code).toBe('approval.expired');
    const third = await approval();
    const refused = await zhang.call('POST', `${third}/refuse`, { reason: 'inspect it first' });
    expect(refused.body).toMatchObject({ state: 'refused', decidedBy: 'Zhang Min', reason: 'inspect it first' });
    expect((await zhang.call('POST', `${third}/confirm`)).body.code).toBe('approval.refused');
    expect((await tripOf(trip.tripId)).status).toBe('in-transit');
  });

  test('the second person acts for the trip’s office', async () => {
    const trip = await realTrip();
    await raise(platform, trip);
    const origin = await addPerson(platform, 'supervisor', 'Origin', ['2921']);
    const other = await addPerson(platform, 'supervisor', 'Other', ['0204']);
    const url = `approvals/${String((await cancelBy(li, trip.tripId)).body.approvalId)}/confirm`;
    expect((await origin.call('POST', url)).body.code).toBe('office.not-acting');
    expect((await other.call('POST', url)).status).toBe(404);
  });

  test('a passage against a red trip is released by two', async () => {
    const trip = await realTrip();
    await raise(platform, trip);
    const { passageId } = await ask(trip);
    const url = `gates/daxie-1/passages/${String(passageId)}/decision`;
    const body = { decision: 'release', secondPerson: 'Zhang Min' };
    expect((await platform.call('POST', url, { body })).body.code).toBe('two-people.required');
    const asked = await wang.call('POST', url, body);
    expect([asked.status, (await tripOf(trip.tripId)).writtenOffAt]).toEqual([202, undefined]);
    expect((await zhang.call('POST', `approvals/${String(asked.body.approvalId)}/confirm`)).status).toBe(200);
    const { body: list } = await platform.call('GET', 'gates/daxie-1/passages');
    expect(list.items.find((item) => item.passageId === passageId)).toMatchObject({
      decision: { decision: 'release', by: 'Wang Fang', secondPerson: 'Zhang Min' },
    });
    expect((await tripOf(trip.tripId)).writtenOffAt).toBeDefined();
  });

  test('an alarm that comes after the verification keeps the lock shut to one person and to every key', async () => {
    const trip = await realTrip();
    await report(platform, trip.lockId);
    expect((await li.call('POST', `trips/${trip.tripId}/verify`, {})).status).toBe(200);
    await raise(platform, trip, { rule: 'seal.rope-cut' });
    const byStep = await platform.call('POST', `trips/${trip.tripId}/unlock`, { body: {} });
    expect([byStep.status, byStep.body.errors.map(({ path }) => path)]).toEqual([409, ['alarms']]);
    const byHand = await platform.call('POST', `locks/${trip.lockId}/commands`, { body: { type: 'unlock' } });
    expect(byHand.body.code).toBe('two-people.required');
    const gate = await platform.call('POST', 'jgs/14', {
      headers: { 'content-type': 'application/xml' },
      raw:
        `<OPERATE_INFO><MESSAGE_TYPE>0x83</MESSAGE_TYPE><SESSION_ID>s1</SESSION_ID><ESEAL>U</ESEAL>` +
        `<ESEAL_ID>${trip.lockId}</ESEAL_ID></OPERATE_INFO>`,
    });
    expect(gate.text).toContain('alarms since the verification');
    const { rows } = await platform.pool.query(`SELECT 1 FROM commands WHERE lock_id = $1 AND type = 'unlock'`, [
      trip.lockId,
    ]);
    expect(rows).toEqual([]);
  });
});
