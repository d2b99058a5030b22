import { pino } from 'pino';
import { Registry } from 'prom-client';
import { startBroker } from '../../src/broker/broker.ts';
import { type Intake, startIntake } from '../../src/intake/intake.ts';
import { createPool } from '../../src/postgres/database.ts';
import { lockAccess } from '../../src/store/locks/access.ts';
import { ALL_SLOTS } from '../intake/all-slots.ts';

// The platform's way of a report in a process of its own, so that it can be killed. EARLY_ACK is the fault that the
// proofs must find: the lock is told before the commit.
const log = pino({ level: process.env.PROOF_LOG ?? 'silent' });
const pool = createPool({ connectionString: process.env.DATABASE_URL ?? '' }, log);
const registry = new Registry();
const intake = await startIntake({ pool, registry, log, slots: ALL_SLOTS, livenessEveryMs: 0 });
const honest: Intake['receive'] = (lockId, payload, done) => intake.receive(lockId, payload, done);
const early: Intake['receive'] = (lockId, payload, done) => {
  intake.receive(lockId, payload, () => undefined);
  done();
};
const broker = await startBroker({
  host: '127.0.0.1',
  port: 0,
  lockAccess: (lockIds) => lockAccess(pool, lockIds),
  report: process.env.EARLY_ACK ? early : honest,
  reply: (_lockId, _payload, done) => done(),
  registry,
  log,
});
process.send?.({ port: broker.port });
process.on('disconnect', () => process.exit(0));
