import fc from 'fast-check';
import { vi } from 'vitest';

// `npm test` plays the same generated cases each time, so that a change is judged by what it changed. `npm run test:deep` draws
// new ones, and prints the seed of one that fails, to be given back in SEALWATCH_SEED.
const { SEALWATCH_SEED, SEALWATCH_DEEP } = process.env;
if (SEALWATCH_SEED !== undefined) fc.configureGlobal({ seed: Number(SEALWATCH_SEED) });
else if (SEALWATCH_DEEP !== '1') fc.configureGlobal({ seed: 6346 });

// vitest gives up after a second, which a busy machine may need for anything: a limit only ends what hangs. As
// `expect.poll.timeout` of vitest.config.ts, which waitFor does not read.
const WAIT_MS = 180_000;
if (vi.waitFor.name !== 'waitPatiently') {
  const { waitFor } = vi;
  vi.waitFor = function waitPatiently(check, options = {}) {
    return waitFor(check, { timeout: WAIT_MS, ...(typeof options === 'number' ? { timeout: options } : options) });
  };
}
