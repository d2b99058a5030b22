import { createHash } from 'node:crypto';
import type { LockPlace } from '../../src/store/reports/batch.ts';

/** Where a lock is that was never on a trip with another lock. */
export const firstPlaceOf = (lockId: string): LockPlace => ({
  lockId,
  slot: createHash('sha256').update(lockId).digest()[0]!,
  slotMoves: 0,
});
