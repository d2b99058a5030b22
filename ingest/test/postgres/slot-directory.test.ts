import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ClaimedSlots } from '../../src/postgres/claimed-slots.ts';
import { createPool } from '../../src/postgres/database.ts';
import { deleteMember } from '../../src/postgres/members.ts';
import { Membership } from '../../src/postgres/membership.ts';
import { holdOn } from '../../src/postgres/queryable.ts';
import { SlotDirectory } from '../../src/postgres/slot-directory.ts';
import { freshDatabase, type TestDatabase } from '../database.ts';

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const PATIENT = { timeout: 60_000, interval: 10 };
let db: TestDatabase;
const undo: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  db = await freshDatabase();
});
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
  await db.drop();
});

/** A member of a cluster, with slots where it is a worker. */
async function join(name: string, role: string) {
  const self = { name, version: '1', connections: name, webhookKey: 'k' };
  const membership = await Membership.join({ url: db.url, log: silent, self, alone: false, shares: true });
  const pool = createPool({ connectionString: db.url }, silent, { max: 2, name });
  holdOn(pool, membership.hold);
  undo.push(async () => {
    await membership.leave();
    await pool.end();
  });
  membership.present([role]);
  const one = { membership, isFit: true, followed: new Set<number>() };
  if (role === 'worker') {
    const slots = await ClaimedSlots.claim({ pool, membership, log: silent, isFit: () => one.isFit });
    undo.push(() => slots.stop());
    slots.onReleasing(async (released) => {
      for (const slot of released) one.followed.delete(slot);
    });
    await slots.onClaimed(async (claimed) => {
      for (const slot of claimed) one.followed.add(slot);
    });
  }
  return one;
}

test('workers share the slots and others own none; a worker that is not fit gives all up until it is; a directory sees each change', async () => {
  await join('g', 'gateway');
  const [a, b] = [await join('a', 'worker'), await join('b', 'worker')];
  const directory = await SlotDirectory.start({ pool: db.pool, log: silent });
  undo.push(async () => directory.stop());
  const changed = new Set<number>();
  directory.onChanged((slots) => {
    for (const slot of slots) changed.add(slot);
  });
  const owned = (ofA: number, ofB: number) =>
    vi.waitFor(() => {
      const owners = Array.from({ length: 256 }, (_, slot) => directory.ownerOf(slot));
      const of = ({ membership }: typeof a) => owners.filter((owner) => owner === membership.memberId).length;
      expect([of(a), of(b), directory.unowned()]).toEqual([ofA, ofB, []]);
      expect([a.followed.size, b.followed.size]).toEqual([ofA, ofB]);
    }, PATIENT);
  await owned(128, 128);
  a.isFit = false;
  a.membership.explain(['bus: away']);
  await owned(0, 256);
  expect(changed.size).toBe(256);
  a.isFit = true;
  a.membership.explain([]);
  await owned(128, 128);
  await deleteMember(db.pool, b.membership.memberId);
  await vi.waitFor(() => expect(a.followed.size).toBe(256), PATIENT);
}, 60_000);
