import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { DoorServer } from '../../src/bus/door-server.ts';
import { RemoteDoor } from '../../src/bus/remote-door.ts';
import type { Directory, ReportDoor } from '../../src/ports.ts';
import { slotsOfLocks } from '../../src/store/locks/locks.ts';
import { type Rig, registerLocks, report, startRig } from '../intake/rig.ts';
import { MemoryNet } from './memory-bus.ts';

const IDS = ['JT70800011', 'JT70800012'];
const START_MS = Date.UTC(2026, 0, 1);
const PATIENT = { timeout: 60_000, interval: 5 };
const WORKER = 2;
let rig: Rig;
let door: ReportDoor;
let close: () => Promise<unknown>;

const FORMS = {
  local: async () => {
    door = rig.intake;
    close = async () => undefined;
  },
  remote: async () => {
    const net = new MemoryNet();
    const log = { warn: () => undefined };
    await DoorServer.open({ bus: net.join(WORKER), door: rig.intake, log });
    const directory: Directory = {
      ownerOf: () => WORKER,
      unowned: () => [],
      onChanged: () => undefined,
      look: async () => undefined,
    };
    const slotsOf = (lockIds: string[]) => slotsOfLocks(rig.db.pool, lockIds);
    const remote = await RemoteDoor.open({ bus: net.join(1), directory, slotsOf, log });
    door = remote;
    close = () => remote.stop(0);
  },
};

const publish = (lockId: string, payload: string | object) =>
  new Promise<Error | undefined>((resolve) =>
    door.receive(lockId, Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)), resolve),
  );
const record = (seq: number, kind: 'live' | 'backfill' = 'live') =>
  report(seq, START_MS + seq * 30_000, 120 + seq / 1_000, { kind });

describe.each(Object.entries(FORMS))('a door, %s', (_name, open) => {
  beforeEach(async () => {
    rig = await startRig();
    await registerLocks(rig.db, ...IDS);
    await open();
  });
  afterEach(async () => {
    await close();
    await rig.close();
  });

  test('says that a publish is done once it is stored, in order for each lock, live and late', async () => {
    const told: number[] = [];
    const sent = Array.from({ length: 40 }, (_, i) =>
      publish(IDS[0]!, record(i + 1, i % 3 === 0 ? 'backfill' : 'live')).then((error) => {
        expect(error).toBeUndefined();
        told.push(i);
      }),
    );
    const other = publish(IDS[1]!, record(1));
    await Promise.all([...sent, other]);
    expect(told).toEqual(Array.from({ length: 40 }, (_, i) => i));
    expect(await rig.rows('SELECT count(*)::int AS n FROM reports')).toEqual([{ n: 41 }]);
  });

  test('stores a record that comes twice once', async () => {
    expect([await publish(IDS[0]!, record(1)), await publish(IDS[0]!, record(1))]).toEqual([undefined, undefined]);
    expect(await rig.rows('SELECT count(*)::int AS n FROM reports')).toEqual([{ n: 1 }]);
  });

  test('keeps what cannot be read in quarantine, and says that it is done', async () => {
    expect(await publish(IDS[0]!, '{"v":1')).toBeUndefined();
    expect(await rig.rows('SELECT lock_id FROM quarantine')).toEqual([{ lock_id: IDS[0] }]);
  });

  test('keeps the time at which a publish was received', async () => {
    const answer = new Promise((resolve) =>
      door.receive(IDS[0]!, Buffer.from(JSON.stringify(record(1))), resolve, START_MS + 31_000),
    );
    expect(await answer).toBeUndefined();
    const [row] = await rig.rows<{ ms: number }>(
      'SELECT (extract(epoch FROM last_time) * 1000)::float8 AS ms FROM locks WHERE lock_id = $1',
      [IDS[0]],
    );
    expect(row?.ms).toBe(START_MS + 30_000);
  });

  test('does not say that a publish is done that nobody stores', async () => {
    await rig.intake.stop();
    const answers: (Error | undefined)[] = [];
    door.receive(IDS[0]!, Buffer.from(JSON.stringify(record(1))), (error) => answers.push(error));
    await close();
    await vi.waitFor(() => expect(answers.map((error) => error?.name)).toEqual(['StoppingError']), PATIENT);
  });
});
