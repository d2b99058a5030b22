import { Report, Time } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import { newCommand } from '../commands/new.ts';
import { requireActing } from '../people/offices.ts';
import { OPERATORS, READERS, SUPERVISORS } from '../people/roles.ts';
import { requireSimulated } from '../people/simulated.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { ApiProblem, notFound } from '../problem.ts';
import { insertCommand } from '../store/locks/commands.ts';
import { getLock, type LockRow } from '../store/locks/locks.ts';
import { audit } from '../store/people/audit.ts';
import { recordsByIdentity } from '../store/reports/identities.ts';
import { newestRefusal } from '../store/reports/refused.ts';
import { lockReports } from '../store/reports/reports.ts';
import { getTrip } from '../store/trips/trips.ts';
import { SEALED_INTERVAL_S } from '../trips/acting.ts';
import { type JgsAsked, requireRole } from './asked.ts';
import {
  intervalOf,
  isPositionKind,
  type PositionIn,
  type PositionOut,
  type PositionResult,
  positionInfoOf,
  positionsOf,
  resultOf,
} from './position.ts';
import { field, list, timeField } from './xml.ts';

const MAX_POSITIONS = 200;
const MAX_LOCKS = 100;

const wrong = (message: string) => new ApiProblem(422, 'request.invalid', message);

/**
 * The time of a record whose message has none that can be read: that of the stored record with its identity if it was
 * sent before, else the receipt time. A back-filled record without its time cannot be placed in a trip.
 */
async function timed(pool: Pool, { lockId, report }: PositionIn): Promise<Record<string, unknown>> {
  if (report.time !== undefined || report.kind === 'backfill') return report;
  const nowMs = Date.now();
  const before = await storedRecord(pool, { lockId, report: { ...report, time: new Date(nowMs).toISOString() } });
  return { ...report, time: new Date(before?.timeMs ?? nowMs).toISOString() };
}

async function storedRecord(pool: Pool, { lockId, report }: Pick<PositionIn, 'lockId' | 'report'>) {
  const read = Report.safeParse(report);
  if (!read.success) return undefined;
  const { boot, seq, time } = read.data;
  const [stored] = await recordsByIdentity(pool, [{ lockId, boot, seq, timeMs: Date.parse(time) }]);
  return stored;
}

/** Gives one record to the intake as if its lock had sent it; answered by what the store holds after the commit (law 1). */
async function take(asked: JgsAsked, position: PositionIn): Promise<PositionResult> {
  const { deps, caller } = asked;
  const { lockId } = position;
  const serialNo = position.report.seq === undefined ? undefined : String(position.report.seq);
  const lock = await getLock(deps.pool, lockId, caller.offices);
  if (lock === undefined || lock.retired_at !== null) {
    return { lockId, serialNo, result: '2', text: 'ESEAL_ID: no registered lock in service that you may see' };
  }
  requireSimulated(caller, lock, `lock ${lockId} is`);
  const report = await timed(deps.pool, position);
  const payload = Buffer.from(JSON.stringify(report));
  await new Promise<void>((resolve, reject) =>
    deps.door.receive(lockId, payload, (error) => (error ? reject(error) : resolve())),
  );
  const refused = await newestRefusal(deps.pool, lockId, payload);
  const stored = refused?.reason === CONFLICT ? undefined : await storedRecord(deps.pool, { lockId, report });
  if (stored === undefined) {
    const why = refused === undefined ? 'not stored' : `${refused.reason}: ${refused.detail}`;
    return { lockId, serialNo, result: '2', text: why };
  }
  const { leftOut } = position;
  const text = leftOut.length === 0 ? undefined : `left out, cannot be read: ${leftOut.join(', ')}`;
  return { lockId, serialNo, result: '1', text };
}

/** The intake's word for an identity that is stored with another body. */
const CONFLICT = 'identity-conflict';

async function commandOne(asked: JgsAsked, lockId: string, intervalS: number): Promise<PositionResult> {
  return inTransaction(asked.deps.pool, (db) => command(asked, db, lockId, { type: 'interval', intervalS }));
}

async function command(
  { deps, caller }: JgsAsked,
  db: Parameters<typeof insertCommand>[0],
  lockId: string,
  given: { type: 'interval' | 'locate'; intervalS?: number },
): Promise<PositionResult> {
  const lock = await getLock(db, lockId, caller.offices);
  if (lock === undefined || lock.retired_at !== null) throw notFound('lock', lockId);
  requireSimulated(caller, lock, 'this lock is');
  const trip = lock.trip_id === null ? undefined : await getTrip(db, lock.trip_id, caller.offices);
  if (trip !== undefined) requireActing(caller, trip);
  const command = await insertCommand(db, newCommand({ lockId, tripId: trip?.trip_id, by: caller.name, ...given }));
  const after = { commandId: command.command_id, ...given };
  await audit(db, { actor: caller.name, action: 'lock.command', subject: `lock:${lockId}`, after });
  await deps.hints.publish({ hint: 'commands', lockIds: [lockId] });
  return { lockId, result: '0', text: command.command_id };
}

/** POSITION_INFO: records of another platform's service (1, 2, 3), or a command to a lock (4); answered by a result (5). */
export async function positionInfo(asked: JgsAsked): Promise<string> {
  const { node, caller } = asked;
  const kind = field(node, 'MESSAGE_TYPE');
  if (kind === '4') {
    requireRole(caller, OPERATORS);
    const intervalS = intervalOf(field(node, 'COMMAND'), SEALED_INTERVAL_S);
    if (intervalS === undefined || intervalS < 5) throw wrong('COMMAND: expected X0005 to X9999, or 0000');
    return resultOf([await commandOne(asked, field(node, 'ESEAL_ID') ?? '', intervalS)]);
  }
  if (!isPositionKind(kind)) throw wrong('MESSAGE_TYPE: expected 1, 2, 3 or 4');
  // Who may speak for a lock without its secret is a matter of trust, like registering it.
  requireRole(caller, SUPERVISORS);
  const records = positionsOf(node, kind);
  if (records.length === 0 || records.length > MAX_POSITIONS) throw wrong(`POSITION: expected 1 to ${MAX_POSITIONS}`);
  return resultOf(await Promise.all(records.map((record) => take(asked, record))));
}

function newestOf(lock: LockRow): PositionOut[] {
  const fix = lock.last_fix as { boot: number; seq: number; time: string; position?: PositionOut } | null;
  if (fix?.position === undefined) return [];
  const { lon, lat, speedKmh, headingDeg } = fix.position;
  const seal = lock.last_report?.seal as { motor?: string } | undefined;
  const battery = lock.last_report?.battery as { percent?: number } | undefined;
  return [
    {
      lockId: lock.lock_id,
      boot: fix.boot,
      seq: fix.seq,
      timeMs: Date.parse(fix.time),
      lon,
      lat,
      speedKmh,
      headingDeg,
      locked: seal === undefined ? undefined : seal.motor === 'locked',
      percent: battery?.percent,
    },
  ];
}

async function stored(asked: JgsAsked, lockId: string): Promise<PositionOut[]> {
  const [from, to] = ['BEGIN_TIME', 'END_TIME'].map((name) =>
    Date.parse(Time.safeParse(timeField(asked.node, name)).data ?? ''),
  );
  if (from === undefined || to === undefined || Number.isNaN(from) || Number.isNaN(to) || from > to) {
    throw wrong('BEGIN_TIME, END_TIME: expected two times in order');
  }
  const records = await lockReports(asked.deps.pool, {
    lockId,
    fromMs: from,
    toMs: to,
    offices: asked.caller.offices,
    limit: 500,
  });
  return records.slice(0, 500).flatMap((record) =>
    record.position === undefined
      ? []
      : [
          {
            lockId,
            boot: record.boot,
            seq: record.seq,
            timeMs: record.timeMs,
            lon: record.position.lon,
            lat: record.position.lat,
            speedKmh: record.position.speedKmh,
            headingDeg: record.position.headingDeg,
            locked: record.seal === undefined ? undefined : record.seal.motor === 'locked',
            percent: record.battery?.percent,
          },
        ],
  );
}

/** POSITION_QUERY: where locks are (1), a roll-call that asks them now (2), or what is stored between two times (3). */
export async function positionQuery(asked: JgsAsked): Promise<string> {
  const { deps, caller, node } = asked;
  const kind = field(node, 'MESSAGE_TYPE');
  const lockIds = list(field(node, 'ESEAL_ID')).filter((id) => id !== '');
  if (!isPositionKind(kind)) throw wrong('MESSAGE_TYPE: expected 1, 2 or 3');
  if (lockIds.length === 0 || lockIds.length > MAX_LOCKS) throw wrong(`ESEAL_ID: expected 1 to ${MAX_LOCKS}`);
  requireRole(caller, kind === '2' ? OPERATORS : READERS);
  const positions: PositionOut[] = [];
  const results: PositionResult[] = [];
  for (const lockId of lockIds) {
    const lock = await getLock(deps.pool, lockId, caller.offices);
    if (lock === undefined) throw notFound('lock', lockId);
    if (kind === '2')
      results.push(await inTransaction(deps.pool, (db) => command(asked, db, lockId, { type: 'locate' })));
    else positions.push(...(kind === '1' ? newestOf(lock) : await stored(asked, lockId)));
  }
  return kind === '2' ? resultOf(results) : positionInfoOf(kind, positions);
}
