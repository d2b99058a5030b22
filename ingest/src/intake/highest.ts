import type { IntakeRecord } from '../record/record.ts';

export interface Highest {
  boot: number;
  seq: number;
}

/** The highest identity stored of a lock; undefined before its first record. */
export type HighestOf = (lockId: string) => Highest | undefined;

export function isAbove(record: Pick<IntakeRecord, 'boot' | 'seq'>, highest: Highest | undefined): boolean {
  if (!highest) return true;
  return record.boot > highest.boot || (record.boot === highest.boot && record.seq > highest.seq);
}
