/** A rule, a plan or a stored record is at fault, and not the store: trying again at once does not help. */
export class JudgingError extends Error {
  override name = 'JudgingError';
}

/**
 * Runs code that touches no store.
 * @param what whose it is, e.g. `trip 0190…`
 * @throws JudgingError for whatever it throws
 */
export function judging<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw new JudgingError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
