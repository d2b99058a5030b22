import { randomUUID } from 'node:crypto';
import { LOCKS, lockIdOf, PLACES, ROAD, SECRET, START_MS } from './fleet.mjs';

export const dist = (path) => import(new URL(`../../dist/${path}`, import.meta.url).href);

/** Locks on their way, each on a trip of its own. */
export async function declare(pool) {
  const { hashSecret } = await dist('broker/lock-access.js');
  const { insertLocks } = await dist('store/locks/locks.js');
  const { putPlace } = await dist('store/roads/places.js');
  const { putRoute } = await dist('store/roads/routes.js');
  const { insertTrip } = await dist('store/trips/changes.js');
  const { inTransaction } = await dist('postgres/queryable.js');
  const secretHash = hashSecret(SECRET);
  const lockIds = Array.from({ length: LOCKS }, (_, i) => lockIdOf(i));
  const at = new Date(START_MS).toISOString();
  await inTransaction(pool, async (db) => {
    const locks = lockIds.map((lockId) => ({ lockId, model: 'bench', secretHash }));
    for (let i = 0; i < locks.length; i += 1_000) await insertLocks(db, locks.slice(i, i + 1_000));
    for (const [i, place] of PLACES.entries()) await putPlace(db, `place-${i}`, place);
    const { row } = await putRoute(db, { routeId: 'bench', feature: ROAD, by: 'bench' });
    for (const [i, lockId] of lockIds.entries()) {
      await insertTrip(db, {
        tripId: randomUUID(),
        routeVersion: row.version,
        totalM: 96_000,
        status: 'in-transit',
        steps: [],
        declaration: {
          declarationNo: '292120260000000001',
          mode: 'road',
          originOffice: '2921',
          destinationOffice: '3104',
          routeId: 'bench',
          vehicle: { tractorPlate: `浙G${String(10_000 + i)}` },
          units: [{ containerNo: 'MSKU9070323', lockId }],
          takeover: { sealedAt: at, departedAt: at },
        },
      });
    }
  });
}
