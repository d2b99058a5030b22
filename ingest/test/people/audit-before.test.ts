import { afterAll, beforeAll, expect, test } from 'vitest';
import { endCommand, expireCommands, markSent } from '../../src/store/locks/command-queue.ts';
import type { Webhooks } from '../../src/webhooks/webhooks.ts';
import {
  addGate,
  addLock,
  addPerson,
  addRoute,
  addTrip,
  declaration,
  GATE,
  type Person,
  passage,
  ROUTE,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
} from '../api/platform.ts';
import { withWebhooks } from '../webhooks/subscribing.ts';

/** Acts that make something which was not there before. */
const CREATIONS = ['user.add', 'key.create', 'session.open', 'lock.register', 'trip.declare', 'trip.take-over'].concat([
  'approval.ask',
  'gate.decide',
  'subscription.create',
  'convoy.declare',
  'simulator.start',
  'simulator.inject',
]);

let platform: TestPlatform;
let webhooks: Webhooks;
beforeAll(async () => {
  platform = await startPlatform();
  webhooks = withWebhooks(platform);
  await addRoute(platform);
  await addGate(platform);
});
afterAll(async () => {
  await webhooks?.stop();
  await platform?.stop();
});

const put = (url: string, body: object) => platform.call('PUT', url, { body });
const post = (url: string, body: object = {}) => platform.call('POST', url, { body });
const remove = (url: string) => platform.call('DELETE', url);
const subscribe = async () => {
  const answer = await post('subscriptions', { url: 'http://127.0.0.1:9/hook', types: ['trip.sealed'] });
  return `subscriptions/${answer.body.subscriptionId}`;
};

/** A command that waits, and what becomes of it. */
async function commanded(then: (commandId: string, lockId: string, url: string) => Promise<unknown>): Promise<void> {
  const lockId = await addLock(platform);
  const commandId = String((await post(`locks/${lockId}/commands`, { type: 'locate' })).body.commandId);
  await then(commandId, lockId, `locks/${lockId}/commands/${commandId}`);
}
/** A trip at its destination, and what is done with it. */
async function arrived(
  then: (url: string, trip: Awaited<ReturnType<typeof addTrip>>) => Promise<unknown>,
): Promise<void> {
  const trip = await addTrip(platform);
  await report(platform, trip.lockId);
  await then(`trips/${trip.tripId}`, trip);
}
const ended = (result: 'done' | 'refused' | 'failed') => () =>
  commanded((commandId, lockId) =>
    endCommand(platform.pool, { commandId, lockId, result, reason: undefined, now: new Date() }),
  );
const onAlarm = (act: string, body: object) => () =>
  arrived(async (_url, trip) => post(`alarms/${await raise(platform, trip)}/${act}`, body));

/** A false alarm that waits for a second person. */
const asked = (then: (asker: Person, second: Person, url: string, trip: TestTrip) => Promise<unknown>) =>
  arrived(async (_url, trip) => {
    const [asker, second] = [await addPerson(platform, 'operator'), await addPerson(platform, 'operator')];
    const body = { text: 'a cow', falseAlarm: true };
    const answer = await asker.call('POST', `alarms/${await raise(platform, trip)}/dispose`, body);
    await then(asker, second, `approvals/${String(answer.body.approvalId)}`, trip);
  });

const CHANGES: Record<string, () => Promise<unknown>> = {
  'place.put': () => put('places/daxie-1', { ...GATE, properties: { ...GATE.properties, name: '大榭二号' } }),
  'route.put': () => put('routes/yiwu-daxie', { ...ROUTE, properties: { ...ROUTE.properties, halfWidthM: 150 } }),
  'params.put': async () => {
    await put('params/platform', { 'power.low': { percent: 35 } });
    await put('params/platform', { 'power.low': { percent: 40 } });
  },
  'office.contacts': () =>
    put('offices/2921/contacts', { contacts: [{ name: 'Li Wei', phone: '0579-1', duty: 'day' }] }),
  'lock.block': async () => put(`locks/${await addLock(platform)}/block`, { reason: 'lost' }),
  'lock.retire': async () => post(`locks/${await addLock(platform)}/retire`),
  'key.revoke': async () => remove(`keys/${String((await post('keys', { name: 'x', role: 'viewer' })).body.keyId)}`),
  'user.disable': async () => {
    await post('users', { name: 'Wang Fang', role: 'viewer', password: 'a long enough password' });
    await remove('users/Wang%20Fang');
  },
  'subscription.rotate': async () => post(`${await subscribe()}/rotate`),
  'subscription.enable': async () => post(`${await subscribe()}/enable`),
  'subscription.delete': async () => remove(await subscribe()),
  'command.sent': () => commanded((id) => markSent(platform.pool, id, new Date())),
  'command.done': ended('done'),
  'command.refused': ended('refused'),
  'command.failed': ended('failed'),
  'command.cancelled': () => commanded((_id, _lock, url) => post(`${url}/cancel`)),
  'command.expired': () => commanded(() => expireCommands(platform.pool, new Date(Date.now() + 100 * 3_600_000))),
  'lock.command': () =>
    commanded(async (_id, _lock, url) => {
      await post(`${url}/cancel`);
      await post(`${url}/retry`);
    }),
  'trip.hold': () => arrived((url) => put(`${url}/hold`, { reason: '布控' })),
  'trip.verify': () => arrived((url) => post(`${url}/verify`)),
  'trip.authorise-unlock': () =>
    arrived(async (url) => {
      await post(`${url}/verify`);
      await post(`${url}/unlock`);
    }),
  'trip.write-off': () => arrived((url) => post(`${url}/write-off`)),
  'trip.cancel': () => arrived((url) => post(`${url}/cancel`, { reason: 'loaded by mistake' })),
  'convoy.release': async () => {
    const { vehicle: _, units, ...common } = declaration(await addLock(platform));
    const train = { ...common, convoyNo: 'X8065', units: units.map((unit) => ({ ...unit, wagonNo: '5000001' })) };
    const { convoyId } = (await post('convoys', train)).body;
    await post(`convoys/${String(convoyId)}/release`);
  },
  'gate.decide-by-hand': () =>
    arrived(async (_url, trip) => {
      const asked = passage(trip, { lockIds: [] });
      await post('gates/daxie-1/passages', asked);
      await post(`gates/daxie-1/passages/${asked.passageId}/decision`, { decision: 'inspect' });
    }),
  'alarm.acknowledge': onAlarm('acknowledge', {}),
  'alarm.assign': onAlarm('assign', { to: 'patrol' }),
  'alarm.dispose': () =>
    arrived(async (_url, trip) => {
      const wang = await addPerson(platform, 'operator');
      await wang.call('POST', `alarms/${await raise(platform, trip)}/dispose`, { text: 'inspected' });
    }),
  'approval.confirm': () => asked((_asker, second, url) => second.call('POST', `${url}/confirm`)),
  'approval.refuse': () => asked((_asker, second, url) => second.call('POST', `${url}/refuse`)),
  'approval.undone': () =>
    asked(async (_asker, second, url, trip) => {
      await raise(platform, trip, { rule: 'seal.rope-cut' });
      await second.call('POST', `${url}/confirm`);
    }),
};

interface Entry {
  action: string;
  before: object | null;
  after: object | null;
}
const entries = async (action?: string) =>
  (
    await platform.pool.query<Entry>(
      'SELECT action, before, after FROM audit WHERE action = coalesce($1, action) ORDER BY audit_id DESC',
      [action],
    )
  ).rows;

test.each(Object.entries(CHANGES))('%s is in the audit with what was before', async (action, change) => {
  await change();
  const [newest] = await entries(action);
  expect(newest, `${action} was not done`).toBeDefined();
  const { before, after } = newest!;
  expect(before).not.toBeNull();
  if (action !== 'subscription.delete') expect(after).not.toBeNull();
  expect(before).not.toEqual(after);
});

test('whatever else was noted made something that was not there before', async () => {
  const lacking = (await entries()).filter(({ before }) => before === null).map(({ action }) => action);
  // The first of a kind that is put has none either: a place, a route, a layer of parameters, a first command.
  const first = [...CREATIONS, 'place.put', 'route.put', 'params.put', 'lock.command'];
  expect([...new Set(lacking)].filter((action) => !first.includes(action))).toEqual([]);
});
