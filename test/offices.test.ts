import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freshDatabase, type TestDatabase } from '../ingest/test/database.ts';
import { sealwatch } from './process.ts';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await freshDatabase();
  folder = await mkdtemp(join(tmpdir(), 'sealwatch-offices-'));
});
afterAll(async () => {
  await database?.drop();
  await rm(folder, { recursive: true, force: true });
});

async function imports(content: string | Uint8Array): Promise<{ code: number | null; text: string }> {
  const file = join(folder, 'offices.csv');
  await writeFile(file, content);
  const run = sealwatch(['office', 'import', file], { DATABASE_URL: database.url });
  const code = await run.ended;
  return { code, text: run.lines.join('\n') };
}
const table = async () => (await database.pool.query('SELECT * FROM offices ORDER BY code')).rows;

describe('sealwatch office import', () => {
  it('takes the table from a file, puts the next one in its place, and notes what it was', async () => {
    const first =
      '\uFEFFcode,name_zh,name_en,note\r\n２９２１,义乌海关,"Yiwu, Customs",x\r\n3104,大榭海关,Daxie Customs,\r\n';
    expect(await imports(first)).toEqual({ code: 0, text: expect.stringContaining('2 offices') });
    const yiwu = { code: '2921', name_zh: '义乌海关', name_en: 'Yiwu, Customs' };
    const daxie = { code: '3104', name_zh: '大榭海关', name_en: 'Daxie Customs' };
    expect(await table()).toEqual([yiwu, daxie]);
    expect((await imports('code,name_zh,name_en\n3104,大榭海关,Daxie Customs\n')).code).toBe(0);
    expect(await table()).toEqual([daxie]);
    const { rows } = await database.pool.query(
      `SELECT before, after FROM audit WHERE action = 'office.import' ORDER BY audit_id DESC LIMIT 1`,
    );
    expect(rows).toEqual([{ before: { offices: [yiwu, daxie] }, after: { offices: [daxie] } }]);
  });

  it('says of a wrong file what is wrong where, and keeps the table that it had', async () => {
    const before = await table();
    const { code, text } = await imports('code,name_zh,name_en\n2921,义乌海关,Yiwu\n292I,某海关,Some\n');
    expect(code).toBe(1);
    expect(text).toContain('nothing was imported');
    expect(text).toContain('line 3, code: "292I"; expected an office code of four digits');
    expect(await table()).toEqual(before);
  });
});
