import { readFileSync } from 'node:fs';
import { XMLParser } from 'fast-xml-parser';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Intake } from '../../src/intake/intake.ts';
import {
  addGate,
  addLock,
  addRoute,
  addTrip,
  containerNo,
  passage,
  plate,
  raise,
  report,
  startPlatform,
  type TestPlatform,
  takeover,
} from '../api/platform.ts';
import { withIntake } from '../api/with-intake.ts';

let platform: TestPlatform;
let gateKey: string;
let intake: Intake;
beforeAll(async () => {
  platform = await startPlatform({ gateWaitMs: 0 });
  intake = await withIntake(platform);
  await addRoute(platform);
  await addGate(platform);
  gateKey = await platform.key('gate', ['3104']);
});
afterAll(async () => {
  await intake?.stop();
  await platform?.stop();
});

const parser = new XMLParser({ parseTagValue: false });
const fixture = (name: string, fill: Record<string, string>) =>
  readFileSync(new URL(`./fixtures/${name}.xml`, import.meta.url), 'utf8').replaceAll(
    /\{(\w+)\}/g,
    (_, key: string) => fill[key] ?? '',
  );

interface Feedback {
  status: number;
  root: string;
  fields: Record<string, string> & {
    BUSINESS_ERROR?: { CODE: string } | { CODE: string }[];
    TECHNICAL_ERROR?: { CODE: string; TEXT: string };
    ITEM?: Record<string, string> | Record<string, string>[];
    POSITION?: Record<string, string>;
  };
}

async function send(xml: string, key = gateKey): Promise<Feedback> {
  const answer = await platform.call('POST', 'jgs/14', { key, raw: xml, headers: { 'content-type': 'text/xml' } });
  const { '?xml': _, ...document } = parser.parse(answer.text) as Record<string, Feedback['fields']>;
  const [[root, fields] = ['', {}]] = Object.entries(document);
  return { status: answer.status, root, fields: (fields || {}) as Feedback['fields'] };
}

const codes = ({ fields }: Feedback) => [fields.BUSINESS_ERROR ?? []].flat().map(({ CODE }) => CODE);
let serial = 0;

/** A truck with two boxes and two locks, and the message of the lane it stands in. */
async function twoBoxes() {
  const lockIds = [await addLock(platform), await addLock(platform)];
  const boxes = [containerNo(), containerNo()];
  const plateNo = plate();
  const declared = await platform.call('POST', 'trips', {
    body: {
      declarationNo: `292120261${String(600_000_000 + ++serial)}`,
      originOffice: '2921',
      destinationOffice: '3104',
      routeId: 'yiwu-daxie',
      vehicle: { tractorPlate: plateNo },
      units: boxes.map((no, i) => ({ containerNo: no, lockId: lockIds[i], mechanicalSealNo: `H00${serial}${i}` })),
      takeover: takeover(),
    },
  });
  for (const lockId of lockIds) await report(platform, lockId);
  const fill = {
    gate: 'daxie-1',
    session: `session-${++serial}`,
    time: new Date().toISOString(),
    plate: plateNo,
    boxes: boxes.join('|'),
    sure: 'Y|Y',
    locks: lockIds.join('|'),
  };
  return { tripId: declared.body.tripId, lockIds, boxes, fill };
}

describe('0x81 → 0x82', () => {
  test('both boxes right: Y, with seals and locks joined by "|", and the trip is written off once', async () => {
    const truck = await twoBoxes();
    const xml = fixture('gather', truck.fill);
    const first = await send(xml);
    expect([first.status, first.root, first.fields.CHECK_RESULT]).toEqual([200, 'GATHER_FEEDBACK', 'Y']);
    expect(first.fields).toMatchObject({
      MESSAGE_TYPE: '0x82',
      SESSION_ID: truck.fill.session,
      CONTA_ID: truck.fill.boxes,
      ESEAL_ID: truck.fill.locks,
      ESEAL: 'U',
      LED_HINT: '放行 快速通道',
    });
    expect(first.fields.SEAL_ID).toMatch(/^H00\d+\|H00\d+$/);
    expect(await send(xml)).toEqual(first);
    const { rows } = await platform.pool.query("SELECT 1 FROM commands WHERE trip_id = $1 AND type = 'unlock'", [
      truck.tripId,
    ]);
    expect(rows).toHaveLength(2);
  });

  test('a sure mismatch is N, a doubtful one M; a red trip N with its business error, and no technical one', async () => {
    const truck = await twoBoxes();
    const other = { ...truck.fill, boxes: `${truck.boxes[0]}|${containerNo()}` };
    const doubtful = await send(fixture('gather', { ...other, sure: 'Y|N' }));
    expect([doubtful.fields.CHECK_RESULT, codes(doubtful)]).toEqual(['M', ['gate.container-doubtful']]);
    const sure = await send(fixture('gather', { ...other, session: 'sure' }));
    expect([sure.fields.CHECK_RESULT, codes(sure)]).toEqual(['N', ['gate.container']]);
    const red = await send(fixture('gather', { ...truck.fill, session: 'red' }));
    expect([red.fields.CHECK_RESULT, codes(red)]).toEqual(['N', ['gate.trip-flagged']]);
    expect(red.fields.TECHNICAL_ERROR).toBeUndefined();
  });

  test('a SESSION_ID that comes again with another body is a business error and M, never Y', async () => {
    const [truck, other] = [await twoBoxes(), await twoBoxes()];
    expect((await send(fixture('gather', truck.fill))).fields.CHECK_RESULT).toBe('Y');
    const answer = await send(fixture('gather', { ...other.fill, session: truck.fill.session }));
    expect([answer.status, answer.fields.CHECK_RESULT, codes(answer)[0]]).toEqual([200, 'M', 'passage.reused']);
    expect((await platform.call('GET', `trips/${other.tripId}`)).body.status).toBe('in-transit');
    const spaced = fixture('gather', truck.fill).replaceAll('><', '>\n <');
    expect((await send(spaced)).fields.CHECK_RESULT).toBe('Y');
  });

  test('lane codes of all reasons are joined by "|"', async () => {
    const truck = await twoBoxes();
    await platform.call('PUT', `trips/${truck.tripId}/hold`, { body: { reason: '布控' } });
    const answer = await send(fixture('gather', { ...truck.fill, locks: `${truck.lockIds[0]}|JT99999999` }));
    expect(answer.fields.LANE_CODE?.split('|').sort()).toEqual(['w', 'x']);
  });

  test.each([
    ['a gate that is not there', { gate: 'nowhere' }, 404, 'gate.not-found'],
    ['a session that is not named', { session: '' }, 422, 'request.invalid'],
    ['a time that is none', { time: 'today' }, 422, 'request.invalid'],
  ])('%s is a technical error, named by its field, and M', async (_what, wrong, status, code) => {
    const truck = await twoBoxes();
    const answer = await send(fixture('gather', { ...truck.fill, ...wrong }));
    expect([answer.status, answer.fields.CHECK_RESULT]).toEqual([status, 'M']);
    expect(answer.fields.TECHNICAL_ERROR?.CODE).toBe(code);
    expect(answer.fields.BUSINESS_ERROR).toBeUndefined();
    if ('time' in wrong) expect(answer.fields.TECHNICAL_ERROR?.TEXT).toContain('GATHER_TIME');
  });

  test('what is no message is a technical error; without a key nothing is said at all', async () => {
    expect((await send('<A/>')).fields.TECHNICAL_ERROR?.CODE).toBe('message.unknown');
    expect((await send('<A>')).status).toBe(400);
    expect((await platform.call('POST', 'jgs/14', { key: null, raw: '<A/>' })).status).toBe(401);
  });
});

describe('0x83 → 0x84', () => {
  const operate = (lock: string, act: string, key?: string) =>
    send(
      `<OPERATE_INFO><SESSION_ID>o</SESSION_ID><ESEAL_ID>${lock}</ESEAL_ID><ESEAL>${act}</ESEAL></OPERATE_INFO>`,
      key,
    );

  test('unlocks by the order that the write-off has made: waiting 0, done 1; no second order', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const early = await operate(trip.lockId, 'U');
    expect([early.status, early.root, early.fields.RESULT, codes(early)]).toEqual([
      200,
      'OPERATE_FEEDBACK',
      '2',
      ['trip.status'],
    ]);
    const { body } = await platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip) });
    expect((await operate(trip.lockId, 'U')).fields).toMatchObject({ MESSAGE_TYPE: '0x84', RESULT: '0' });
    await platform.pool.query("UPDATE commands SET state = 'done' WHERE command_id = $1", [body.unlock.commandId]);
    expect((await operate(trip.lockId, 'U')).fields.RESULT).toBe('1');
    const { rowCount } = await platform.pool.query("SELECT 1 FROM commands WHERE lock_id = $1 AND type = 'unlock'", [
      trip.lockId,
    ]);
    expect(rowCount).toBe(1);
  });

  test('nothing asked is 0; a lock of another office is not known', async () => {
    const trip = await addTrip(platform);
    expect((await send('<OPERATE_INFO><SESSION_ID>o</SESSION_ID></OPERATE_INFO>')).fields.RESULT).toBe('0');
    const stranger = await operate(trip.lockId, 'U', await platform.key('gate', ['9999']));
    expect(codes(stranger)).toEqual(['lock.not-found']);
    expect((await operate(trip.lockId, 'X')).status).toBe(422);
  });
});

describe('0x85', () => {
  const manual = (session: string, result: string, key: string) =>
    send(
      `<MANUAL_CHECK><AREA_ID>daxie-1</AREA_ID><SESSION_ID>${session}</SESSION_ID><CHECK_RESULT>${result}</CHECK_RESULT><COMMENT>查验</COMMENT></MANUAL_CHECK>`,
      key,
    );

  test('1 releases, 2 sends to inspection, 3 returns, on the newest reading of the session; a gate’s key may not', async () => {
    const truck = await twoBoxes();
    const operator = await platform.key('operator', ['3104']);
    const { session } = truck.fill;
    await send(fixture('gather', { ...truck.fill, plate: '' }));
    const again = fixture('gather', { ...truck.fill, locks: truck.lockIds[0]! }).replace('>A<', '>M<');
    expect((await send(again)).fields.CHECK_RESULT).toBe('M');
    expect(codes(await manual(session, '1', gateKey))).toEqual(['auth.role']);
    expect((await manual(session, '2', operator)).fields.CHECK_RESULT).toBe('N');
    expect((await manual(session, '3', operator)).fields.CHECK_RESULT).toBe('N');
    expect((await manual(session, '1', operator)).fields.CHECK_RESULT).toBe('Y');
    const { rows } = await platform.pool.query(
      'SELECT passage_id, decision, comment FROM passages WHERE trip_id = $1 AND decision IS NOT NULL',
      [truck.tripId],
    );
    expect(rows).toEqual([
      { passage_id: expect.stringContaining(`${session}/M/`), decision: 'release', comment: '查验' },
    ]);
    expect((await manual('nobody', '1', operator)).fields.BUSINESS_ERROR).toMatchObject({ CODE: 'passage.not-found' });
    expect((await manual(session, '4', operator)).status).toBe(422);
  });

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'CHECK_RESULT %s is no decision, and the gate’s list stays as it was',
    async (word) => {
      const truck = await twoBoxes();
      const operator = await platform.key('operator', ['3104']);
      await send(fixture('gather', { ...truck.fill, plate: '' }));
      expect((await manual(truck.fill.session, word, operator)).status).toBe(422);
      expect((await platform.call('GET', 'gates/daxie-1/passages')).status).toBe(200);
    },
  );

  test.each(['isPrototypeOf', 'toLocaleString', 'constructor', '__proto__', 'valueOf', 'hasOwnProperty'])(
    'a message <%s> is unknown or malformed, never a failure',
    async (root) => {
      for (const xml of [`<${root}/>`, `<${root}><SESSION_ID>x</SESSION_ID></${root}>`]) {
        expect((await send(xml)).status).toBe(400);
      }
    },
  );

  test('the database refuses a decision that is none', async () => {
    await expect(platform.pool.query("UPDATE passages SET decision = 'constructor'")).rejects.toThrow(
      'passages_decision',
    );
  });

  test('a red trip is not released by a key: two named people answer for it', async () => {
    const truck = await twoBoxes();
    await raise(platform, { tripId: truck.tripId, lockId: truck.lockIds[0]!, containerNo: '', plate: '' });
    await send(fixture('gather', truck.fill));
    const answer = await manual(truck.fill.session, '1', await platform.key('operator', ['3104']));
    expect([answer.fields.CHECK_RESULT, codes(answer)]).toEqual(['M', ['two-people.required']]);
  });
});

describe('the position service', () => {
  test('in: each record is given to the intake as its lock’s own, with its kind, and answered for', async () => {
    const lock = await addLock(platform);
    const key = await platform.key('supervisor');
    const answer = await send(fixture('positions', { lock, serial: '4711', kind: '3' }), key);
    expect([answer.root, answer.fields.MESSAGE_TYPE]).toEqual(['POSITION_RESULT', '5']);
    expect([answer.fields.ITEM ?? []].flat().map((item) => item.RESULT)).toEqual(['1', '2', '1']);
    expect([answer.fields.ITEM ?? []].flat()[2]?.TEXT).toContain('LONGITUDE');
    const { items } = (await platform.call('GET', `locks/${lock}/reports`)).body;
    expect(items).toEqual([
      expect.objectContaining({
        boot: 3,
        seq: 4711,
        time: '2026-11-21T09:10:11.000Z',
        kind: 'backfill',
        position: { lon: 121.5, lat: 29.9, speedKmh: 62, headingDeg: 74, source: 'gnss' },
        seal: { rope: 'inserted', motor: 'locked', cover: 'closed' },
        battery: { charging: true },
      }),
      expect.objectContaining({ boot: 0, seq: 9, time: '2026-11-21T09:10:12.000Z', kind: 'backfill' }),
    ]);
    expect(items[1]?.position).toBeUndefined();
    const byGate = await send(fixture('positions', { lock, serial: '4712', kind: '1' }));
    expect(codes(byGate)).toEqual(['auth.role']);
  });

  test('a command of type 4 becomes an order for the lock, 0000 the default interval', async () => {
    const trip = await addTrip(platform);
    const key = await platform.key('operator', ['3104']);
    const command = (text: string) =>
      send(
        `<POSITION_INFO><MESSAGE_TYPE>4</MESSAGE_TYPE><ESEAL_ID>${trip.lockId}</ESEAL_ID><COMMAND>${text}</COMMAND></POSITION_INFO>`,
        key,
      );
    expect((await command('X0010')).fields.ITEM).toMatchObject({ ESEAL_ID: trip.lockId, RESULT: '0' });
    await command('0000');
    const { items } = (await platform.call('GET', `locks/${trip.lockId}/commands`)).body;
    expect(items.map((item) => item.intervalS)).toEqual([30, 10]);
    expect((await command('R')).status).toBe(422);
  });

  test('out: the newest position, a roll-call, and what is stored between two times', async () => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId, { lon: 120.4 });
    const key = await platform.key('operator', ['3104']);
    const ask = (kind: string, more = '') =>
      send(
        `<POSITION_QUERY><MESSAGE_TYPE>${kind}</MESSAGE_TYPE><ESEAL_ID>${trip.lockId}</ESEAL_ID>${more}</POSITION_QUERY>`,
        key,
      );
    expect((await ask('1')).fields.POSITION).toMatchObject({
      ESEAL_ID: trip.lockId,
      LONGITUDE: '120.4',
      ESEAL_STATUS: 'L',
    });
    expect((await ask('2')).fields.ITEM).toMatchObject({ ESEAL_ID: trip.lockId, RESULT: '0' });
    const { items } = (await platform.call('GET', `locks/${trip.lockId}/commands`)).body;
    expect(items[0]?.type).toBe('locate');
    const span = '<BEGIN_TIME>2026-01-01 00:00:00</BEGIN_TIME><END_TIME>2026-01-02 00:00:00</END_TIME>';
    expect(await ask('3', span)).toMatchObject({ root: 'POSITION_INFO', fields: { MESSAGE_TYPE: '3' } });
    expect((await ask('3')).status).toBe(422);
  });
});
