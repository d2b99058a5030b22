import { afterAll, beforeAll, expect, test } from 'vitest';
import { inTransaction } from '../../src/postgres/queryable.ts';
import { replaceOffices } from '../../src/store/people/offices.ts';
import { addLock, addRoute, containerNo, declaration, startPlatform, type TestPlatform } from './platform.ts';

let platform: TestPlatform;
beforeAll(async () => {
  platform = await startPlatform();
  await addRoute(platform);
});
afterAll(() => platform?.stop());

const load = (...codes: string[]) =>
  inTransaction(platform.pool, (db) =>
    replaceOffices(
      db,
      codes.map((code) => ({ code, name_zh: `${code} 海关`, name_en: `Customs ${code}` })),
    ),
  );
const declare = async (more: object = {}) =>
  platform.call('POST', 'trips', { body: declaration(await addLock(platform), more) });

test('a trip runs between offices of the table where one was loaded, and between any where none was', async () => {
  expect((await declare({ destinationOffice: '9998' })).status).toBe(201);
  await load('2921', '3104');
  expect((await declare()).status).toBe(201);
  const refused = await declare({ originOffice: '9999', destinationOffice: '9998' });
  expect([refused.status, refused.body.code]).toEqual([422, 'office.unknown']);
  expect(refused.body.errors.map(({ path, value }) => [path, value])).toEqual([
    ['originOffice', '9999'],
    ['destinationOffice', '9998'],
  ]);
  expect((await platform.pool.query("SELECT 1 FROM trips WHERE origin_office = '9999'")).rowCount).toBe(0);
});

test('the table is read page by page, by code', async () => {
  await load('3104', '2921', '2900');
  type Page = { items: { office: string; nameZh: string }[]; next?: string };
  const first = (await platform.call('GET', 'offices?limit=2')).body as unknown as Page;
  expect(first.items).toEqual([
    { office: '2900', nameZh: '2900 海关', nameEn: 'Customs 2900' },
    { office: '2921', nameZh: '2921 海关', nameEn: 'Customs 2921' },
  ]);
  const rest = (await platform.call('GET', `offices?limit=2&cursor=${first.next}`)).body as unknown as Page;
  expect(rest.items.map(({ office }) => office)).toEqual(['3104']);
});

test('a convoy is refused by the same table', async () => {
  await load('2921');
  const { declarationNo, routeId } = declaration('');
  const units = [{ containerNo: containerNo(), lockId: await addLock(platform), wagonNo: '1500001' }];
  const offices = { originOffice: '2921', destinationOffice: '3104' };
  const body = { convoyNo: 'X8001', mode: 'rail', declarationNo, routeId, ...offices, units };
  const refused = await platform.call('POST', 'convoys', { body });
  expect([refused.status, refused.body.code], refused.text).toEqual([422, 'office.unknown']);
});

test('an office code is taken in full-width digits, and never with letters that look like digits', async () => {
  await load('2921', '3104');
  const wide = await declare({ originOffice: '２９２１' });
  expect([wide.status, wide.body.originOffice]).toEqual([201, '2921']);
  const doubtful = await declare({ originOffice: '292I' });
  expect([doubtful.status, doubtful.body.errors[0]?.path]).toEqual([422, 'originOffice']);
});

test('two tables loaded at once are one of them, whole', async () => {
  const tables = [
    ['1000', '1001', '1002'],
    ['1001', '1002', '1003'],
  ];
  await Promise.all(tables.map((codes) => load(...codes)));
  const { rows } = await platform.pool.query<{ code: string }>('SELECT code FROM offices ORDER BY code');
  expect(tables).toContainEqual(rows.map(({ code }) => code));
});
