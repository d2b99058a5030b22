import type { Logger } from './log.ts';

/** A platform that was asked to stop is gone within 10 s (contract §1), also where its database does not answer. */
const STOP_WITHIN_MS = 9_000;

/** Ends a command that has failed and said why, also where something it began keeps the process: nothing waits for it. */
export function endFailed(): void {
  process.exitCode = 1;
  setTimeout(() => process.exit(1), STOP_WITHIN_MS).unref();
}

/** Ends the process after that time. What was not committed by then has no PUBACK: its lock sends it again. */
export function endInTime(log: Logger): void {
  setTimeout(() => {
    log.warn({}, 'stopped without waiting any longer; what was not committed was not acknowledged');
    process.exit(0);
  }, STOP_WITHIN_MS).unref();
}

/** EX_TEMPFAIL: the supervisor is to start the program again, which then stands by. */
const FENCED = 75;

/** Ends the process at once: what it has in memory no longer counts, and nothing of it may be committed or acknowledged. */
export function endFenced(log: Logger, why: string): never {
  log.fatal(
    { why, exitCode: FENCED },
    'another platform has taken over; this one ends, and stands by when it is started again',
  );
  process.exit(FENCED);
}
