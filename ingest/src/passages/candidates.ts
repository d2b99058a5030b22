import type { PassageQuestion, SealState } from '@sealwatch/schemas';
import { type StepFacts, sealChecks } from '../custody/checks.ts';
import type { GateTrip } from '../custody/gate-facts.ts';
import { gateParamsOf } from '../params/resolve.ts';
import type { UseCaseDeps } from '../ports.ts';
import type { GateCandidate } from '../store/passages/gate.ts';
import { factsFrom, heardMs } from '../trips/step-facts.ts';
import type { Gate } from './passed.ts';
import { readingOf } from './reading.ts';

export interface Weighed {
  row: GateCandidate;
  facts: StepFacts;
}

/** Hung and on its way out of its own origin: it is sealed here, if the checks of sealing hold. */
const sealsHere = (row: GateCandidate, question: PassageQuestion, gate: Gate): boolean =>
  question.direction === 'out' && row.status === 'hung' && isOriginGate(row, gate);

/** A trip goes out at its origin and comes in at its destination; a gate of no office serves every one. */
function belongsHere(row: GateCandidate, { direction }: PassageQuestion, { office }: Gate): boolean {
  return office === undefined || office === (direction === 'out' ? row.origin_office : row.destination_office);
}

export const isOriginGate = (row: GateCandidate, gate: Gate): boolean =>
  gate.office === undefined || gate.office === row.origin_office;

export function gateTripOf({ row, facts }: Weighed, question: PassageQuestion, gate: Gate): GateTrip {
  return {
    tripId: row.trip_id,
    status: row.status,
    risk: row.risk,
    plates: facts.plates,
    units: row.units,
    locks: row.lock_states.map((lock) => {
      const { lockId, retired, report } = lock;
      const sealTimeMs = heardMs(lock);
      const seal = report?.seal as SealState | undefined;
      return { lockId, ...(seal && sealTimeMs !== undefined && !retired ? { seal, sealTimeMs } : {}) };
    }),
    alarms: row.alarms.map(({ phase, ...alarm }) => ({ ...alarm, provisional: phase === 'provisional' })),
    inherited: row.inherited,
    ...(row.taken_over_at === null
      ? {}
      : {
          takenOver: { by: row.taken_over_by ?? '', simulated: row.simulated },
        }),
    ...(belongsHere(row, question, gate) ? {} : { otherOffice: gate.office ?? '' }),
    ...(row.hold_reason === null ? {} : { holdReason: row.hold_reason }),
    writtenOff: row.written_off_at !== null,
    ...(row.departed_at === null ? {} : { departedAtMs: row.departed_at.getTime() }),
    ...(row.time_limit_min === null ? {} : { timeLimitMin: row.time_limit_min }),
    ...(row.gross_weight_kg === null ? {} : { grossWeightKg: row.gross_weight_kg }),
    params: gateParamsOf({ platform: row.platform_params, company: row.company_params }),
    ...(sealsHere(row, question, gate) ? { sealing: sealChecks(facts) } : {}),
  };
}

export async function weigh(
  deps: UseCaseDeps,
  row: GateCandidate,
  question: PassageQuestion,
  by: string,
): Promise<Weighed> {
  const latched = [...row.alarms.filter((a) => a.kind === 'latched'), ...row.inherited];
  const latchedRules = [...new Set(latched.map((a) => a.rule))].sort();
  const end = question.direction === 'out' ? 'origin' : 'destination';
  const at = { pool: deps.pool, db: deps.pool };
  return {
    row,
    facts: await factsFrom(at, row, end, { ...row, latchedRules, latchedSince: [] }, { by, read: readingOf(question) }),
  };
}
