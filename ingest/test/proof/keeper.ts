import { createPool } from '../../src/postgres/database.ts';
import { startReportKeeper } from '../../src/postgres/partitions.ts';
import { closeDays } from '../../src/store/reports/closing.ts';

// What keeps reports, in a process of its own, so that it can be killed.
const log = { info: () => undefined, warn: () => undefined, error: console.error };
const pool = createPool({ connectionString: process.env.DATABASE_URL ?? '' }, log, { max: 4 });
await startReportKeeper(pool, { log, now: () => Number(process.env.PROOF_NOW_MS), closeDays });
process.send?.({ port: 0 });
setInterval(() => undefined, 60_000);
