import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPerson, addRoute, addTrip, raise, startPlatform, type TestPlatform } from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
});
afterAll(() => platform?.stop());

const named = async (name: string, role = 'operator', offices: string[] = []) =>
  (await platform.call('POST', 'keys', { body: { name, role, offices } })).body.key;

const post = (path: string, body: object = {}, key?: string) =>
  platform.call('POST', path, { body, ...(key === undefined ? {} : { key }) });

describe('the process of an alarm', () => {
  test('raised, acknowledged, assigned, disposed of, closed: each with its name and time', async () => {
    const [first, second, chief] = [await named('A'), await named('B'), await named('C', 'supervisor')];
    const wang = await addPerson(platform, 'operator', 'Wang Fang');
    const trip = await addTrip(platform);
    const at = `alarms/${await raise(platform, trip)}`;
    expect((await post(`${at}/close`, {}, chief)).body.code).toBe('alarm.not-disposed');
    expect((await post(`${at}/acknowledge`, {}, first)).body).toMatchObject({
      state: 'acknowledged',
      acknowledgedBy: 'key:A',
    });
    expect((await post(`${at}/acknowledge`, {}, second)).body).toMatchObject({ acknowledgedBy: 'key:A' });
    expect((await post(`${at}/assign`, {}, first)).body).toMatchObject({ state: 'assigned', assignedTo: 'key:A' });
    expect((await post(`${at}/assign`, { to: 'patrol 3' }, second)).body).toMatchObject({
      state: 'assigned',
      assignedTo: 'patrol 3',
    });
    const disposed = await wang.call('POST', `${at}/dispose`, { text: 'fuel station, receipt seen' });
    expect(disposed.body).toMatchObject({
      state: 'disposed',
      active: false,
      disposedBy: 'Wang Fang',
      disposal: { text: 'fuel station, receipt seen', falseAlarm: false },
    });
    expect((await post(`${at}/assign`, { to: 'x' }, first)).body.code).toBe('alarm.disposed');
    expect((await post(`${at}/close`, {}, second)).body.code).toBe('auth.role');
    const closed = await post(`${at}/close`, {}, chief);
    expect(closed.body).toMatchObject({ state: 'closed', closedBy: 'key:C', closedAt: expect.any(String) });
    expect((await post(`${at}/close`, {}, chief)).body.code).toBe('alarm.closed');
    expect((await platform.call('GET', `alarms?state=closed&tripId=${trip.tripId}`)).body.items).toEqual([closed.body]);
  });

  test('every act is in the audit with what was before and after, and an act that changes nothing is not', async () => {
    const alarmId = await raise(platform, await addTrip(platform));
    await post(`alarms/${alarmId}/acknowledge`);
    await post(`alarms/${alarmId}/acknowledge`);
    await (await addPerson(platform, 'operator', 'Chen')).call('POST', `alarms/${alarmId}/dispose`, { text: 'seen' });
    const { items } = (await platform.call('GET', `audit?subject=alarm:${alarmId}`)).body;
    expect(items.map(({ action, actor }) => [action, actor])).toEqual([
      ['alarm.dispose', 'Chen'],
      ['alarm.acknowledge', 'key:bootstrap'],
    ]);
    expect(items[1]).toMatchObject({
      before: { state: 'open', active: true },
      after: { state: 'acknowledged', acknowledgedBy: 'key:bootstrap' },
    });
    expect(items[0]).toMatchObject({
      before: { state: 'acknowledged', active: true },
      after: { state: 'disposed', active: false, disposal: { text: 'seen', falseAlarm: false } },
    });
  });
});

describe('many alarms at once', () => {
  test('named ones are acknowledged with a result for each, whatever becomes of the others', async () => {
    const [destination, origin] = [await named('D', 'operator', ['3104']), await named('O', 'operator', ['2921'])];
    const trip = await addTrip(platform);
    const [free, taken, gone] = [
      await raise(platform, trip),
      await raise(platform, trip, { rule: 'seal.rope-cut' }),
      await raise(platform, trip, { rule: 'pair.separation' }),
    ];
    await post(`alarms/${taken}/acknowledge`);
    await (await addPerson(platform, 'operator')).call('POST', `alarms/${gone}/dispose`, { text: 'x' });
    const nobody = randomUUID();
    const alarmIds = [free, taken, gone, nobody, free];
    const { status, body } = await post('alarms/acknowledge', { alarmIds }, destination);
    expect([status, body.more]).toEqual([200, false]);
    expect(body.items).toEqual([
      { alarmId: free, result: 'acknowledged', acknowledgedBy: 'key:D' },
      { alarmId: taken, result: 'unchanged', acknowledgedBy: 'key:bootstrap' },
      { alarmId: gone, result: 'refused', code: 'alarm.disposed', detail: expect.any(String) },
      { alarmId: nobody, result: 'refused', code: 'alarm.not-found', detail: expect.any(String) },
    ]);
    const another = await raise(platform, trip, { rule: 'seal.case-opened' });
    expect((await post('alarms/acknowledge', { alarmIds: [another] }, origin)).body.items).toEqual([
      expect.objectContaining({ alarmId: another, result: 'refused', code: 'office.not-acting' }),
    ]);
  });

  test('a filter takes the active ones that nobody has taken, of the caller’s offices alone', async () => {
    const mine = await addTrip(platform);
    const foreign = await addTrip(platform, {});
    await platform.pool.query(
      "UPDATE trips SET origin_office = '9901', destination_office = '9902' WHERE trip_id = $1",
      [foreign.tripId],
    );
    const ids = [await raise(platform, mine), await raise(platform, mine, { rule: 'comms.silent', severity: 'major' })];
    const other = await raise(platform, foreign);
    const key = await named('F', 'operator', ['3104']);
    const few = await post('alarms/acknowledge', { filter: { tripId: mine.tripId, severity: 'major' } }, key);
    expect(few.body.items).toMatchObject([{ alarmId: ids[1], result: 'acknowledged' }]);
    const rest = await post('alarms/acknowledge', { filter: {} }, key);
    expect(rest.body.items.map((item) => item.alarmId)).toContain(ids[0]);
    expect(rest.body.items.map((item) => item.alarmId)).not.toContain(other);
    expect((await post('alarms/acknowledge', { filter: {} }, key)).body).toEqual({ items: [], more: false });
  });

  test('both ways at once, or neither, are refused with the field', async () => {
    for (const body of [{}, { alarmIds: [randomUUID()], filter: {} }, { alarmIds: [] }, { alarmIds: ['x'] }]) {
      const answer = await post('alarms/acknowledge', body);
      expect([answer.status, answer.body.errors[0]?.path.startsWith('alarmIds')]).toEqual([422, true]);
    }
  });
});
