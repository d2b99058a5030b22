import { type AlarmKind, type AlarmState, CommandState, isOver, type Severity, TripStatus } from '@sealwatch/schemas';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { IS_PENDING, isPending } from '../../src/store/locks/commands.ts';
import { IS_OPEN } from '../../src/store/trips/conditions.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { fillReports, TRIP_ID } from './fill.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  await fillReports(database.pool, 1);
  await database.pool.query('DELETE FROM alarms');
});
afterAll(() => database.drop());

const START_MS = Date.parse('2026-11-21T08:00:00Z');
const at = (minute: number | undefined) => (minute === undefined ? null : new Date(START_MS + minute * 60_000));

/** Minutes after the start at which each thing happened to an alarm; absent: it has not. */
interface History {
  proven?: number | undefined;
  ended?: number | undefined;
  acknowledged?: number | undefined;
  assigned?: number | undefined;
  disposed?: number | undefined;
  closed?: number | undefined;
}

const WHEN = [undefined, 1, 2, 3];

/** Every history in which each thing happens in one of three minutes or never, that the platform can write. */
function everyHistory(): History[] {
  const found: History[] = [];
  for (const proven of WHEN)
    for (const ended of proven === undefined ? [undefined] : WHEN)
      for (const acknowledged of WHEN)
        for (const assigned of WHEN)
          for (const disposed of WHEN)
            for (const closed of WHEN) found.push({ proven, ended, acknowledged, assigned, disposed, closed });
  // Assigning acknowledges too; what was disposed of is not taken by anybody afterwards, and nothing else is closed.
  return found.filter(
    ({ acknowledged, assigned, disposed, closed }) =>
      (assigned === undefined || (acknowledged !== undefined && acknowledged <= assigned)) &&
      (closed === undefined || (disposed !== undefined && disposed <= closed)) &&
      Math.max(acknowledged ?? 0, assigned ?? 0) <= (disposed ?? 3),
  );
}

/** The state that events up to a minute lead to, told one after the other. */
function stateAfter(history: History, minute: number): AlarmState {
  let [proven, returned, holder]: [boolean, boolean, AlarmState] = [false, false, 'open'];
  const happens = (event: keyof History, now: number) => history[event] === now && now <= minute;
  for (const now of [1, 2, 3]) {
    if (happens('proven', now)) proven = true;
    if (happens('ended', now)) returned = true;
    if (happens('acknowledged', now)) [holder, returned] = ['acknowledged', false];
    if (happens('assigned', now)) [holder, returned] = ['assigned', false];
    if (happens('disposed', now)) holder = 'disposed';
    if (happens('closed', now)) holder = 'closed';
  }
  if (holder === 'disposed' || holder === 'closed') return holder;
  if (!proven) return 'provisional';
  return returned ? 'returned' : holder;
}

const phaseOf = ({ proven, ended }: History) =>
  proven === undefined ? 'provisional' : ended === undefined ? 'open' : 'returned';

test('the state of an alarm is what the last event made of it, at every time and for every history', async () => {
  const histories = everyHistory();
  expect(histories.length).toBeGreaterThan(500);
  const column = (value: (history: History) => Date | null | string) => histories.map(value);
  await database.pool.query(
    `INSERT INTO alarms (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, started_at, confirmed_at, ended_at,
       acknowledged_at, assigned_at, disposed_at, closed_at, raised_at)
     SELECT gen_random_uuid(), $1, 'JT70100001', n::text, 'latched', 'critical', phase, disposed IS NULL, $2, proven, ended,
       acknowledged, assigned, disposed, closed, $2
     FROM unnest($3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
       $9::timestamptz[]) WITH ORDINALITY AS x(phase, proven, ended, acknowledged, assigned, disposed, closed, n)`,
    [
      TRIP_ID,
      at(0),
      column(phaseOf),
      column(({ proven }) => at(proven)),
      column(({ ended }) => at(ended)),
      column(({ acknowledged }) => at(acknowledged)),
      column(({ assigned }) => at(assigned)),
      column(({ disposed }) => at(disposed)),
      column(({ closed }) => at(closed)),
    ],
  );
  const { rows } = await database.pool.query<{ states: AlarmState[]; now: AlarmState; active: boolean[] }>(
    `SELECT ARRAY(SELECT alarm_state(a, t) FROM unnest($1::timestamptz[]) t) AS states, alarm_state(a) AS now,
       ARRAY(SELECT alarm_active(a, t) FROM unnest($1::timestamptz[]) t) AS active
     FROM alarms a ORDER BY rule::int`,
    [[0, 1, 2, 3].map(at)],
  );
  await database.pool.query('DELETE FROM alarms');
  for (const [i, history] of histories.entries()) {
    const states = [0, 1, 2, 3].map((minute) => stateAfter(history, minute));
    const active = [0, 1, 2, 3].map((minute) => history.disposed === undefined || history.disposed > minute);
    expect({ history, ...rows[i] }).toEqual({ history, states, now: states[3], active });
  }
});

interface Alarm {
  kind: AlarmKind;
  severity: Severity;
  proven: boolean;
  /** Minutes, 0 to 3. */
  started: number;
  ended: number | undefined;
  disposed: number | undefined;
}

const alarm: fc.Arbitrary<Alarm> = fc.record({
  kind: fc.constantFrom<AlarmKind>('edge', 'level', 'latched'),
  severity: fc.constantFrom<Severity>('info', 'minor', 'major', 'critical'),
  proven: fc.boolean(),
  started: fc.nat(3),
  ended: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
  disposed: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
});

function activeAt({ kind, started, ended, disposed }: Alarm, minute: number): boolean {
  if (started > minute || (disposed ?? 9) <= minute || kind === 'edge') return false;
  return kind === 'latched' || (ended ?? 9) > minute;
}

/** Red: one critical latched alarm that is proven. Amber: one major of that kind, or two level alarms that are not minor. */
function riskAt(alarms: Alarm[], minute: number): number {
  const active = alarms.filter((one) => activeAt(one, minute));
  const latched = (severity: Severity) =>
    active.some((one) => one.kind === 'latched' && one.proven && one.severity === severity);
  if (latched('critical')) return 2;
  const grave = active.filter((one) => one.kind === 'level' && ['major', 'critical'].includes(one.severity));
  return latched('major') || grave.length >= 2 ? 1 : 0;
}

test('the risk of a trip follows from the alarms that are active, now as at a time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(alarm, { maxLength: 5 }), async (alarms) => {
      for (const [i, { kind, severity, proven, started, ended, disposed }] of alarms.entries()) {
        await database.pool.query(
          `INSERT INTO alarms (alarm_id, trip_id, lock_id, rule, kind, severity, phase, active, started_at, ended_at,
             disposed_at, raised_at) VALUES (gen_random_uuid(), $1, 'JT70100001', $2, $3, $4, $5, $6, $7, $8, $9, $7)`,
          [
            ...[TRIP_ID, `rule-${i}`, kind, severity, proven ? 'open' : 'provisional', activeAt(alarms[i]!, 5)],
            ...[at(started), at(ended), at(disposed)],
          ],
        );
      }
      const minutes = [0, 1, 2, 3, 4, 5];
      const { rows } = await database.pool.query(
        `SELECT trip_risk($1) AS now, ARRAY(SELECT trip_risk($1, t)::int FROM unnest($2::timestamptz[]) t) AS past`,
        [TRIP_ID, minutes.map(at)],
      );
      await database.pool.query('DELETE FROM alarms');
      expect(rows[0]).toEqual({ now: riskAt(alarms, 5), past: minutes.map((minute) => riskAt(alarms, minute)) });
    }),
    { numRuns: process.env.SEALWATCH_DEEP === '1' ? 2_000 : 150 },
  );
}, 600_000);

test('the database and the code agree on which trips are over and which commands are pending, for every state', async () => {
  const ask = async (condition: string, column: string, states: readonly string[]) =>
    (
      await database.pool.query(`SELECT ${column}, ${condition} AS holds FROM unnest($1::text[]) t(${column})`, [
        states,
      ])
    ).rows;
  expect(await ask(IS_OPEN(), 'status', TripStatus.options)).toEqual(
    TripStatus.options.map((status) => ({ status, holds: !isOver({ status }) })),
  );
  expect(await ask(IS_PENDING, 'state', CommandState.options)).toEqual(
    CommandState.options.map((state) => ({ state, holds: isPending({ state }) })),
  );
});
