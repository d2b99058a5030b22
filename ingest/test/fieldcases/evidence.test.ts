import type { Alarm, SealState } from '@sealwatch/schemas';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { epcisDocument } from '../../src/evidence/epcis.ts';
import type { EvidencePack, GatePassage, SealChange } from '../../src/evidence/pack.ts';
import type { TrackedReport } from '../../src/record/report.ts';
import { insertReports } from '../../src/store/reports/batch.ts';
import { addRoute, addTrip, startPlatform, type TestPlatform } from '../api/platform.ts';

// 6.4, after gs1/EPCIS#48 and #403 (duplicates are told by their eventID).
interface Event {
  eventID: string;
  [field: string]: unknown;
}

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
});
afterAll(() => platform?.stop());

test('an event keeps its id when a late record puts others before it', async () => {
  const trip = await addTrip(platform);
  const departedMs = Date.parse(String((await platform.call('GET', `trips/${trip.tripId}`)).body.departedAt));
  const store = (seq: number, minute: number, cover: SealState['cover']) => {
    const timeMs = departedMs + minute * 60_000;
    const seal = { rope: 'inserted', motor: 'locked', cover } as const;
    const record: TrackedReport = { lockId: trip.lockId, boot: 1, seq, timeMs, receivedMs: timeMs, kind: 'live', seal };
    return insertReports(platform.pool, [record]);
  };
  const events = async () => {
    const { body } = await platform.call('GET', `trips/${trip.tripId}/evidence`);
    return (body.epcisBody as { eventList: Event[] }).eventList;
  };
  await store(10, 20, 'closed');
  await store(12, 40, 'opened');
  const before = await events();
  await store(5, 5, 'closed');
  await store(6, 6, 'opened');
  await store(7, 7, 'closed');
  const after = await events();
  expect(after.length).toBeGreaterThan(before.length);
  const same = (event: Event) => ({ ...event, eventID: undefined });
  const kept = before.filter((event) => after.some((one) => JSON.stringify(same(one)) === JSON.stringify(same(event))));
  expect(kept.length).toBeGreaterThanOrEqual(3);
  for (const event of kept) expect(after).toContainEqual(event);
});

const T0 = Date.parse('2026-11-21T00:00:00.000Z');
const time = fc.integer({ min: 0, max: 5 }).map((minute) => new Date(T0 + minute * 60_000).toISOString());
const seal: fc.Arbitrary<SealChange> = fc.record({
  at: time,
  lockId: fc.constantFrom('JT70100001', 'JT70100002'),
  seal: fc.record({
    rope: fc.constantFrom('inserted', 'cut'),
    motor: fc.constantFrom('locked', 'unlocked'),
    cover: fc.constant('closed'),
  }),
});
const alarm = fc.record({ alarmId: fc.uuid(), startedAt: time }).map(
  (one): Alarm =>
    ({
      ...one,
      tripId: 't',
      lockId: 'JT70100001',
      rule: 'route.deviation',
      severity: 'critical',
      state: 'open',
      raisedAt: one.startedAt,
      detectedLate: false,
      evidence: {},
    }) as unknown as Alarm,
);
const pass: fc.Arbitrary<GatePassage> = fc.record({
  gateId: fc.constantFrom('a', 'b'),
  gateName: fc.constant('gate'),
  passageId: fc.constantFrom('1', '2', '3'),
  at: time,
  verdict: fc.constant('manual'),
  reasons: fc.constant([]),
});

interface Content {
  seals: SealChange[];
  alarms: Alarm[];
  passages: GatePassage[];
}

function eventsOf({ seals, alarms, passages }: Content): Event[] {
  const pack = {
    generatedAt: '2026-11-21T01:00:00.000Z',
    trip: {
      tripId: '5b0e0000-0000-4000-8000-000000000000',
      declarationNo: '292120261000000001',
      originOffice: '2921',
      destinationOffice: '3104',
      units: [{ containerNo: 'MSKU9070323', lockId: 'JT70100001' }],
      steps: [],
      risk: 'green',
      status: 'in-transit',
      sealedAt: '2026-11-21T00:00:00.000Z',
      departedAt: '2026-11-21T00:01:00.000Z',
    },
    alarms,
    passages,
    acts: [],
    track: [],
    records: [{ lockId: 'JT70100001', containerNo: 'MSKU9070323', records: 0, sha256: '', seals }],
  } as unknown as EvidencePack;
  return (epcisDocument(pack).epcisBody as { eventList: Event[] }).eventList;
}

const list = <T>(of: fc.Arbitrary<T>) => fc.array(of, { maxLength: 6 });
const content: fc.Arbitrary<Content> = fc.record({
  seals: list(seal),
  alarms: list(alarm),
  passages: fc.uniqueArray(pass, { maxLength: 6, selector: ({ gateId, passageId }) => `${gateId} ${passageId}` }),
});
const sorted = (events: Event[]) => events.map((event) => JSON.stringify(event)).sort();

test('in any order of the records and with any others among them an event has the same id, and no other has it', () => {
  fc.assert(
    fc.property(
      content,
      content,
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
      (some, more, chance) => {
        const shuffled = <T>(all: T[]) =>
          all
            .map((one) => ({ one, by: chance.next().value }))
            .sort((a, b) => a.by - b.by)
            .map(({ one }) => one);
        const events = eventsOf(some);
        expect(new Set(events.map(({ eventID }) => eventID)).size).toBe(events.length);
        const order = { seals: shuffled(some.seals), alarms: shuffled(some.alarms), passages: shuffled(some.passages) };
        expect(sorted(eventsOf(order))).toEqual(sorted(events));
        const grown = sorted(
          eventsOf({
            seals: shuffled([...more.seals, ...some.seals]),
            alarms: shuffled([...more.alarms, ...some.alarms]),
            passages: some.passages,
          }),
        );
        for (const event of sorted(events)) expect(grown).toContain(event);
      },
    ),
  );
});
