import pMap from 'p-map';
import { compareCode, compareContainer } from '../custody/reading.ts';
import { hasPassed } from '../custody/status.ts';
import { keepApproval } from '../people/approvals.ts';
import type { Principal } from '../people/principal.ts';
import { ApprovalNeeded } from '../people/two-people.ts';
import type { UseCaseDeps } from '../ports.ts';
import { problemOf } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { tripsOfConvoy } from '../store/trips/convoys.ts';
import type { TripView } from '../store/trips/row.ts';
import { afterChange } from './after-change.ts';
import type { ConvoyAnswer, ConvoyAsked } from './convoy-view.ts';
import { afterAct, STEP_ACTS, type StepAct } from './step-list.ts';
import type { StepAsked } from './steps.ts';

/** Boxes that are acted on at the same time; a train of hundreds leaves database connections to other callers. */
const AT_ONCE = 4;

/** After the COMMIT of what changed many trips. */
export const afterConvoy = (deps: UseCaseDeps, rows: TripView[]): Promise<void> =>
  afterChange(deps, ...rows.map((row) => row.trip_id));

/** Of what was read along the train, what belongs to this box, in doubt or not; a train is read without plates. */
function readOf(row: TripView, read: ConvoyAsked['read']): Pick<StepAsked, 'read'> {
  if (read === undefined) return {};
  const own = (list: string[], known: string[], compare = compareCode) =>
    list.filter((code) => known.some((one) => compare(code, one) !== 'different'));
  const { containers, lockIds } = read;
  return {
    read: {
      ...(containers === undefined
        ? {}
        : {
            containers: own(
              containers,
              row.units.map((u) => u.containerNo),
              compareContainer,
            ),
          }),
      ...(lockIds === undefined
        ? {}
        : {
            lockIds: own(
              lockIds,
              row.units.map((u) => u.lockId),
            ),
          }),
    },
  };
}

function strangeIn(rows: TripView[], read: ConvoyAsked['read']): ConvoyAnswer['strange'] {
  const unknown = (list: string[] = [], known: string[], compare = compareCode) =>
    list.filter((code) => known.every((one) => compare(code, one) === 'different'));
  const units = rows.flatMap((row) => row.units);
  return {
    containers: unknown(
      read?.containers,
      units.map((unit) => unit.containerNo),
      compareContainer,
    ),
    lockIds: unknown(
      read?.lockIds,
      units.map((unit) => unit.lockId),
    ),
  };
}

const isDone = (row: TripView, act: StepAct): boolean =>
  act === 'write-off' ? row.written_off_at !== null : hasPassed(row.status, act);

type BoxResult = ConvoyAnswer['items'][number];

async function actOn(
  deps: UseCaseDeps,
  row: TripView,
  act: StepAct,
  caller: Principal,
  asked: ConvoyAsked,
): Promise<BoxResult> {
  const box = {
    tripId: row.trip_id,
    containerNos: row.units.map((unit) => unit.containerNo),
    lockIds: row.units.map((unit) => unit.lockId),
  };
  if (isDone(row, act)) return { ...box, ok: true, already: true, status: row.status, checks: [] };
  try {
    const { read: _, ...common } = asked;
    const acted = await STEP_ACTS[act](deps, row.trip_id, caller, { ...common, ...readOf(row, asked.read) });
    await afterAct(deps, acted);
    return { ...box, ok: true, status: acted.row.status, checks: acted.checks };
  } catch (error) {
    if (error instanceof ApprovalNeeded) {
      const approval = await keepApproval(deps.pool, error);
      return { ...box, ok: false, status: row.status, checks: [], approval };
    }
    const problem = problemOf(error);
    if (problem.statusCode >= 500) throw error;
    const detail = problem.errors?.map(({ path, message }) => `${path}: ${message}`).join('; ') ?? problem.message;
    return { ...box, ok: false, status: row.status, checks: [], problem: { code: problem.code, detail } };
  }
}

/** How many boxes are in each state. */
function countsOf(boxes: { status: string }[]): Record<string, number> {
  const counts = new Map<string, number>();
  for (const { status } of boxes) counts.set(status, (counts.get(status) ?? 0) + 1);
  return Object.fromEntries(counts);
}

/**
 * One act on every box of a train, each in a transaction of its own: what can be done is done, and every box has its
 * result. Asked again it does what is left. A lock that has not confirmed is not waited for here.
 */
export async function runConvoy(
  deps: UseCaseDeps,
  convoyId: string,
  act: StepAct,
  caller: Principal,
  asked: ConvoyAsked,
): Promise<ConvoyAnswer> {
  const rows = await tripsOfConvoy(deps.pool, convoyId);
  const patient = { ...deps, config: { ...deps.config, confirmWithinMs: 0 } };
  const items = await pMap(rows, (row) => actOn(patient, row, act, caller, asked), { concurrency: AT_ONCE });
  const done = items.filter((item) => item.ok).length;
  const answer = { convoyId, act, done, failed: items.length - done, strange: strangeIn(rows, asked.read), items };
  const before = { statuses: countsOf(rows) };
  const after = { done, failed: answer.failed, strange: answer.strange, statuses: countsOf(items) };
  await audit(deps.pool, { actor: caller.name, action: `convoy.${act}`, subject: `convoy:${convoyId}`, before, after });
  return answer;
}
