import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { TrackedReport } from '../../src/record/report.ts';
import { insertReports } from '../../src/store/reports/batch.ts';
import {
  addGate,
  addPerson,
  addRoute,
  addTrip,
  passage,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
} from '../api/platform.ts';

const SCHEMA = new URL('./fixtures/epcis-json-schema.json', import.meta.url);
const validEpcis = formats
  .default(new Ajv({ strict: false, allErrors: true }))
  .compile(JSON.parse(readFileSync(SCHEMA, 'utf8')));

let platform: TestPlatform;
let trip: TestTrip;
let startMs: number;
const HOSTILE = '<img src=x onerror=alert(1)>"\'&';

beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
  trip = await addTrip(platform);
  await drive();
});
afterAll(() => platform?.stop());

const MINUTE_MS = 60_000;

/** Straight along the route, off it to the north from minute 30 to 50, and on to the end. */
async function drive(): Promise<void> {
  startMs = Date.parse(String((await platform.call('GET', `trips/${trip.tripId}`)).body.departedAt)) + 1_000;
  const records = Array.from({ length: 101 }, (_, minute): TrackedReport => {
    const off = minute > 30 && minute < 50 ? 0.02 * Math.sin(((minute - 30) / 20) * Math.PI) : 0;
    const timeMs = startMs + minute * MINUTE_MS;
    return {
      lockId: trip.lockId,
      boot: 1,
      seq: minute,
      timeMs,
      receivedMs: timeMs + 500,
      kind: 'live',
      mode: 'sealed',
      position: { lon: 120 + minute * 0.01, lat: 29.3 + off, source: 'gnss' },
      seal: { rope: 'inserted', motor: 'locked', cover: minute === 70 ? 'opened' : 'closed', useCount: 7 },
    };
  });
  await insertReports(platform.pool, records);
  const alarmId = await raise(platform, trip);
  const at = (minute: number) => new Date(startMs + minute * MINUTE_MS);
  const excursion = {
    lockId: trip.lockId,
    fromMs: at(31).getTime(),
    toMs: at(50).getTime(),
    lastInsideMs: at(30).getTime(),
  };
  await platform.pool.query(
    `UPDATE alarms SET started_at = $2, ended_at = $3, last_inside_at = $4, confirmed_at = $2, phase = 'returned',
       max_distance_m = 2224, lon = 120.31, lat = 29.303, evidence = $5 WHERE alarm_id = $1`,
    [alarmId, at(31), at(50), at(30), { excursions: [{ ...excursion, maxDistanceM: 2224 }] }],
  );
  await report(platform, trip.lockId);
  await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip) });
  const wang = await addPerson(platform, 'operator', 'Wang Fang');
  await wang.call('POST', `alarms/${alarmId}/dispose`, { text: HOSTILE, falseAlarm: false });
}

const evidence = (query = '', headers: Record<string, string> = {}) =>
  platform.call('GET', `trips/${trip.tripId}/evidence${query}`, { headers });

interface Event {
  type: string;
  eventTime: string;
  bizStep?: string;
  disposition?: string;
  action: string;
  [field: string]: unknown;
}
async function events(): Promise<Event[]> {
  const { body } = await evidence();
  return (body.epcisBody as { eventList: Event[] }).eventList;
}

describe('the EPCIS document', () => {
  test('is valid by the published schema of EPCIS 2.0', async () => {
    const { status, body, headers } = await evidence();
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/ld+json; charset=utf-8');
    expect(validEpcis(body), JSON.stringify(validEpcis.errors)).toBe(true);
    const [first] = (body.epcisBody as { eventList: Event[] }).eventList;
    const spoilt = { ...body, epcisBody: { eventList: [{ ...first, bizStep: 'teleporting' }] } };
    expect(validEpcis(spoilt)).toBe(false);
  });

  test('tells the story in order of time: lock and container together, departing, alarm, inspecting', async () => {
    const list = await events();
    expect(list.map((event) => event.eventTime)).toEqual(list.map((event) => event.eventTime).sort());
    const association = list.find((event) => event.type === 'AssociationEvent');
    expect(association).toMatchObject({
      action: 'ADD',
      parentID: `urn:epc:id:bic:${trip.containerNo}`,
      childEPCs: [`urn:sealwatch:lock:${trip.lockId}`],
      disposition: 'container_closed',
    });
    const steps = list.map((event) => event.bizStep);
    expect(steps).toEqual(expect.arrayContaining(['installing', 'departing', 'sensor_reporting', 'inspecting']));
    expect(list.find((event) => event['sealwatch:alarmId'] !== undefined)).toMatchObject({
      eventTime: new Date(startMs + 31 * MINUTE_MS).toISOString(),
      sensorElementList: [
        {
          sensorReport: [
            { stringValue: 'route.deviation', exception: 'ALARM_CONDITION' },
            { maxValue: 2224, uom: 'MTR' },
          ],
        },
      ],
      'sealwatch:disposal': { text: HOSTILE, falseAlarm: false },
    });
    expect(list.find((event) => event.bizStep === 'inspecting')).toMatchObject({ disposition: 'non_conformant' });
  });

  test('says when the container was closed and when it was open, as the lock reported it', async () => {
    const told = (await events()).filter(
      (event) => event.bizStep === 'sensor_reporting' && event.disposition !== undefined,
    );
    expect(told.map((event) => [event.disposition, event.eventTime])).toEqual([
      ['container_closed', new Date(startMs).toISOString()],
      ['container_open', new Date(startMs + 70 * MINUTE_MS).toISOString()],
      ['container_closed', new Date(startMs + 71 * MINUTE_MS).toISOString()],
    ]);
  });

  test('has the same event ids every time', async () => {
    expect((await events()).map((event) => event.eventID)).toEqual((await events()).map((event) => event.eventID));
    expect(new Set((await events()).map((event) => event.eventID)).size).toBe((await events()).length);
  });

  test('carries a digest of the stored records that anybody who may read them can check', async () => {
    const { body } = await evidence();
    const { body: stored } = await platform.call('GET', `locks/${trip.lockId}/reports?limit=500`);
    const lines = stored.items.map((item) => `${JSON.stringify(item)}\n`).join('');
    const sha256 = createHash('sha256').update(lines).digest('hex');
    expect(body['sealwatch:records']).toEqual([
      expect.objectContaining({ lockId: trip.lockId, containerNo: trip.containerNo, records: 101, sha256 }),
    ]);
    await platform.pool.query(
      'UPDATE reports SET lon = lon + 100 FROM locks l WHERE l.lock_no = reports.lock_no AND lock_id = $1 AND seq = 40',
      [trip.lockId],
    );
    const changed = (await evidence()).body['sealwatch:records'] as { sha256: string }[];
    expect(changed[0]!.sha256).not.toBe(sha256);
  });
});

describe('the page to print', () => {
  test('comes for `format=html` and to browsers, and data to everybody else', async () => {
    const browser = 'text/html,application/xhtml+xml,*/*;q=0.8';
    expect((await evidence('', { accept: browser })).headers['content-type']).toBe('text/html; charset=utf-8');
    expect((await evidence('?format=html')).text).toMatch(/^<!doctype html>/);
    expect((await evidence('?format=json', { accept: browser })).headers['content-type']).toContain('json');
    expect((await evidence('', { accept: '*/*' })).headers['content-type']).toContain('json');
  });

  test('runs and loads nothing, and its own policy says so', async () => {
    const { text, headers } = await evidence('?format=html');
    expect(text).not.toMatch(/<script|<link|<iframe|<img|javascript:|\son\w+="|url\(|@import|style="/i);
    expect(text.match(/https?:\/\//g)).toBeNull();
    const policy = String(headers['content-security-policy']);
    expect(policy).toContain("default-src 'none'");
    const style = /<style>([\s\S]*?)<\/style>/.exec(text)![1]!;
    expect(policy).toContain(`'sha256-${createHash('sha256').update(style).digest('base64')}'`);
  });

  test('shows text of people as text', async () => {
    const { text } = await evidence('?format=html');
    expect(text).toContain('&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;');
  });

  test('draws route and track, and marks where the truck left, was farthest and was back', async () => {
    const { text } = await evidence('?format=html&lang=en');
    expect(text.match(/<svg /g)).toHaveLength(2);
    for (const kind of ['route', 'track', 'off']) expect(text).toContain(`<polyline class="${kind}"`);
    for (const kind of ['left', 'farthest', 'back']) expect(text).toContain(`class="mark ${kind}"`);
    const clock = (minute: number) =>
      new Date(startMs + minute * MINUTE_MS + 8 * 3_600_000).toISOString().slice(11, 19);
    expect(text).toContain(`left ${clock(30)}`);
    expect(text).toContain(`farthest ${clock(40)}`);
    expect(text).toContain(`back ${clock(50)}`);
    expect(text).toContain('for 19 min, at most 2224 m');
  });

  test('names the five steps, who worked the alarm and when, and the digests', async () => {
    const { text } = await evidence('?format=html&lang=en');
    for (const step of ['hang', 'seal', 'transit', 'verify', 'unlock']) expect(text).toContain(`<td>${step}</td>`);
    expect(text).toMatch(/disposed of Wang Fang \d{4}-\d\d-\d\d/);
    expect(text).toMatch(/class="hash">[0-9a-f]{64}</);
    expect(text).toContain('trip.take-over');
  });

  test.each([
    ['', {}, 'zh-CN'],
    ['', { 'accept-language': 'en-GB,en;q=0.9' }, 'en'],
    ['', { 'accept-language': 'de,zh-CN;q=0.5,en;q=0.9' }, 'en'],
    ['', { 'accept-language': 'fr' }, 'zh-CN'],
    ['&lang=zh', { 'accept-language': 'en' }, 'zh-CN'],
    ['&lang=en', { 'accept-language': 'zh-CN' }, 'en'],
  ])('speaks the language asked for (%j, %j)', async (query, headers, language) => {
    const { text } = await evidence(`?format=html${query}`, headers as Record<string, string>);
    expect(text).toContain(`<html lang="${language}">`);
    expect(text).toContain(language === 'en' ? 'The five steps' : '五步闭环');
  });

  test('is there for a trip of which nothing is known yet', async () => {
    const fresh = await addTrip(platform, {});
    const { status, text } = await platform.call('GET', `trips/${fresh.tripId}/evidence?format=html&lang=en`);
    expect([status, text.includes('no stored position')]).toEqual([200, true]);
    const { body } = await platform.call('GET', `trips/${fresh.tripId}/evidence`);
    expect(validEpcis(body), JSON.stringify(validEpcis.errors)).toBe(true);
  });
});

test('another office sees nothing of it, and a gate may not ask', async () => {
  const url = `trips/${trip.tripId}/evidence`;
  expect((await platform.call('GET', url, { key: await platform.key('viewer', ['9999']) })).status).toBe(404);
  expect((await platform.call('GET', url, { key: await platform.key('viewer', ['2921']) })).status).toBe(200);
  expect((await platform.call('GET', url, { key: await platform.key('gate') })).status).toBe(403);
});
