import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach } from 'vitest';
import type { IntakeDeps } from '../../src/intake/contract.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';
import { declareTrip, type Rig, registerLocks, report, send, startRig } from '../intake/rig.ts';

const MINUTE = 60_000;

/** A platform whose clock the test sets, a registered lock, and what the platform shows of its trips. */
export interface FieldCase {
  readonly lockId: string;
  nowMs: number;
  rig: Rig;
  client: MqttClient;
  db: TestDatabase;
  /** A trip under way since one hour ago. */
  trip(): Promise<string>;
  /** Three good records in the last minutes, each received when it was made. */
  base(): Promise<void>;
  /** Sends one record; the platform receives it `afterMs` later than the one before. */
  say(seq: number, sentMs: number, more?: Record<string, unknown>, afterMs?: number): Promise<void>;
  risk(tripId: string): Promise<number>;
  rules(tripId: string): Promise<string[]>;
  reopen(more?: Partial<IntakeDeps>): Promise<void>;
}

export const CUT = { rope: 'cut', motor: 'locked', cover: 'closed', useCount: 7 };

/** Sets up a case for each test of a file. */
export function fieldCase(): FieldCase {
  const it = { lockId: 'JT79900001' } as FieldCase;
  const open = async (more: Partial<IntakeDeps> = {}) => {
    it.rig = await startRig({ db: it.db, nowMs: () => it.nowMs, ...more });
    it.client = await it.rig.lock(it.lockId);
  };
  beforeEach(async () => {
    it.db = await freshDatabase();
    await registerLocks(it.db, it.lockId);
    it.nowMs = Date.now();
    await open();
  });
  afterEach(async () => {
    await it.rig.close();
    await it.db.drop();
  });
  it.trip = () => declareTrip(it.db, [it.lockId], it.nowMs - 60 * MINUTE);
  it.base = async () => {
    for (const [i, lon] of [120.2, 120.207, 120.214].entries()) {
      await it.say(100 + i, it.nowMs + 30_000, { boot: 5, lon });
    }
  };
  it.say = async (seq, sentMs, { lon = 120.22, ...more } = {}, afterMs = 30_000) => {
    it.nowMs += afterMs;
    await send(it.client, it.lockId, report(seq, sentMs, lon as number, more));
  };
  it.risk = async (tripId) =>
    (await it.rig.rows<{ risk: number }>('SELECT risk FROM trips WHERE trip_id = $1', [tripId]))[0]?.risk ?? -1;
  it.rules = async (tripId) => {
    const rows = await it.rig.rows<{ rule: string }>('SELECT DISTINCT rule FROM alarms WHERE trip_id = $1', [tripId]);
    return rows.map(({ rule }) => rule).sort();
  };
  it.reopen = async (more) => {
    await it.rig.close();
    await open(more);
  };
  return it;
}
