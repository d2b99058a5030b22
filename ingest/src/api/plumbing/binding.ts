import { OfficeCode } from '@sealwatch/schemas';
import { z } from 'zod';
import { wrongField } from '../../problem.ts';

/** Of new people and keys: `offices` absent, null or empty is bound to none, unless `bound` says otherwise. */
export const NewBinding = { offices: z.array(OfficeCode).max(100).nullish(), bound: z.boolean().optional() };

export const bindingOf = (offices: string[] | null) => ({ offices: offices ?? [], bound: offices !== null });

/**
 * The offices that somebody new is bound to; null: none.
 * @throws ApiProblem 422 if `offices` and `bound` contradict each other
 */
export function newOffices({ offices, bound }: { offices?: string[] | null | undefined; bound?: boolean | undefined }) {
  const named = offices ?? [];
  const isBound = named.length > 0;
  if (bound === undefined || bound === isBound) return isBound ? named : null;
  const expected = bound ? 'at least one office, because bound is true' : 'no offices, because bound is false';
  throw wrongField('offices.bound', { path: 'offices', message: `expected ${expected}`, value: named, expected });
}
