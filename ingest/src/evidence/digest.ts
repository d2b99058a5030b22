import { createHash } from 'node:crypto';
import type { SealState } from '@sealwatch/schemas';
import type { Queryable } from '../postgres/queryable.ts';
import { credibleFix } from '../record/credible-fix.ts';
import { keyOf, lockReports, sentForm } from '../store/reports/reports.ts';
import type { UnitWindow } from '../store/trips/evidence.ts';
import type { RecordsDigest, SealChange } from './pack.ts';

const PAGE_OF_RECORDS = 2_000;
const SEAL_CHANGES = 200;

const sameSeal = (a: SealState, b: SealState) => a.rope === b.rope && a.motor === b.motor && a.cover === b.cover;

/** Reads a lock's records once, for their digest and for what they say of the seal. */
export async function digestOf(db: Queryable, window: UnitWindow): Promise<RecordsDigest> {
  const { lockId, containerNo, fromMs, toMs } = window;
  const hash = createHash('sha256');
  const seals: SealChange[] = [];
  const times: number[] = [];
  let records = 0;
  let after: ReturnType<typeof keyOf> | undefined;
  for (let more = fromMs !== undefined; more; ) {
    const query = { lockId, ...(fromMs === undefined ? {} : { fromMs }), ...(toMs === undefined ? {} : { toMs }) };
    const rows = await lockReports(db, {
      ...query,
      offices: null,
      ...(after ? { after } : {}),
      limit: PAGE_OF_RECORDS,
    });
    more = rows.length > PAGE_OF_RECORDS;
    for (const record of rows.slice(0, PAGE_OF_RECORDS)) {
      hash.update(`${JSON.stringify(sentForm(record))}\n`);
      records++;
      times[times.length === 0 ? 0 : 1] = record.timeMs;
      after = keyOf(record);
      const last = seals.at(-1);
      if (record.seal && (last === undefined || !sameSeal(last.seal, record.seal)) && seals.length < SEAL_CHANGES) {
        const { position, seal } = record;
        const at = new Date(record.timeMs).toISOString();
        seals.push({
          at,
          lockId,
          seal,
          ...(credibleFix(position) ? { position: { lon: position.lon, lat: position.lat } } : {}),
        });
      }
    }
  }
  const [first, last = first] = times;
  return {
    lockId,
    containerNo,
    records,
    ...(first === undefined ? {} : { firstAt: new Date(first).toISOString() }),
    ...(last === undefined ? {} : { lastAt: new Date(last).toISOString() }),
    sha256: hash.digest('hex'),
    seals,
  };
}
