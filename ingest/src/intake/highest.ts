import { isNumberedAbove, type Numbers } from '../record/numbers.ts';

/** The highest identity stored of a lock; undefined before its first record. */
export type HighestOf = (lockId: string) => Numbers | undefined;

export const isAbove = (record: Numbers, highest: Numbers | undefined): boolean =>
  highest === undefined || isNumberedAbove(record, highest);
