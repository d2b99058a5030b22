import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { publishPacket, Wiretap } from '../broker/wiretap.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, SECRET, startRig } from '../intake/rig.ts';
import { PLAIN } from '../store/plain.ts';
import { chanceOf, seeds } from './chance.ts';
import { mangledPayload } from './mangle.ts';
import { replayedAlarms, storedAlarms } from './oracle.ts';

const LOCK = 'JT70800001';
const START_MS = Date.UTC(2026, 0, 1);
const COUNT = process.env.SEALWATCH_DEEP ? 1_000 : 400;

let db: TestDatabase;
let rig: Rig;
let tap: Wiretap;

beforeAll(async () => {
  db = await freshDatabase();
  await registerLocks(db, LOCK);
});
afterAll(() => db.drop());
afterEach(async () => {
  tap.end();
  await rig.close();
});

const identityOf = ({ boot, seq }: { boot?: unknown; seq?: unknown }) => `${boot} ${seq}`;

/** What JSON.parse makes of bytes: an oracle that shares no code with the platform's reading. */
function elementsOf(payload: Buffer): { boot?: unknown; seq?: unknown }[] {
  try {
    const value: unknown = JSON.parse(payload.toString());
    return (Array.isArray(value) ? value : [value]).filter(
      (element) => typeof element === 'object' && element !== null,
    );
  } catch {
    return [];
  }
}

/** Payloads of which a part is neither in the store nor in quarantine. */
async function lostOf(payloads: Buffer[]): Promise<string[]> {
  const stored = await rig.rows<{ boot: number; seq: number }>(`SELECT boot, seq FROM ${PLAIN}`);
  const refused = await rig.rows<{ raw: Buffer }>('SELECT raw FROM quarantine');
  const identities = new Set([...stored, ...refused.flatMap(({ raw }) => elementsOf(raw))].map(identityOf));
  const texts = new Set(refused.map(({ raw }) => raw.toString('latin1')));
  return payloads
    .filter((payload) => {
      if (texts.has(payload.toString('latin1'))) return false;
      const elements = elementsOf(payload);
      return elements.length === 0 || !elements.every((element) => identities.has(identityOf(element)));
    })
    .map((payload) => payload.toString('latin1').slice(0, 300));
}

test.each(seeds(1, 6))(
  'whatever bytes a lock sends, seed %i: each is acknowledged, and stored or in quarantine as it came',
  async (seed) => {
    await db.pool.query('TRUNCATE reports, quarantine, identity_conflicts, trips, alarms CASCADE');
    await db.pool.query('UPDATE locks SET max_boot = NULL, max_seq = NULL');
    const tripId = await declareTrip(db, [LOCK], START_MS);
    rig = await startRig({ db });
    tap = new Wiretap(rig.broker.port);
    tap.connectAs(LOCK, SECRET);
    const chance = chanceOf(seed);
    const payloads = Array.from({ length: COUNT }, () => mangledPayload(chance, START_MS));
    payloads.push(Buffer.from(JSON.stringify(report(1, START_MS, 120.1))));
    tap.send(...payloads.map((payload, i) => publishPacket(LOCK, i + 1, payload)));
    await vi.waitFor(() => expect(tap.acknowledged()).toEqual(payloads.map((_, i) => i + 1)), { timeout: 180_000 });
    expect(await lostOf(payloads)).toEqual([]);
    expect(await lostOf([Buffer.from('{"boot":1,"seq":2}')])).toHaveLength(1);
    await onlyHonestRows(payloads);
    expect(await storedAlarms(db.pool, tripId)).toEqual(await replayedAlarms(db.pool, tripId));
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  },
);

/** Nothing was invented, stored twice or stored with a value that no report may have. */
async function onlyHonestRows(payloads: Buffer[]): Promise<void> {
  const rows = await rig.rows<{ boot: number; seq: number; honest: boolean }>(
    `SELECT boot, seq, coalesce(abs(lat) <= 90 AND abs(lon) <= 180, true) AND boot BETWEEN 0 AND 4294967295
       AND seq BETWEEN 0 AND 4294967295 AND time BETWEEN '1970-01-01Z' AND now() + interval '11 min'
       AND coalesce(battery_percent BETWEEN 0 AND 100, true) AND coalesce(speed_kmh < 'Infinity', true) AS honest
     FROM ${PLAIN}`,
  );
  expect(rows.filter(({ honest }) => !honest)).toEqual([]);
  const sent = new Set(payloads.flatMap(elementsOf).map(identityOf));
  expect(rows.filter((row) => !sent.has(identityOf(row)))).toEqual([]);
  expect(new Set(rows.map(identityOf)).size).toBe(rows.length);
  expect(rows.length).toBeGreaterThan(payloads.length / 4);
}
