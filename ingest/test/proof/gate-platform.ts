import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { startApi } from '../../src/api/server.ts';
import { bridgedOf } from '../../src/bridged.ts';
import { LocalHints } from '../../src/compose/local-hints.ts';
import { BridgeDesk } from '../../src/locks/bridge-desk.ts';
import { createPool } from '../../src/postgres/database.ts';
import { secretBox } from '../../src/secret-box.ts';

// The api in a process of its own, so that it can be killed. STOP_AFTER_COMMIT: it stands still for good between the
// commit of a gate's decision, when the feed is told, and its answer.
const log = pino({ level: process.env.PROOF_LOG ?? 'silent' });
const pool = createPool({ connectionString: process.env.DATABASE_URL ?? '' }, log);
const hints = new LocalHints();
hints.on('passage', () => {
  if (process.env.STOP_AFTER_COMMIT) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
const api = await startApi({
  pool,
  gatePool: pool,
  judging: { judged: async () => true },
  hints,
  secrets: secretBox(randomBytes(32)),
  bridged: bridgedOf(Buffer.alloc(32)),
  desk: new BridgeDesk(),
  door: { receive: (_lockId, _payload, done) => done(), ready: () => [] },
  factorSecrets: secretBox(randomBytes(32)),
  config: { bootstrapKey: process.env.PROOF_KEY },
  log,
});
const http = await api.listen({ host: '127.0.0.1', port: 0 });
process.send?.({ port: Number(new URL(http).port) });
process.on('disconnect', () => process.exit(0));
