import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  addGate,
  addLock,
  addPerson,
  addRoute,
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
} from '../api/platform.ts';

/** Who is alone: one person, and any number of keys of every role. */
const KEYS = ['operator', 'supervisor', 'tester', 'admin', 'gate'] as const;
type Who = 'person' | (typeof KEYS)[number];

let platform: TestPlatform;
let alone: Person;
const keys = new Map<Who, string>();
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
  alone = await addPerson(platform, 'admin', 'Alone');
  for (const role of KEYS) keys.set(role, await platform.key(role));
});
afterAll(() => platform?.stop());

interface Red {
  alarmIds: string[];
  /** Every trip of the truck, its lock or its box. */
  trips: TestTrip[];
  passages: string[];
}

const as = (who: Who, url: string, body: object = {}) =>
  who === 'person' ? alone.call('POST', url, body) : platform.call('POST', url, { key: keys.get(who)!, body });

type Deed = (red: Red, who: Who, n: number) => Promise<unknown>;
const trip = ({ trips }: Red, n: number) => trips[n % trips.length]!;
const waive = { waive: ['alarms', 'verified', 'place', 'unlocked', 'intact'].map((check) => ({ check, reason: 'x' })) };

/** Declares the box again: with its own lock if it is free, with another one, real or simulated, under way or from the start. */
const redeclare: Deed = async (red, who, n) => {
  const { lockId, containerNo: box } = red.trips[0]!;
  const lock = n % 3 === 0 ? lockId : await addLock(platform, n % 2 === 0);
  const units = [{ containerNo: n % 5 === 0 && lock === lockId ? containerNo() : box, lockId: lock }];
  const declared = declaration(lock, { units, ...(n % 7 < 5 ? { takeover: takeover() } : {}) });
  const answer = await as(who, 'trips', declared);
  if (answer.status !== 201) return;
  const { containerNo: no } = units[0]!;
  red.trips.push({ tripId: answer.body.tripId, lockId: lock, containerNo: no, plate: declared.vehicle.tractorPlate });
};

const DEEDS: Record<string, Deed> = {
  cancels: (red, who, n) =>
    as(who, `trips/${trip(red, n).tripId}/cancel`, { reason: 'papers wrong', secondPerson: 'X' }),
  declares: redeclare,
  disposes: (red, who, n) =>
    as(who === 'person' ? 'admin' : who, `alarms/${red.alarmIds[n % red.alarmIds.length]}/dispose`, { text: 'x' }),
  'disposes as a false alarm': (red, who, n) =>
    as(who, `alarms/${red.alarmIds[n % red.alarmIds.length]}/dispose`, { text: 'x', falseAlarm: true }),
  passes: async (red, who, n) => {
    await report(platform, trip(red, n).lockId);
    const { body } = await as(who, 'gates/daxie-1/passages', passage(trip(red, n)));
    if (body.passageId) red.passages.push(String(body.passageId));
  },
  releases: async ({ passages }, who, n) => {
    const id = passages[n % Math.max(passages.length, 1)];
    if (id) await as(who, `gates/daxie-1/passages/${id}/decision`, { decision: 'release', secondPerson: 'Alone' });
  },
  verifies: (red, who, n) => as(who, `trips/${trip(red, n).tripId}/verify`, n % 2 ? waive : {}),
  'writes off': (red, who, n) => as(who, `trips/${trip(red, n).tripId}/write-off`, n % 2 ? waive : {}),
  unlocks: (red, who, n) => as(who, `trips/${trip(red, n).tripId}/unlock`, n % 2 ? waive : {}),
  'orders the unlock': (red, who, n) => as(who, `locks/${trip(red, n).lockId}/commands`, { type: 'unlock' }),
  'makes a second person, who confirms all': async (_red, who, n) => {
    // A signed-in administrator may; that is two people.
    if (who === 'person') return;
    const second = { name: `second ${n}`, password: 'correct horse battery' };
    const made = await as(who, 'users', { ...second, role: n % 2 ? 'supervisor' : 'operator' });
    if (made.status !== 201) return;
    const session = await platform.call('POST', 'session', { key: null, body: second });
    const headers = { cookie: String(session.headers['set-cookie']).split(';')[0]! };
    const { items } = (await platform.call('GET', 'approvals')).body;
    for (const one of items) {
      await platform.call('POST', `approvals/${String(one.approvalId)}/confirm`, { key: null, headers });
    }
  },
  'loosens the gate': (_red, who) =>
    who === 'person'
      ? Promise.resolve()
      : platform.call('PUT', 'params/platform', { key: keys.get(who)!, body: { 'gate.takeover': { release: true } } }),
  'gives the lock another secret': (red, who, n) => as(who, `locks/${trip(red, n).lockId}/secret`),
  'confirms all': async (_red, who) => {
    const { items } = (await platform.call('GET', 'approvals')).body;
    for (const one of items) await as(who, `approvals/${String(one.approvalId)}/confirm`);
  },
};

/** Nothing of the truck was released, written off, told to open, or is green. */
async function stillRed({ trips, alarmIds, passages }: Red): Promise<void> {
  for (const { tripId, lockId } of trips) {
    const { body } = await platform.call('GET', `trips/${tripId}`);
    expect([body.risk, body.writtenOffAt, body.unlockedAt], `trip ${tripId}`).toEqual(['red', undefined, undefined]);
    const { items } = (await platform.call('GET', `locks/${lockId}/commands`)).body;
    expect(items.filter((command) => command.type === 'unlock')).toEqual([]);
  }
  const { rows } = await platform.pool.query(
    `SELECT 1 FROM passages WHERE passage_id = ANY($1) AND
    (verdict = 'release' OR decision = 'release')`,
    [passages],
  );
  expect(rows).toEqual([]);
  const active = await platform.pool.query('SELECT 1 FROM alarms WHERE alarm_id = ANY($1::uuid[]) AND active', [
    alarmIds,
  ]);
  expect(active.rowCount).toBe(alarmIds.length);
}

const deeds = fc.array(
  fc.tuple(fc.constantFrom(...Object.keys(DEEDS)), fc.constantFrom<Who>('person', ...KEYS), fc.nat(1_000)),
  { minLength: 5, maxLength: 25, size: '+1' },
);

test('whatever one person and any number of keys do, a red truck is never released, declared green again, or unlocked', async () => {
  await fc.assert(
    fc.asyncProperty(deeds, async (list) => {
      const lockId = await addLock(platform, false);
      const declared = declaration(lockId, { takeover: takeover() });
      const { body } = await alone.call('POST', 'trips', declared);
      const { containerNo: box } = declared.units[0]!;
      const first = { tripId: body.tripId, lockId, containerNo: box, plate: declared.vehicle.tractorPlate };
      const red: Red = { alarmIds: [await raise(platform, first)], trips: [first], passages: [] };
      for (const [name, who, n] of list) await DEEDS[name]!(red, who, n);
      await stillRed(red);
    }),
    { numRuns: process.env.SEALWATCH_DEEP ? 300 : 15, endOnFailure: true },
  );
});
