import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addGate,
  addPerson,
  addRoute,
  containerNo,
  declarationNo,
  raise,
  report,
  SEALED,
  startPlatform,
  type TestPlatform,
  takeover,
} from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
});
afterAll(() => platform?.stop());

interface Box {
  tripId: string;
  containerNos: string[];
  lockIds: string[];
  ok: boolean;
  already?: boolean;
  status: string;
  problem?: { code: string; detail: string };
}
interface Done {
  done: number;
  failed: number;
  strange: { containers: string[]; lockIds: string[] };
  items: Box[];
}
interface Train {
  convoyId: string;
  declarationNo: string;
  units: { containerNo: string; lockId: string }[];
}

let serial = 0;

async function declareTrain(boxes: number, more: object = {}): Promise<Train> {
  const locks = Array.from({ length: boxes }, () => ({
    lockId: `RX${String(++serial).padStart(8, '0')}`,
    simulated: true,
  }));
  await platform.call('POST', 'locks/import', { body: { locks } });
  const units = locks.map(({ lockId }, i) => ({ containerNo: containerNo(), lockId, wagonNo: `${5_000_000 + i}` }));
  const no = declarationNo();
  const declared = await platform.call('POST', 'convoys', {
    body: {
      convoyNo: 'ｘ8065',
      batchNo: `PH${serial}`,
      declarationNo: no,
      originOffice: '2921',
      destinationOffice: '3104',
      routeId: 'yiwu-daxie',
      units,
      ...more,
    },
  });
  if (declared.status !== 201) throw new Error(declared.text);
  return { convoyId: String(declared.body.convoyId), declarationNo: no, units };
}

const act = async (train: Train, name: string, body: object = {}, key?: string) => {
  const answer = await platform.call('POST', `convoys/${train.convoyId}/${name}`, { body, ...(key ? { key } : {}) });
  expect(answer.status, answer.text).toBe(200);
  return answer.body as unknown as Done;
};

/** Every lock of the train stands sealed there, as a record that has just come says. */
async function allReport(train: Train, lon: number, mode: string): Promise<void> {
  const at = new Date();
  const record = {
    v: 1,
    boot: 1,
    seq: 1,
    time: at.toISOString(),
    mode,
    seal: SEALED,
    battery: { percent: 80 },
    position: { lon, lat: 29.3, source: 'gnss' },
  };
  await platform.pool.query(
    'UPDATE locks SET last_time = $2, last_received = $2, last_report = $3, last_fix_time = $2 WHERE lock_id = ANY($1)',
    [train.units.map((unit) => unit.lockId), at, record],
  );
}

describe('a train of 92 boxes', () => {
  test('is declared in one request under one declaration, and released, hung, sealed, verified and written off in one call each', async () => {
    const train = await declareTrain(92);
    const view = await platform.call('GET', `convoys/${train.convoyId}`);
    expect(view.body).toMatchObject({ convoyNo: 'X8065', mode: 'rail', boxes: 92, statuses: { declared: 92 } });
    expect(view.body.items).toHaveLength(92);
    expect(view.body.items[0]).toMatchObject({
      convoyId: train.convoyId,
      declarationNo: train.declarationNo,
      vehicle: { tractorPlate: 'X8065' },
    });
    const byDeclaration = await platform.call('GET', `trips?q=${train.declarationNo}&limit=500`);
    expect(byDeclaration.body.items).toHaveLength(92);

    expect(await act(train, 'release')).toMatchObject({ done: 92, failed: 0 });
    await allReport(train, 120, 'awake');
    expect(await act(train, 'hang')).toMatchObject({ done: 92, failed: 0 });
    await allReport(train, 120, 'sealed');
    expect(await act(train, 'seal')).toMatchObject({ done: 92, failed: 0 });
    await platform.pool.query(
      "UPDATE trips SET status = 'arrived', departed_at = now(), arrived_at = now() WHERE convoy_id = $1",
      [train.convoyId],
    );
    await allReport(train, 121, 'sealed');
    expect(await act(train, 'verify')).toMatchObject({ done: 92, failed: 0 });
    const written = await act(train, 'write-off');
    expect(written).toMatchObject({ done: 92, failed: 0, strange: { containers: [], lockIds: [] } });
    expect(new Set(written.items.flatMap((box) => box.containerNos)).size).toBe(92);
    const counts = await platform.pool.query(
      `SELECT (SELECT count(*)::int FROM commands c JOIN trips t USING (trip_id) WHERE t.convoy_id = $1 AND type = 'unlock') AS unlocks,
         (SELECT count(*)::int FROM outbox o JOIN trips t USING (trip_id) WHERE t.convoy_id = $1 AND type = 'trip.written-off') AS told`,
      [train.convoyId],
    );
    expect(counts.rows[0]).toEqual({ unlocks: 92, told: 92 });

    const again = await act(train, 'write-off');
    expect(again.items.every((box) => box.ok && box.already)).toBe(true);
    expect((await platform.pool.query("SELECT 1 FROM commands WHERE type = 'unlock'")).rowCount).toBe(92);
  });
});

describe('a train with something wrong', () => {
  test('does what can be done; every box has its own result, and asked again only what is left is done', async () => {
    const train = await declareTrain(4, { takeover: takeover() });
    await allReport(train, 121, 'sealed');
    const [red, open, held, clean] = train.units;
    const trips = (await platform.call('GET', `convoys/${train.convoyId}`)).body.items;
    const tripOf = (lockId: string | undefined) =>
      String(trips.find((trip) => JSON.stringify(trip.units).includes(String(lockId)))?.tripId);
    const alarmId = await raise(platform, {
      tripId: tripOf(red?.lockId),
      lockId: red!.lockId,
      containerNo: '',
      plate: '',
    });
    await report(platform, open!.lockId, { seal: { ...SEALED, rope: 'cut' } });
    await platform.call('PUT', `trips/${tripOf(held?.lockId)}/hold`, { body: { reason: '布控' } });

    const first = await act(train, 'write-off');
    const of = (answer: Done, lockId: string | undefined) => answer.items.find((box) => box.lockIds[0] === lockId);
    expect(first).toMatchObject({ done: 1, failed: 3 });
    expect(of(first, clean?.lockId)).toMatchObject({ ok: true, status: 'verified' });
    expect(of(first, red?.lockId)?.problem).toMatchObject({
      code: 'step.verify.failed',
      detail: expect.stringContaining('alarms'),
    });
    expect(of(first, open?.lockId)?.problem?.detail).toContain('rope cut');
    expect(of(first, held?.lockId)?.problem?.code).toBe('trip.held');

    const wang = await addPerson(platform, 'operator');
    await wang.call('POST', `alarms/${alarmId}/dispose`, { text: '已查验', falseAlarm: false });
    const second = await act(train, 'write-off');
    expect(second).toMatchObject({ done: 2, failed: 2 });
    expect(of(second, clean?.lockId)?.already).toBe(true);
    expect(of(second, red?.lockId)).toMatchObject({ ok: true });
  });

  test('what was read along it is compared box by box; a strange box is named, a doubt is no match', async () => {
    const train = await declareTrain(3, { takeover: takeover() });
    await allReport(train, 121, 'sealed');
    const [first, second] = train.units.map((unit) => unit.containerNo);
    const doubtful = second!.replace(/0/, 'O');
    const stranger = containerNo();
    const answer = await act(train, 'verify', { read: { containers: [first, doubtful, stranger] } });
    expect(answer).toMatchObject({ done: 1, failed: 2, strange: { containers: [stranger], lockIds: [] } });
    expect(answer.items.filter((box) => box.ok).map((box) => box.containerNos[0])).toEqual([first]);
  });

  test('is refused whole where one box cannot be declared, with each unit named', async () => {
    const lockId = `RX${String(++serial).padStart(8, '0')}`;
    const before = (await platform.pool.query('SELECT 1 FROM trips')).rowCount;
    const body = {
      convoyNo: 'X1',
      declarationNo: declarationNo(),
      originOffice: '2921',
      destinationOffice: '3104',
      routeId: 'yiwu-daxie',
      units: [
        { containerNo: containerNo(), lockId },
        { containerNo: containerNo(), lockId },
      ],
    };
    const twice = await platform.call('POST', 'convoys', { body });
    expect([twice.status, twice.body.errors[0]?.path]).toEqual([422, 'units[1].lockId']);
    const unknown = await platform.call('POST', 'convoys', { body: { ...body, units: body.units.slice(0, 1) } });
    expect([unknown.status, unknown.body.code, unknown.body.errors[0]?.path]).toEqual([
      422,
      'lock.unknown',
      'units[0].lockId',
    ]);
    expect((await platform.pool.query('SELECT 1 FROM trips')).rowCount).toBe(before);
  });

  test('is not there for another office, and is acted on by the office whose turn it is', async () => {
    const train = await declareTrain(2);
    const stranger = await platform.key('operator', ['9999']);
    expect((await platform.call('GET', `convoys/${train.convoyId}`, { key: stranger })).status).toBe(404);
    expect((await platform.call('GET', 'convoys', { key: stranger })).body.items).toEqual([]);
    const destination = await act(train, 'release', {}, await platform.key('operator', ['3104']));
    expect(destination.items.map((box) => box.problem?.code)).toEqual(['office.not-acting', 'office.not-acting']);
    expect(await act(train, 'release', {}, await platform.key('operator', ['2921']))).toMatchObject({ done: 2 });
  });
});
