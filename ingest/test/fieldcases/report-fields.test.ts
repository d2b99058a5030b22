import fc from 'fast-check';
import type { MqttClient } from 'mqtt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reportCodec } from '../../src/record/codec.ts';
import { decode } from '../../src/record/decode.ts';
import { freshDatabase } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, send, startRig } from '../intake/rig.ts';

const CUT = { rope: 'cut', motor: 'locked', cover: 'closed', useCount: 7 };
const nowMs = Date.now();

/*
 * Values that trackers and receivers send for "not known": mapbox/mapbox-navigation-ios#1100 (speed −1), jvde-github/
 * AIS-catcher#603 (heading 511), PAMGuard/PAMGuard#247 (speed 1023), OpenCPN/OpenCPN#1186 (181 E, 91 N), nrfconnect/
 * sdk-nrf#1294 (signal 255, 99). Words of newer firmware: keshavdv/victron-ble#96, bacnet-stack/bacnet-stack#408.
 */
const SIDES: [string, object, string | undefined][] = [
  ['speed −1', { position: { lon: 120.1, lat: 30, speedKmh: -1 } }, 'position.speedKmh'],
  ['heading 511', { position: { lon: 120.1, lat: 30, headingDeg: 511 } }, 'position.headingDeg'],
  ['181 E 91 N', { position: { lon: 181, lat: 91 } }, 'position.lat'],
  ['accuracy −1', { position: { lon: 120.1, lat: 30, accuracyM: -1 } }, 'position.accuracyM'],
  ['255 satellites', { position: { lon: 120.1, lat: 30, satellites: 255 } }, 'position.satellites'],
  ['speed 6553.5', { position: { lon: 120.1, lat: 30, speedKmh: 6553.5 } }, 'position.speedKmh'],
  ['a position that is a list', { position: [120.1, 30] }, 'position'],
  ['a position of null', { position: { lon: null, lat: null } }, undefined],
  ['battery 255', { battery: { percent: 255 } }, 'battery.percent'],
  ['battery 101', { battery: { percent: 101 } }, 'battery.percent'],
  ['signal 99', { network: { rssiDbm: 99 } }, 'network.rssiDbm'],
  ['an event tilt', { events: [{ type: 'tilt', deg: 12 }] }, undefined],
  ['an unlock by nfc', { events: [{ type: 'unlock', source: 'nfc' }] }, undefined],
  ['an event without a type', { events: [{ angle: 1 }] }, 'events.0'],
  ['U+0000 in a card', { events: [{ type: 'illegal-card', card: 'a\0b' }] }, 'events.0.card'],
  ['half a character in a reason', { events: [{ type: 'restart', reason: '\ud800' }] }, 'events.0.reason'],
  ['a source fused', { position: { lon: 120.1, lat: 30, source: 'fused' } }, undefined],
  ['a mode transport', { mode: 'transport' }, undefined],
  ['a kind event', { kind: 'event' }, undefined],
  ['version 2', { v: 2 }, 'v'],
  ['no version', { v: undefined }, 'v'],
  ['a motor that says 7', { seal: { ...CUT, motor: 7 } }, 'seal.motor'],
  ['a use counter of −1', { seal: { ...CUT, useCount: -1 } }, 'seal.useCount'],
  ['a use counter that could not be read', { seal: { ...CUT, useCount: 0xffff_ffff } }, 'seal.useCount'],
  ['small letters in the time', { time: new Date(nowMs).toISOString().toLowerCase() }, undefined],
];

describe('a record with a cut rope and a side that cannot be', () => {
  let rig: Rig;
  const lockIds = SIDES.map((_, i) => `JT7990${String(i).padStart(4, '0')}`);
  const clients: MqttClient[] = [];
  beforeAll(async () => {
    const db = await freshDatabase();
    rig = await startRig({ db });
    await registerLocks(db, ...lockIds);
    for (const lockId of lockIds) await declareTrip(db, [lockId], nowMs - 3_600_000);
  });
  afterAll(async () => {
    await rig?.close();
    await rig?.db.drop();
  });

  test.each(SIDES.map(([name, side, field], i) => ({ name, side, field, lockId: lockIds[i]! })))(
    'turns the trip red: $name',
    async ({ side, field, lockId }) => {
      const lock = await rig.lock(lockId);
      clients.push(lock);
      await send(lock, lockId, report(1, nowMs - 60_000, 120.1));
      await send(lock, lockId, { ...report(2, nowMs, 120.1, { seal: CUT }), ...side });
      const alarms = await rig.rows<{ rule: string }>('SELECT rule FROM alarms WHERE lock_id = $1', [lockId]);
      expect(alarms.map(({ rule }) => rule)).toContain('seal.rope-cut');
      const noted = await rig.rows<{ reason: string; detail: string }>(
        'SELECT reason, detail FROM quarantine WHERE lock_id = $1',
        [lockId],
      );
      expect(noted.some(({ reason, detail }) => reason === 'field-left-out' && detail.startsWith(`${field}: `))).toBe(
        field !== undefined,
      );
      const [kept] = await rig.rows<{ left_out: { field: string } | null }>(
        'SELECT left_out FROM locks WHERE lock_id = $1',
        [lockId],
      );
      expect(kept?.left_out === null).toBe(field === undefined);
    },
  );

  test('is noted once an hour, however often the lock says it', async () => {
    const lockId = lockIds[0]!;
    const lock = await rig.lock(lockId);
    const side = { position: { lon: 120.1, lat: 30, speedKmh: -1 } };
    for (let seq = 10; seq < 30; seq++) await send(lock, lockId, report(seq, nowMs + seq, 120.1, side));
    const noted = await rig.rows(`SELECT 1 FROM quarantine WHERE lock_id = $1 AND reason = 'field-left-out'`, [lockId]);
    expect(noted).toHaveLength(1);
  });
});

const read = (payload: Buffer | string) => decode('JT79900001', Buffer.from(payload), nowMs);
const good = JSON.stringify(report(1, nowMs, 120.1));

test.each([
  ['a NUL', Buffer.concat([Buffer.from(good), Buffer.from([0])])],
  ['three NULs', Buffer.concat([Buffer.from(good), Buffer.alloc(3)])],
  ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from(good)])],
  ['a line feed and a NUL', Buffer.concat([Buffer.from(good), Buffer.from([0x0a, 0])])],
])('a report with %s around it is the report (influxdata/telegraf#7536, tuanpmt/espduino#10)', (_name, payload) => {
  expect(read(payload)).toEqual(read(good));
});

test('second 60 is the last millisecond of its minute (moment/moment#3809)', () => {
  const [record] = read(good.replace(/"time":"[^"]*"/, '"time":"2016-12-31T23:59:60.000Z"')).records;
  expect(record?.timeMs).toBe(Date.parse('2016-12-31T23:59:59.999Z'));
});

test('unknown words are kept as given, and an unknown source of a position is not GNSS', () => {
  const odd = { ...report(1, nowMs, 120.1), kind: 'event', mode: 'transport', events: [{ type: 'tilt', deg: 12 }] };
  const at = (source: unknown) =>
    read(JSON.stringify({ ...odd, position: { lon: 120.1, lat: 30, source } })).records[0];
  const { v, time, ...fields } = odd;
  expect(at('fused')).toMatchObject({ ...fields, position: { source: 'fused' } });
  expect(at(7)?.position?.source).toBe('other');
  expect(at(null)?.position?.source).toBe('gnss');
});

test('whatever the sides of a report hold, its identity and its seal are the same', () => {
  const core = { v: 1, boot: 3, seq: 4, time: new Date(nowMs).toISOString(), seal: CUT };
  const side = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(fc.constantFrom('lon', 'lat', 'source', 'percent'), fc.jsonValue()),
  );
  const sides = fc.record(
    { position: side, battery: side, network: side, mode: side, kind: side, events: side, more: side },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(sides, (garbage) => {
      const taken = reportCodec.read('JT79900001', JSON.parse(JSON.stringify({ ...core, ...garbage })), nowMs);
      expect(taken).toMatchObject({ record: { boot: 3, seq: 4, timeMs: nowMs, seal: CUT } });
    }),
    { numRuns: 2_000 },
  );
});
