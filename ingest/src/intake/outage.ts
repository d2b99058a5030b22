import { isFenced, isOutdated } from '../postgres/queryable.ts';
import { JudgingError } from './judging-error.ts';

/**
 * Whether trying again may help. SQLSTATE classes 22 (data) and 23 (integrity) and a failed rule mean that the batch
 * itself is at fault, SW001 that another platform has taken over, SW002 that memory is outdated; everything else is an outage
 * of the database.
 */
export function isOutage(error: unknown): boolean {
  if (error instanceof JudgingError || isFenced(error) || isOutdated(error)) return false;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return !/^2[23]\w{3}$/.test(code);
}

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** How long to wait before the n-th new try, ms; n from 1. */
export function backOffMs(attempt: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
}
