import { readFileSync } from 'node:fs';
import type { PassageQuestion } from '@sealwatch/schemas';
import { describe, expect, test } from 'vitest';
import type { GateTrip } from '../../src/custody/gate-facts.ts';
import { decide } from '../../src/custody/verdict.ts';

const PAGE = new URL('../../../docs/gate.md', import.meta.url);
const NOW_MS = Date.parse('2026-11-21T09:10:11.000Z');
const PLATE = '浙G12345';
const BOX = 'MSKU9070323';
const LOCK = 'JT70100001';
const OTHER_LOCK = 'JT70100002';
const SEAL = { rope: 'inserted', motor: 'locked', cover: 'closed' } as const;
const DEVIATION = { rule: 'route.deviation', kind: 'latched', severity: 'critical' } as const;

type Code = 'Y' | 'M' | 'N';
interface Scene {
  question: Partial<PassageQuestion>;
  trip: Partial<GateTrip>;
}
const read = (question: Partial<PassageQuestion>): Scene => ({ question, trip: {} });
const known = (trip: Partial<GateTrip>): Scene => ({ question: {}, trip });
const lock = (more: object) => known({ locks: [{ lockId: LOCK, ...more }] });
const box = (no: string, confident: boolean) => read({ containers: [{ no, confident }] });

/** What stands for each line of the page. */
const SCENES: Record<string, Record<string, Scene>> = {
  plate: {
    right: read({ plate: { text: PLATE, confident: true } }),
    missing: read({}),
    'other-sure': read({ plate: { text: '浙A00000', confident: true } }),
    'other-doubtful': read({ plate: { text: '浙A00000', confident: false } }),
    'look-alike': read({ plate: { text: '浙GI2345', confident: true } }),
    misread: read({ plate: { text: '浙G1Z345', confident: true } }),
  },
  container: {
    right: box(BOX, true),
    missing: read({ containers: [] }),
    'other-sure': box('CSQU3054383', true),
    'other-doubtful': box('CSQU3054383', false),
    misread: box('MSKU9070324', true),
  },
  lock: {
    right: read({ lockIds: [LOCK] }),
    missing: read({ lockIds: [] }),
    other: read({ lockIds: [OTHER_LOCK] }),
    unregistered: read({ lockIds: ['JT99999999'] }),
  },
  seal: {
    intact: lock({ seal: SEAL, sealTimeMs: NOW_MS - 30_000 }),
    opened: lock({ seal: { ...SEAL, rope: 'cut' }, sealTimeMs: NOW_MS - 30_000 }),
    unknown: lock({}),
    stale: lock({ seal: SEAL, sealTimeMs: NOW_MS - 660_000 }),
  },
  risk: {
    green: known({ risk: 0 }),
    unconfirmed: known({ risk: 0, alarms: [{ ...DEVIATION, provisional: true }] }),
    amber: known({
      risk: 1,
      alarms: [{ rule: 'comms.jamming', kind: 'latched', severity: 'major', provisional: false }],
    }),
    red: known({ risk: 2, alarms: [{ ...DEVIATION, provisional: false }] }),
    inherited: known({
      risk: 2,
      inherited: [{ rule: 'seal.rope-cut', severity: 'critical', provisional: false, tripId: 'another' }],
    }),
  },
  release: {
    'under-way': known({ status: 'in-transit' }),
    arrived: known({ status: 'arrived' }),
    'taken-over': known({ status: 'in-transit', takenOver: { by: 'Li Wei', simulated: false } }),
    'not-sealed': known({ status: 'hung' }),
    'written-off': known({ status: 'verified', writtenOff: true }),
    'not-released': known({ status: 'declared' }),
    held: known({ status: 'arrived', holdReason: '布控' }),
  },
};

interface Line {
  what: string;
  seen: string;
  verdict: Code;
}

/** The lines of the page's table. */
const LINES: Line[] = readFileSync(PAGE, 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, what, seen, verdict] = /^\| (\w+) \| ([\w-]+) \| [^|]+ \| ([YMN]) \|$/.exec(line) ?? [];
    return what && seen && verdict ? [{ what, seen, verdict: verdict as Code }] : [];
  });

const ALL = Object.keys(SCENES).reduce<Line[][]>(
  (sofar, what) => sofar.flatMap((lines) => LINES.filter((line) => line.what === what).map((line) => [...lines, line])),
  [[]],
);

/** Readings that find a trip: right, or right but for characters that are taken for one another. */
const FINDS = ['plate right', 'plate look-alike', 'container right', 'lock right'];
/** Readings that are sure, whatever they say: a box number with a wrong check digit is not. */
const SURE = ['plate other-sure', 'plate misread', 'container other-sure', 'lock other', 'lock unregistered'];

function expected(lines: Line[]): Code {
  const keys = lines.map(({ what, seen }) => `${what} ${seen}`);
  if (!keys.some((key) => FINDS.includes(key))) return keys.some((key) => SURE.includes(key)) ? 'N' : 'M';
  const verdicts = lines.map(({ verdict }) => verdict);
  return verdicts.includes('N') ? 'N' : verdicts.includes('M') ? 'M' : 'Y';
}

function decided(lines: Line[]) {
  const scenes = lines.map(({ what, seen }) => SCENES[what]![seen]!);
  const trip: GateTrip = {
    tripId: 'trip-1',
    status: 'arrived',
    risk: 0,
    plates: [PLATE],
    units: [{ containerNo: BOX, lockId: LOCK }],
    locks: [],
    alarms: [],
    inherited: [],
    writtenOff: false,
    ...Object.assign({}, ...scenes.map((scene) => scene.trip)),
  };
  const question: PassageQuestion = {
    passageId: 'p',
    direction: 'in',
    at: new Date(NOW_MS).toISOString(),
    containers: [],
    lockIds: [],
    ...Object.assign({}, ...scenes.map((scene) => scene.question)),
  };
  return decide({ question, candidates: [trip], registeredLocks: [LOCK, OTHER_LOCK], nowMs: NOW_MS });
}

describe('the page of the gate’s decisions', () => {
  test('names every line that is tried, and no other', () => {
    const onPage = LINES.map(({ what, seen }) => `${what} ${seen}`).sort();
    const tried = Object.entries(SCENES).flatMap(([what, seen]) => Object.keys(seen).map((one) => `${what} ${one}`));
    expect(onPage).toEqual(tried.sort());
  });

  test('holds for every combination of its lines: the worst of them is the verdict, and every N and M has a reason', () => {
    expect(ALL).toHaveLength(6 * 5 * 4 * 4 * 5 * 7);
    const wrong: string[] = [];
    const counts = { Y: 0, M: 0, N: 0 };
    for (const lines of ALL) {
      const { code, reasons } = decided(lines);
      counts[code]++;
      const right = code === expected(lines) && (code === 'Y') === (reasons.length === 0);
      if (!right) wrong.push(`${lines.map(({ seen }) => seen).join(' ')}: ${code}, expected ${expected(lines)}`);
    }
    expect(wrong.slice(0, 10)).toEqual([]);
    expect(counts.Y).toBe(2);
  });

  test('never lets a red, opened, held or unreleased truck through', () => {
    const bad = ['red', 'inherited', 'opened', 'held', 'not-released'];
    const through = ALL.filter((lines) => lines.some(({ seen }) => bad.includes(seen))).filter(
      (lines) => decided(lines).code === 'Y',
    );
    expect(through).toEqual([]);
  });
});
