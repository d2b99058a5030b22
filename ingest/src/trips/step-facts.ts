import type { Position, SealState } from '@sealwatch/schemas';
import { LockMode } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { LockFacts, Reading, StepFacts } from '../custody/checks.ts';
import type { Queryable } from '../postgres/queryable.ts';
import { credibleFix } from '../record/credible-fix.ts';
import { LATE_AFTER_MS } from '../record/report.ts';
import { isPending } from '../store/locks/commands.ts';
import { type Custody, custodyOf } from '../store/trips/custody.ts';
import type { TripView } from '../store/trips/row.ts';
import { designatedPlace, type Within } from './designated-place.ts';

type LockCommands = Custody['commands'];

function lockFactsOf(custody: Custody, within: Within | undefined): LockFacts[] {
  return custody.lock_states.map((lock) => {
    const report = lock.report ?? {};
    const position = lock.fix?.position as Position | undefined;
    const mode = LockMode.safeParse(report.mode).data;
    const seal = report.seal as SealState | undefined;
    const own = custody.commands.filter((command) => command.lockId === lock.lockId);
    const lastTimeMs = heardMs(lock);
    return {
      lockId: lock.lockId,
      retired: lock.retired,
      ...(lock.blocked === null ? {} : { blocked: lock.blocked }),
      ...(lastTimeMs === undefined ? {} : { lastTimeMs }),
      ...(mode === undefined ? {} : { mode }),
      ...(seal === undefined ? {} : { seal }),
      ...(report.battery ? { battery: report.battery as { percent?: number; charging?: boolean } } : {}),
      ...(within && credibleFix(position) ? { inPlace: within(position.lon, position.lat) } : {}),
      intervalConfirmed:
        mode === 'sealed' || own.some((command) => command.type === 'interval' && command.state === 'done'),
      unlockConfirmed: unlockedBy(own, lock.lastReceived, seal),
      unlockWaiting: own.some((command) => command.type === 'unlock' && isPending(command)),
    };
  });
}

/**
 * When the newest record of a lock was made, epoch ms, by the platform's clock: its receipt time, or the fix time of a
 * record that was stored in the lock for longer than a wrong clock explains.
 */
export function heardMs({ lastTime, lastReceived }: Custody['lock_states'][number]): number | undefined {
  if (lastTime === null) return undefined;
  const madeMs = Date.parse(lastTime);
  const receivedMs = Date.parse(lastReceived ?? lastTime);
  return receivedMs - madeMs > LATE_AFTER_MS ? madeMs : receivedMs;
}

/**
 * Whether a lock has opened for this trip: its reply says so, or a record that shows an open motor and was received
 * after the unlock was given. The lock's own clock is not compared with the platform's.
 */
function unlockedBy(commands: LockCommands, lastReceived: string | null, seal: SealState | undefined): boolean {
  const unlocks = commands.filter((command) => command.type === 'unlock');
  if (unlocks.some((command) => command.state === 'done')) return true;
  const first = unlocks[0];
  const later = first !== undefined && lastReceived !== null && Date.parse(lastReceived) >= Date.parse(first.createdAt);
  return later && seal?.motor === 'unlocked';
}

/** Where the facts are read: in a caller's transaction, or on the pool. */
export interface Reader {
  pool: Pool;
  db: Queryable;
}

export interface Who {
  by: string;
  read?: Reading;
}

/** The facts of a step from what was read of the trip in one look. */
export async function factsFrom(
  at: Reader,
  row: TripView,
  end: 'origin' | 'destination',
  known: Custody & { latchedRules: string[]; latchedSince: string[] },
  who: Who,
): Promise<StepFacts> {
  const within = await designatedPlace(at, row, end, known.places_stamp);
  return {
    nowMs: Date.now(),
    units: row.units,
    plates: [row.tractor_plate, ...(row.trailer_plate === null ? [] : [row.trailer_plate])],
    locks: lockFactsOf(known, within),
    ...(who.read === undefined ? {} : { read: who.read }),
    latchedRules: known.latchedRules,
    latchedSince: known.latchedSince,
    verified: ['verified', 'unlocked'].includes(row.status),
    by: who.by,
  };
}

export async function stepFacts(
  at: Reader,
  row: TripView,
  end: 'origin' | 'destination',
  who: Who,
): Promise<StepFacts> {
  const {
    latched_rules: latchedRules,
    latched_since: latchedSince,
    ...custody
  } = await custodyOf(at.db, row.trip_id, end);
  return factsFrom(at, row, end, { ...custody, latchedRules, latchedSince }, who);
}

export async function lockFacts(at: Reader, row: TripView, end: 'origin' | 'destination'): Promise<LockFacts[]> {
  return (await stepFacts(at, row, end, { by: '' })).locks;
}
