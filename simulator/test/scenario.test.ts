import { readFileSync } from 'node:fs';
import { MAX_PAYLOAD_BYTES, Report } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { nearest } from '../src/path.ts';
import { groupsOf } from '../src/scenario/groups.ts';
import { loadLine } from '../src/scenario/line.ts';
import { loadScenario, scenarioNames, shareTrips } from '../src/scenario/scenario.ts';
import type { TripScript } from '../src/scenario/trip-script.ts';
import { scriptTrips } from '../src/scenario/trip-script.ts';

const lines = { road: loadLine('road'), rail: loadLine('rail') };
const END = Date.parse('2026-11-21T09:00:00.000Z');
const LOCKS = ['SMTEST000001', 'SMTEST000002'];

function played(name: string, seed = 42): TripScript[] {
  const { plain } = loadScenario(name).parts[0]!;
  const line = lines[plain.line];
  const wagon = plain.train ? { wagon: { index: 3, of: 6, trainSeed: seed } } : {};
  return scriptTrips({ line, scenario: name, plain, seed, lockIds: LOCKS, endMs: END, ...wagon });
}

const plainNames = scenarioNames().filter((name) => loadScenario(name).parts.length === 1);

function recordsIn(script: TripScript): Report[] {
  return script.sendings.flatMap(({ payload }) => {
    try {
      const json: unknown = JSON.parse(payload);
      return (Array.isArray(json) ? json : [json]).flatMap((one) => {
        const read = Report.safeParse(one);
        return read.success ? [read.data] : [];
      });
    } catch {
      return [];
    }
  });
}

describe.each(plainNames)('the scenario %s', (name) => {
  const [first, ...later] = played(name);

  it('gives the same bytes for the same seed, and others for another', () => {
    expect(JSON.stringify(played(name))).toBe(JSON.stringify([first, ...later]));
    expect(JSON.stringify(played(name, 43))).not.toBe(JSON.stringify([first, ...later]));
  });

  it('has a truth that its own records bear out', () => {
    const sent = new Set(recordsIn(first!).map((report) => `${report.boot}/${report.seq}`));
    const live = first!.liveNow.map(({ payload }) => JSON.parse(payload) as { boot: number; seq: number });
    for (const { boot, seq } of live) sent.add(`${boot}/${seq}`);
    for (const id of first!.truth.acknowledged) expect(sent.has(id.slice(id.indexOf('/') + 1))).toBe(true);
    // One fix far away is a jump of the receiver; a truck that is away is so for two records running.
    const outside = recordsIn(first!).map(
      ({ position }) => position?.source === 'gnss' && nearest(lines[first!.line].path, position).distanceM > 500,
    );
    const away = outside.some((out, i) => out && outside[i + 1]);
    const expected = first!.truth.expected.some(({ rule }) => rule === 'route.deviation');
    const straight = ['clone', 'leave-lock'].some((act) =>
      loadScenario(name).parts[0]!.plain.acts.some((a) => a.do === act),
    );
    if (!straight) expect(away).toBe(expected);
    for (const { span } of first!.truth.expected) expect(span.toMs).toBeGreaterThanOrEqual(span.fromMs);
  });

  it('keeps to what the contract allows a publish: 200 records, 256 KiB, oldest first', () => {
    for (const { payload } of first!.sendings) {
      expect(Buffer.byteLength(payload)).toBeLessThanOrEqual(MAX_PAYLOAD_BYTES);
      if (!payload.startsWith('[')) continue;
      const list = JSON.parse(payload) as { seq: number; boot: number }[];
      expect(list.length).toBeLessThanOrEqual(200);
      if (name !== 'bad-firmware')
        expect(list.map(({ seq }) => seq)).toEqual(list.map(({ seq }) => seq).sort((a, b) => a - b));
    }
  });
});

describe('the truth', () => {
  it.each([
    ['calm-day', [], 'release'],
    ['service-area', [], 'release'],
    ['the-ramp', ['route.deviation'], 'alarm'],
    ['dead-zone-with-detour', ['route.deviation'], 'alarm'],
    ['rope-cut', ['seal.rope-cut'], 'alarm'],
    ['case-opened', ['seal.case-opened'], 'alarm'],
    ['jammer', ['comms.jamming'], 'manual'],
    ['cloned-lock', ['seal.identity-mismatch'], 'alarm'],
    ['two-boxes', ['pair.separation'], 'alarm'],
    ['battery-dies', ['power.low', 'power.very-low', 'power.deep-sleep'], 'unasked'],
  ])('of %s is %j and the gate’s right answer %s', (name, rules, verdict) => {
    const { truth } = played(name)[0]!;
    expect(truth.expected.map(({ rule }) => rule)).toEqual(rules);
    expect(truth.verdict).toBe(verdict);
  });

  it('of a ramp says about twenty minutes', () => {
    const [expected] = played('the-ramp')[0]!.truth.expected;
    const minutes = (expected!.span.toMs - expected!.span.fromMs) / 60_000;
    expect(minutes).toBeGreaterThan(12);
    expect(minutes).toBeLessThan(26);
  });

  it('of a lock that is reused at once belongs to the trip on which it happened', () => {
    const [first, next] = played('lock-reused-at-once');
    expect(first?.truth.expected.map(({ rule }) => rule)).toEqual(['route.deviation']);
    expect(next?.truth.expected).toEqual([]);
    expect(first?.sendings.filter(({ held }) => held)).toHaveLength(1);
  });
});

describe('a scenario file', () => {
  it.each(scenarioNames())('%s is told of in the README beside it', (name) => {
    const readme = readFileSync(new URL('../scenarios/README.md', import.meta.url), 'utf8');
    expect(readme).toContain(`\`${name}\``);
  });

  it('that is wrong is refused with the field', () => {
    const file = new URL('./fixtures/bad-scenario.yaml', import.meta.url).pathname;
    expect(() => loadScenario(file)).toThrow(/acts\.0\.atKm.*\n?.*/);
  });

  it('that does not exist is refused with the names that do', () => {
    expect(() => loadScenario('no-such')).toThrow(/the-ramp/);
  });

  it('may mix others by weight', () => {
    const { parts, trips } = loadScenario('mixed-day');
    expect(trips).toBe(100);
    expect(shareTrips(parts, 100)).toEqual([90, 4, 2, 1, 3]);
    expect(shareTrips(parts, 7).reduce((sum, count) => sum + count, 0)).toBe(7);
    expect(groupsOf(loadScenario('mixed-day'), 20, 1, END)).toHaveLength(20);
  });
});
