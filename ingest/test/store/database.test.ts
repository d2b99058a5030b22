import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { migrate } from '../../src/store/migrate.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';

describe('a fresh test database', () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await freshDatabase();
  });
  afterAll(() => database.drop());

  it('holds the whole schema, so that migrating again changes nothing', async () => {
    expect(await migrate(database.pool)).toEqual([]);
    const { rows } = await database.pool.query(`SELECT count(*) AS n FROM pg_tables WHERE tablename = 'trips'`);
    expect(rows).toEqual([{ n: 1 }]);
  });
});
