const WITHIN_MS = 5_000;

/**
 * Waits for a binding, but not for ever: a member starts also while the bus is away, and does what needs none.
 * @param late called where it is bound later: what was sent until then was missed
 */
export async function boundSoon(binding: Promise<void>, late: () => void, withinMs = WITHIN_MS): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const timedOut = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), withinMs).unref();
  });
  const how = await Promise.race([binding, timedOut]).finally(() => clearTimeout(timer));
  // A bus that is closed before never binds.
  if (how === 'late') void binding.then(late, () => undefined);
}
