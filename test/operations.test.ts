import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Platform, startPlatform } from './platform.ts';

const LOCK = 'JT70100001';

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ SEALWATCH_MQTT_WS_PORT: '0', SEALWATCH_BRIDGE_PORT: '0' });
});
afterAll(() => platform?.stop());

async function metrics(): Promise<string> {
  return (await fetch(`${platform.app.http}/metrics`)).text();
}

const figureOf = (text: string, series: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${series} `))
      ?.slice(series.length),
  );

it('counts every stage of a report, and what was refused stays in quarantine', async () => {
  const { body } = await platform.call<{ secret: string }>('POST', '/locks', { lockId: LOCK, model: 'JT701D' });
  const lock = await platform.connectLock(LOCK, body.secret);
  const report = (seq: number, battery?: object) =>
    JSON.stringify({ v: 1, boot: 1, seq, time: '2026-11-21T08:00:00.000Z', battery });
  for (const payload of [report(1), report(1, { percent: 3 }), 'no json']) {
    await lock.publishAsync(`locks/${LOCK}/report`, payload, { qos: 1 });
  }
  const text = await metrics();
  expect(figureOf(text, 'sealwatch_intake_publishes_total')).toBe(3);
  expect(figureOf(text, 'sealwatch_intake_reports_stored_total{kind="live"}')).toBe(1);
  expect(figureOf(text, 'sealwatch_intake_refused_total{reason="identity-conflict"}')).toBe(1);
  expect(figureOf(text, 'sealwatch_intake_refused_total{reason="not-json"}')).toBe(1);
  expect(figureOf(text, 'sealwatch_puback_seconds_count')).toBe(3);
  expect(figureOf(text, 'sealwatch_intake_commit_seconds_count')).toBeGreaterThan(0);
  expect(figureOf(text, 'sealwatch_intake_lag_seconds_count')).toBe(1);
  expect(figureOf(text, 'sealwatch_intake_waiting_records')).toBe(0);
  expect(figureOf(text, 'sealwatch_intake_ready')).toBe(1);
  expect(figureOf(text, 'sealwatch_quarantine_bytes')).toBeGreaterThan(300);
  expect(figureOf(text, 'sealwatch_database_connections{pool="gate",state="waiting"}')).toBe(0);

  type Items = { items: { reason: string; stored: number; raw: string }[] };
  const replay = async () => (await platform.call<Items>('POST', '/quarantine/replay', { lockId: LOCK })).body.items;
  expect((await replay()).map(({ stored }) => stored)).toEqual([0, 0]);
  const left = await platform.call<Items>('GET', `/quarantine?lockId=${LOCK}`);
  expect(left.body.items.map(({ reason }) => reason).sort()).toEqual(['identity-conflict', 'not-json']);
});

it('serves every metric that the Grafana dashboard names', async () => {
  const file = new URL('../deploy/grafana/sealwatch.json', import.meta.url);
  const dashboard = JSON.parse(await readFile(file, 'utf8')) as { panels: { targets?: { expr: string }[] }[] };
  const expressions = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  const all = expressions.flatMap((expr) => expr.match(/\b(sealwatch|process|nodejs)_\w+/g) ?? []);
  // Those of a cluster alone: ingest/test/proof/cluster-ways.test.ts.
  const named = new Set(all.filter((name) => !/^sealwatch_(door|worker)_/.test(name)));
  const text = await metrics();
  const served = new Set(
    [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
  expect(named.size).toBeGreaterThan(20);
  expect([...named].filter((name) => !served.has(name))).toEqual([]);
  // And nothing of the platform's own is left out of it, but sums and counts.
  const own = [...served].filter((name) => name?.startsWith('sealwatch_') && !/_(sum|count)$/.test(name));
  expect(own.filter((name) => name && !named.has(name))).toEqual([]);
});

it('hears a lock that speaks MQTT over WebSocket like any other', async () => {
  const lockId = 'JT70100002';
  const { body } = await platform.call<{ secret: string }>('POST', '/locks', { lockId, model: 'JT701D' });
  expect(platform.app.mqttWebSocket).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
  const lock = await platform.connectLock(lockId, body.secret, platform.app.mqttWebSocket);
  const report = { v: 1, boot: 1, seq: 1, time: new Date().toISOString() };
  await lock.publishAsync(`locks/${lockId}/report`, JSON.stringify(report), { qos: 1 });
  const stored = await platform.call<{ items: object[] }>('GET', `/locks/${lockId}/reports`);
  expect(stored.body.items).toMatchObject([report]);
});
