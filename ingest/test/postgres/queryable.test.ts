import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { inPipelinedTransaction, inTransaction, type Queryable } from '../../src/postgres/queryable.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';

let database: TestDatabase;

beforeAll(async () => {
  database = await freshDatabase();
  await database.pool.query('CREATE TABLE things (n int PRIMARY KEY)');
});
afterAll(() => database.drop());
beforeEach(() => database.pool.query('TRUNCATE things'));

const add = (db: Queryable, n: number | string) => db.query('INSERT INTO things VALUES ($1)', [n]);
const kept = async () => (await database.pool.query('SELECT n FROM things ORDER BY n')).rows.map(({ n }) => n);

test('statements that go at once are done in order, and are there when the answer is', async () => {
  const counted = await inPipelinedTransaction(database.pool, async (db) => {
    const [, answer] = await Promise.all([add(db, 1), db.query('SELECT count(*) AS n FROM things'), add(db, 2)]);
    return answer.rows[0].n;
  });
  expect(counted).toBe(1);
  expect(await kept()).toEqual([1, 2]);
});

test('one that the server refuses takes all others with it, those before and those after', async () => {
  const going = inPipelinedTransaction(database.pool, (db) => Promise.all([add(db, 1), add(db, 1), add(db, 2)]));
  await expect(going).rejects.toThrow('duplicate key');
  expect(await kept()).toEqual([]);
});

test('one that could not be sent takes all others with it', async () => {
  const unsent = async () => {
    throw new TypeError('not a row');
  };
  const going = inPipelinedTransaction(database.pool, (db) => Promise.all([add(db, 1), unsent(), add(db, 2)]));
  await expect(going).rejects.toThrow('not a row');
  expect(await kept()).toEqual([]);
});

test('one that comes after the COMMIT is refused, for it would stand outside the transaction', async () => {
  const going = inPipelinedTransaction(database.pool, async (db) => {
    await add(db, 1);
    await add(db, 2);
  });
  await expect(going).rejects.toThrow('after the end of its transaction');
});

test('what is told is why it failed, and not that the statements after it came too late', async () => {
  const deep = async (db: Queryable) => {
    await Promise.all([(async () => (await Promise.all([add(db, 1), add(db, 1)])).flat())()]);
  };
  for (const transaction of [inPipelinedTransaction, inTransaction]) {
    for (let i = 0; i < 20; i++) {
      const going = transaction(database.pool, (db: Queryable) => Promise.all([deep(db), add(db, 2), add(db, 3)]));
      await expect(going).rejects.toMatchObject({ code: '23505' });
    }
  }
  expect(await kept()).toEqual([]);
});

test('where work on the client’s side fails, what its other parts ask later does not stand alone', async () => {
  let refused: Promise<void> | undefined;
  const going = inTransaction(database.pool, async (db) => {
    refused = expect(add(db, 1).then(() => add(db, 2))).rejects.toThrow('after the end of its transaction');
    throw new TypeError('not a row');
  });
  await expect(going).rejects.toThrow('not a row');
  await refused;
  expect(await kept()).toEqual([]);
});

test('an error that the work turns into its own is told as its own', async () => {
  const going = inTransaction(database.pool, async (db) => {
    await add(db, 1);
    await add(db, 1).catch(() => {
      throw new RangeError('there is one already');
    });
  });
  await expect(going).rejects.toThrow('there is one already');
});

test('a connection can be used again after a failure', async () => {
  for (let i = 0; i < 30; i++) {
    await expect(inPipelinedTransaction(database.pool, (db) => add(db, 'no number'))).rejects.toThrow('invalid input');
    await expect(inTransaction(database.pool, (db) => add(db, 'no number'))).rejects.toThrow('invalid input');
  }
  await inTransaction(database.pool, (db) => add(db, 3));
  expect(await kept()).toEqual([3]);
});
