import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../src/store/people/audit.ts';
import { checkAudit, linkAudit } from '../../src/store/people/audit-chain.ts';
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
    [
      'with a time of the past, for the platform to link',
      `${INSERT} VALUES (99, now() - interval '1 day', 'nobody', 'trip.release', 'trip:1', NULL, NULL, NULL)`,
      99,
      'inserted',
    ],
  ])('finds that a row was inserted %s', async (_how, meddling, auditId, reason) => {
    expect(await finding(meddling)).toEqual({ auditId, reason: expect.stringContaining(reason) });
  });
});
