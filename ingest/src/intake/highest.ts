import { isNumberedAbove, type Numbers } from '../record/numbers.ts';

/** The highest identity stored of a lock, and the time used of its record. */
export interface Highest extends Numbers {
  timeMs: number;
}

/** Undefined before the lock's first record. */
export type HighestOf = (lockId: string) => Highest | undefined;

export const isAbove = (record: Numbers, highest: Numbers | undefined): boolean =>
  highest === undefined || isNumberedAbove(record, highest);
