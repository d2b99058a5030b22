/**
 * A lock's counters may start again, e.g. after a factory reset. Each such *life* has numbers of its own: the boot that is
 * stored is `life × 2^32 + boot as sent`, so that the numbers of a later life are above all numbers of the lives before.
 */
const BOOTS = 2 ** 32;

export const lifeOf = (boot: number): number => Math.floor(boot / BOOTS);

/** The boot that the lock sent, 0 to 2^32 − 1. */
export const sentBoot = (boot: number): number => boot % BOOTS;

export const bootIn = (life: number, boot: number): number => life * BOOTS + sentBoot(boot);
