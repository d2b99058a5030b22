import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  addGate,
  addLock,
  addRoute,
  addTrip,
  containerNo,
  declaration,
  passage,
  plate,
  report,
  startPlatform,
  type TestPlatform,
  type TestTrip,
  takeover,
} from '../api/platform.ts';

// Field cases 5: gate, plates, containers. Each test names the public report that its case stands for.
let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
  await addGate(platform);
});
afterAll(() => platform?.stop());

const ask = (trip: TestTrip, more: object) =>
  platform.call('POST', 'gates/daxie-1/passages', { body: passage(trip, more) });
const alarmsOf = async ({ tripId }: TestTrip) => (await platform.call('GET', `trips/${tripId}`)).body.openAlarms;

/** A sealed trip that its destination's gate would let through. */
async function arriving(tractorPlate = plate(), container = containerNo(), more: object = {}): Promise<TestTrip> {
  const lockId = await addLock(platform);
  const units = [{ containerNo: container, lockId }];
  const body = declaration(lockId, { vehicle: { tractorPlate }, units, takeover: takeover(), ...more });
  const { status, body: trip, text } = await platform.call('POST', 'trips', { body });
  if (status !== 201) throw new Error(text);
  await report(platform, lockId);
  return { tripId: trip.tripId, lockId, containerNo: container, plate: tractorPlate };
}

describe('5.1 a camera that is sure of a wrong character (szad670401/HyperLPR#409, #216, #262; liuruoze/EasyPR#81; chineseocr/chineseocr#301)', () => {
  test.each(['浙G812D8', '浙GB1208', '浙GB1ZD8', '苏GB12D8'])(
    '%s: a person looks, and the trip has no alarm',
    async (text) => {
      const trip = await arriving(text === '浙GB1ZD8' ? '浙GB12D8' : text === '苏GB12D8' ? '鄂GB12D8' : '浙GB12D8');
      const { body } = await ask(trip, { plate: { text, confident: true } });
      expect(body).toMatchObject({ code: 'M', tripId: trip.tripId, reasons: [{ rule: 'gate.plate-doubtful' }] });
      expect(await alarmsOf(trip)).toEqual([]);
    },
  );

  test.each(['浙GX77Y9', '浙G81208'])('%s, truly another plate: inspection and an alarm', async (text) => {
    const trip = await arriving('浙GB12D8');
    expect((await ask(trip, { plate: { text, confident: true } })).body.code).toBe('N');
    expect(await alarmsOf(trip)).toMatchObject([{ rule: 'gate.plate' }]);
  });

  test('alone, without the lock or the container, it finds no trip', async () => {
    const trip = await arriving('浙GB77D7');
    const { body } = await ask(trip, { plate: { text: '浙G877D7', confident: true }, containers: [], lockIds: [] });
    expect(body).toMatchObject({ code: 'N', reasons: [{ rule: 'gate.no-trip' }] });
  });
});

describe('5.2 plates that exist (any86/any-rule#309 and #148, parkingwang/vehicle-keyboard-android#49 and #18, zeusees/License-Plate-Detector#31, LiuuY/vehicle-plate-keyboard#20, Eric0liang/cardocr#8)', () => {
  const declare = async (vehicle: object, more: object = {}) => {
    const lockId = await addLock(platform);
    const units = [{ containerNo: 'MSKU9070323', lockId }];
    return platform.call('POST', 'trips', { body: declaration(lockId, { vehicle, units, ...more }) });
  };

  test.each([
    ...['浙B1234超', '浙G0123试', '闽20401领', '浙S1234应急', '使014578', '浙G12345临'],
    // Regressions: chinabugotech/hutool#3979 and others.
    ...['沪AE22075', '京AA12345', '粤ZF023港', '浙G1234挂'],
  ])('%s is declared without a word', async (tractorPlate) => {
    const { status, body } = await declare({ tractorPlate });
    expect([status, body.vehicle, body.warnings]).toEqual([201, { tractorPlate }, undefined]);
  });

  test.each(['123ABC02', 'А123ВС77', 'УН8345'])(
    'the foreign tractor %s is declared with a warning',
    async (tractorPlate) => {
      const { status, body } = await declare({ tractorPlate });
      expect([status, body.warnings]).toEqual([
        201,
        [{ path: 'vehicle.tractorPlate', message: expect.stringContaining('plateCountry') }],
      ]);
    },
  );

  test('with its country it is declared without a word, and the country is kept', async () => {
    const vehicle = { tractorPlate: '123 abc 02', trailerPlate: '45 AB', plateCountry: 'KZ' };
    const { status, body } = await declare(vehicle);
    const kept = { tractorPlate: '123ABC02', trailerPlate: '45AB', plateCountry: 'KZ' };
    expect([status, body.vehicle, body.warnings]).toEqual([201, kept, undefined]);
    expect((await platform.call('GET', `trips/${body.tripId}`)).body.vehicle).toEqual(kept);
  });

  test('a mistyped mainland plate is refused with what to do', async () => {
    const { status, body } = await declare({ tractorPlate: '浙GO2345' });
    expect(status).toBe(422);
    expect(body.errors).toMatchObject([{ path: 'vehicle.tractorPlate', message: /plateCountry/ }]);
  });

  test('a Cyrillic plate read in Latin letters finds its trip, and a person looks', async () => {
    const trip = await arriving('А555ВС77');
    const { body } = await ask(trip, { plate: { text: 'A555BC77', confident: true }, lockIds: [], containers: [] });
    expect(body).toMatchObject({ code: 'M', tripId: trip.tripId });
    expect((await ask(trip, { plate: { text: 'а 555 вс·77', confident: true } })).body.code).toBe('Y');
  });

  test('a member of a declaration that nothing reads is named', async () => {
    const { body } = await declare({ tractorPlate: plate(), colour: 'red' }, { remark: 'x' });
    expect(body.warnings).toEqual([
      expect.objectContaining({ path: 'vehicle.colour' }),
      expect.objectContaining({ path: 'remark' }),
    ]);
  });
});

describe('5.3 containers as they are read and written (arthurdejong/python-stdnum#263, sameersemna/Container-validator-JS#4, validatorjs/validator.js#2492, mrclmr/icm#16)', () => {
  const spaced = (no: string) => `${no.slice(0, 4)} ${no.slice(4, 10)} ${no.slice(10)}`;
  test.each([
    ['with its size and type', (no: string) => `${no} 22G1`],
    ['with its size and type before it', (no: string) => `22G1 ${no}`],
    ['in parts', spaced],
    ['in parts with both', (no: string) => `${spaced(no)} 45R1`],
    ['in small letters with dashes', (no: string) => no.toLowerCase().replace(/(\d)$/, '-$1')],
  ])('%s: the box is right', async (_how, write) => {
    const trip = await addTrip(platform);
    await report(platform, trip.lockId);
    const { body } = await ask(trip, { containers: [{ no: write(trip.containerNo), confident: true }] });
    expect([body.code, body.tripId]).toEqual(['Y', trip.tripId]);
    const alone = await addTrip(platform);
    const found = await ask(alone, { containers: [{ no: write(alone.containerNo) }], lockIds: [], plate: undefined });
    expect(found.body.tripId).toBe(alone.tripId);
  });

  test('an ILU code is declared by rail, read at the gate, and refused by road', async () => {
    const rail = await arriving(plate(), 'ATBE1003091', { mode: 'rail' });
    expect((await ask(rail, { containers: [{ no: 'ATBE 100309-1' }] })).body.code).toBe('Y');
    const lockId = await addLock(platform);
    const units = [{ containerNo: 'ATBE1003091', lockId }];
    const road = await platform.call('POST', 'trips', { body: declaration(lockId, { units }) });
    expect(road.status).toBe(422);
    expect(road.body.errors).toMatchObject([{ path: 'units[0].containerNo', message: /EN 13044/ }]);
  });

  test('a remainder of 10 printed 0 is declared with a warning', async () => {
    const lockId = await addLock(platform);
    const units = [{ containerNo: 'TGHU1000050', lockId }];
    const { status, body } = await platform.call('POST', 'trips', { body: declaration(lockId, { units }) });
    expect([status, body.warnings]).toEqual([
      201,
      [{ path: 'units[0].containerNo', message: expect.stringContaining('ISO 6346') }],
    ]);
  });
});
