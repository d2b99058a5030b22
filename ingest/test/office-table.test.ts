import { expect, test } from 'vitest';
import { readOffices } from '../src/office-table.ts';

const HEADER = 'code,name_zh,name_en\n';
const faultsOf = (text: string | Buffer) => readOffices(Buffer.from(text)).faults;
const placesOf = (text: string | Buffer) => faultsOf(text).map(({ line, column, value }) => [line, column, value]);

test('columns may come in any order, in quotes, among others; width and blanks of codes do not matter', () => {
  const text = 'name_en,"code",phone,name_zh\r\n"Yi""wu",２９ ２１,1,"义乌\n海关"\r\n\r\nDaxie, 3104 ,2,大榭海关';
  expect(faultsOf(text).map(({ line, column }) => [line, column])).toEqual([[2, 'name_zh']]);
  expect(readOffices(Buffer.from(text)).offices.map(({ code, name_en }) => [code, name_en])).toEqual([
    ['2921', 'Yi"wu'],
    ['3104', 'Daxie'],
  ]);
});

test.each([
  ['an empty file', '', [[1, 'file', '']]],
  ['no office', HEADER, [[1, 'file', '']]],
  ['a missing column', 'code,name_zh\n2921,义乌\n', [[1, 'name_en', 'code,name_zh']]],
  ['a column twice', 'code,code,name_zh,name_en\n1,2,3,4\n', [[1, 'code', 'code,code,name_zh,name_en']]],
  ['GBK', Buffer.concat([Buffer.from(HEADER), Buffer.from([0x32, 0xd2, 0xe5])]), [[1, 'file', '']]],
  ['a quote that is not closed', `${HEADER}"2921,义乌,Yiwu\n`, [[2, 'row', '']]],
  ['a quote inside a plain cell', `${HEADER}2921,义"乌,Yiwu\n`, [[2, 'row', '']]],
  ['a cell too few', `${HEADER}2921,义乌\n`, [[2, 'row', '2921,义乌']]],
  ['a code twice', `${HEADER}2921,义乌,Yiwu\n２９２１,义乌,Yiwu\n`, [[3, 'code', '2921']]],
  ['no name', `${HEADER}2921,,Yiwu\n`, [[2, 'name_zh', '']]],
  [
    'several at once',
    `${HEADER}29,义乌,\n3104,大榭,Daxie\nABCD,某,Some\n`,
    [
      [2, 'code', '29'],
      [2, 'name_en', ''],
      [4, 'code', 'ABCD'],
    ],
  ],
])('%s is named by line, column and value', (_what, text, places) => {
  expect(placesOf(text)).toEqual(places);
});

test('a file with semicolons or tabs, as spreadsheets of some languages write it, is read', () => {
  const daxie = [{ code: '3104', name_zh: '大榭海关', name_en: 'Daxie, Ningbo' }];
  expect(readOffices(Buffer.from('\uFEFFcode;name_zh;name_en\r\n3104;大榭海关;Daxie, Ningbo\r\n')).offices).toEqual(
    daxie,
  );
  expect(readOffices(Buffer.from('code\tname_zh\tname_en\n3104\t大榭海关\tDaxie, Ningbo\n')).offices).toEqual(daxie);
});

test('columns that are not used and empty lines are named', () => {
  const { notes, faults } = readOffices(Buffer.from('code,phone,name_zh,name_en\n\n3104,1,大榭海关,Daxie\n,,,\n'));
  expect(faults).toEqual([]);
  expect(notes).toEqual(['not used: column "phone"', 'not used, as they are empty: lines 2, 4']);
});

test('a code with letters that look like digits is refused with the digits it may mean', () => {
  expect(faultsOf(`${HEADER}292O,某,Some\n`)[0]?.expected).toContain('write 2920 if');
  expect(faultsOf(`${HEADER}29X1,某,Some\n`)[0]?.expected).not.toContain('write');
});
