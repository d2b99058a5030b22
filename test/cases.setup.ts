import fc from 'fast-check';

// `npm test` plays the same generated cases each time, so that a change is judged by what it changed. `npm run test:deep` draws
// new ones, and prints the seed of one that fails, to be given back in SEALWATCH_SEED.
const { SEALWATCH_SEED, SEALWATCH_DEEP } = process.env;
if (SEALWATCH_SEED !== undefined) fc.configureGlobal({ seed: Number(SEALWATCH_SEED) });
else if (SEALWATCH_DEEP !== '1') fc.configureGlobal({ seed: 6346 });
