import { ApiProblem } from '../problem.ts';
import type { Principal } from './principal.ts';

/** A tester acts on simulated objects alone, and what it makes is simulated. */
export const isTester = (caller: Principal): boolean => caller.role === 'tester';

/**
 * @param what begins the sentence, e.g. `this trip is`
 * @throws ApiProblem 403 where a tester would act on what is real
 */
export function requireSimulated(caller: Principal, object: { simulated: boolean }, what: string): void {
  if (!isTester(caller) || object.simulated) return;
  throw new ApiProblem(403, 'tester.simulated-only', `${what} not simulated: testers act on what testers made alone`);
}

/** @throws ApiProblem 403 for a tester: nothing of this kind is simulated */
export function requireNoTester(caller: Principal, what: string): void {
  requireSimulated(caller, { simulated: false }, what);
}
