import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../src/store/people/audit.ts';
import { linkAudit } from '../../src/store/people/audit-chain.ts';
import { type Anchor, anchorOf, checkAudit } from '../../src/store/people/audit-check.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await freshDatabase();
});
afterAll(() => database?.drop());

/** Ten entries in a chain, the fifth being the one that somebody meddles with. */
beforeEach(async () => {
  await database.pool.query('TRUNCATE audit, audit_head RESTART IDENTITY');
  for (let n = 1; n <= 10; n++) {
    const entry = { actor: `officer ${n}`, action: 'trip.hold', subject: 'trip:1', before: { n: n - 1 }, after: { n } };
    await audit(database.pool, entry);
  }
  await linkAudit(database.pool);
});

const finding = async (meddling: string) => {
  await database.pool.query(meddling);
  await linkAudit(database.pool);
  return (await checkAudit(database.pool)).broken;
};

describe('the chain of the audit', () => {
  test('holds as it was written, whatever was linked together', async () => {
    await audit(database.pool, { actor: 'a', action: 'b', subject: 'c' });
    await linkAudit(database.pool);
    expect(await checkAudit(database.pool)).toEqual({ linked: 11, unlinked: [] });
  });

  test.each([
    ["UPDATE audit SET actor = 'nobody' WHERE audit_id = 5"],
    ["UPDATE audit SET action = 'trip.release' WHERE audit_id = 5"],
    ["UPDATE audit SET subject = 'trip:2' WHERE audit_id = 5"],
    [`UPDATE audit SET before = '{"n": 7}' WHERE audit_id = 5`],
    ['UPDATE audit SET after = NULL WHERE audit_id = 5'],
    ["UPDATE audit SET at = at - interval '1 second' WHERE audit_id = 5"],
  ])('finds the row that was changed: %s', async (meddling) => {
    expect(await finding(meddling)).toEqual({ auditId: 5, reason: 'this entry was changed' });
  });

  test.each([
    ['from the middle', 'DELETE FROM audit WHERE audit_id = 5', 6, 'removed'],
    ['from the beginning', 'DELETE FROM audit WHERE audit_id = 1', 2, 'removed'],
    ['from the end', 'DELETE FROM audit WHERE audit_id >= 9', 8, 'removed'],
    ['and the end forgotten', 'DELETE FROM audit WHERE audit_id >= 9; DELETE FROM audit_head', 8, 'removed'],
  ])('finds that a row was removed %s', async (_where, meddling, auditId, reason) => {
    expect(await finding(meddling)).toEqual({ auditId, reason: expect.stringContaining(reason) });
  });

  const INSERT = `INSERT INTO audit (audit_id, at, actor, action, subject, link_no, prev_hash, hash) OVERRIDING SYSTEM VALUE`;
  test.each([
    [
      'in the place of another link',
      `UPDATE audit SET link_no = link_no + 100 WHERE link_no >= 5; UPDATE audit SET link_no = link_no - 99 WHERE link_no > 100;
       ${INSERT} SELECT 99, at, 'nobody', 'trip.release', 'trip:1', 5, prev_hash, hash FROM audit WHERE audit_id = 5`,
      99,
      'changed',
    ],
  ])('finds that a row was inserted %s', async (_how, meddling, auditId, reason) => {
    expect(await finding(meddling)).toEqual({ auditId, reason: expect.stringContaining(reason) });
  });

  test('takes a time that steps back as a warning, and goes on to the end', async () => {
    await database.pool.query('UPDATE audit SET link_no = NULL, prev_hash = NULL, hash = NULL WHERE audit_id > 5');
    await database.pool.query(
      'UPDATE audit_head SET (link_no, hash) = (SELECT link_no, hash FROM audit WHERE audit_id = 5)',
    );
    await database.pool.query("UPDATE audit SET at = at - interval '1 day' WHERE audit_id IN (6, 8)");
    await linkAudit(database.pool);
    const found = await checkAudit(database.pool);
    expect([found.broken, found.linked]).toEqual([undefined, 10]);
    expect(found.warnings).toEqual([6, 8].map((auditId) => ({ auditId, reason: expect.stringContaining('1440 min') })));
  });

  test('reports every break, not the first alone', async () => {
    await database.pool.query("UPDATE audit SET actor = 'nobody' WHERE audit_id IN (2, 7)");
    await database.pool.query('DELETE FROM audit WHERE audit_id = 4');
    const { breaks, linked } = await checkAudit(database.pool);
    expect([breaks?.map(({ auditId }) => auditId), linked]).toEqual([[2, 5, 7], 9]);
  });

  /** What cannot be seen in the tables alone: with an anchor of the end as it was. */
  test.each([
    ['the tail and its head', 'DELETE FROM audit WHERE audit_id > 6; DELETE FROM audit_head', 'removed'],
    [
      'the tail, and the head set back',
      `DELETE FROM audit WHERE audit_id > 6;
       UPDATE audit_head SET (link_no, hash) = (SELECT link_no, hash FROM audit WHERE audit_id = 6)`,
      'was removed',
    ],
    ['everything', 'TRUNCATE audit, audit_head', 'was removed'],
    ['everything, row by row', 'DELETE FROM audit; DELETE FROM audit_head', 'was removed'],
    [
      'everything, written again without one entry',
      `DELETE FROM audit WHERE audit_id = 5; DELETE FROM audit_head;
       UPDATE audit SET link_no = NULL, prev_hash = NULL, hash = NULL`,
      'removed',
    ],
    [
      'everything, written again with another actor',
      `UPDATE audit SET actor = 'nobody', link_no = NULL, prev_hash = NULL, hash = NULL; DELETE FROM audit_head`,
      'written again',
    ],
    [
      'two entries in the other order',
      `UPDATE audit SET link_no = -link_no WHERE audit_id IN (4, 5);
       UPDATE audit SET link_no = CASE audit_id WHEN 4 THEN 5 ELSE 4 END WHERE audit_id IN (4, 5)`,
      'before this one',
    ],
  ])('an anchor outside the tables finds what became of %s', async (_what, meddling, reason) => {
    const anchor: Anchor = { at: 'noon', ...(await anchorOf(database.pool))! };
    await database.pool.query(meddling);
    await linkAudit(database.pool);
    async function* anchors() {
      yield [anchor];
    }
    const { breaks = [] } = await checkAudit(database.pool, anchors());
    expect(breaks.map((fault) => fault.reason).join('; ')).toContain(reason);
  });

  test('goes on beyond a head that was removed, and says for ever that it was', async () => {
    await database.pool.query('DELETE FROM audit WHERE audit_id > 6; DELETE FROM audit_head');
    await audit(database.pool, { actor: 'a', action: 'b', subject: 'c' });
    await linkAudit(database.pool);
    const { broken, unlinked } = await checkAudit(database.pool);
    expect([unlinked, broken?.reason]).toEqual([[], expect.stringContaining('the head of the chain was gone')]);
  });
});

describe('the role of the platform', () => {
  const asPlatform = async (statement: string): Promise<string> => {
    const client = await database.pool.connect();
    try {
      await client.query('BEGIN');
      await client.query('CREATE ROLE platform_of_test; GRANT ALL ON ALL TABLES IN SCHEMA public TO platform_of_test');
      await client.query('SET LOCAL ROLE platform_of_test');
      await client.query(statement);
      return 'done';
    } catch (error) {
      return (error as Error).message;
    } finally {
      await client.query('ROLLBACK');
      client.release();
    }
  };

  test.each([
    ["UPDATE audit SET actor = 'nobody' WHERE audit_id = 5"],
    ['UPDATE audit SET link_no = NULL WHERE audit_id = 5'],
    ['DELETE FROM audit WHERE audit_id = 5'],
    ['TRUNCATE audit'],
    ["INSERT INTO audit (actor, action, subject, link_no) VALUES ('a', 'b', 'c', 11)"],
    ['UPDATE audit_head SET link_no = 6'],
    ['DELETE FROM audit_head'],
    ['TRUNCATE audit_head'],
  ])('may not: %s', async (statement) => {
    expect(await asPlatform(statement)).toBe('entries of the audit are neither changed nor removed');
  });

  test.each([
    ["INSERT INTO audit (actor, action, subject) VALUES ('a', 'b', 'c')"],
    [
      "INSERT INTO audit (actor, action, subject) VALUES ('a', 'b', 'c'); UPDATE audit SET link_no = 11 WHERE link_no IS NULL",
    ],
    ['UPDATE audit_head SET link_no = 11'],
  ])('may: %s', async (statement) => {
    expect(await asPlatform(statement)).toBe('done');
  });
});
