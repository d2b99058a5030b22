import { randomUUID } from 'node:crypto';
import { compileRoute } from '@sealwatch/geofence';
import type { ConvoyDeclaration } from '@sealwatch/schemas';
import { freshSteps, takeoverSteps } from '../custody/steps.ts';
import type { Principal } from '../people/principal.ts';
import type { UseCaseDeps } from '../ports.ts';
import { inTransaction } from '../postgres/queryable.ts';
import { type FieldError, requireNone } from '../problem.ts';
import { audit } from '../store/people/audit.ts';
import { insertTrip } from '../store/trips/changes.ts';
import { insertConvoy, tripsOfConvoy } from '../store/trips/convoys.ts';
import type { TripView } from '../store/trips/row.ts';
import { tripOf } from '../store/trips/view.ts';
import { announce } from '../store/webhooks/outbox.ts';
import { afterConvoy } from './convoy-steps.ts';
import { requireMayDeclare, requireParts } from './declare.ts';
import { iluFaults } from './declared-warnings.ts';

/** A container or a lock that stands twice in one train. */
function repeated(units: ConvoyDeclaration['units']): FieldError[] {
  return (['containerNo', 'lockId'] as const).flatMap((key) => {
    const first = new Map<string, number>();
    return units.flatMap((unit, i) => {
      const before = first.get(unit[key]);
      if (before === undefined) {
        first.set(unit[key], i);
        return [];
      }
      const message = `stands in units[${before}] too`;
      return [{ path: `units[${i}].${key}`, message, value: unit[key], expected: 'each once in a train' }];
    });
  });
}

/**
 * Declares a whole train, all of it or nothing: each box is a trip of its own, whose vehicle is the train and the wagon.
 * @throws ApiProblem naming each unit that cannot be declared
 */
export async function declareConvoy(
  deps: UseCaseDeps,
  caller: Principal,
  declared: ConvoyDeclaration,
): Promise<{ convoyId: string; trips: TripView[] }> {
  requireMayDeclare(caller, declared);
  const faults = [...repeated(declared.units), ...iluFaults(declared.mode, declared.units)];
  requireNone('request.invalid', faults.slice(0, 100));
  const convoyId = randomUUID();
  const { units, convoyNo, batchNo, ...common } = declared;
  const trips = await inTransaction(deps.pool, async (db) => {
    const route = await requireParts(db, caller, declared);
    const totalM = compileRoute(route.feature).lengthM;
    await insertConvoy(db, { convoyId, convoyNo, batchNo, by: caller.name, ...common });
    for (const { declarationNo = common.declarationNo, wagonNo, ...unit } of units) {
      await insertTrip(db, {
        tripId: randomUUID(),
        convoyId,
        declaration: {
          ...common,
          declarationNo,
          vehicle: { tractorPlate: convoyNo, trailerPlate: wagonNo },
          units: [unit],
        },
        routeVersion: route.version,
        totalM,
        status: common.takeover === undefined ? 'declared' : 'in-transit',
        steps: common.takeover === undefined ? freshSteps() : takeoverSteps(common.takeover, caller.name),
        by: caller.name,
      });
    }
    const rows = await tripsOfConvoy(db, convoyId);
    for (const row of rows) await announce(db, { type: 'trip.declared', tripId: row.trip_id, data: tripOf(row) });
    const action = common.takeover === undefined ? 'trip.declare' : 'trip.take-over';
    const entries = rows.map((row) => ({
      actor: caller.name,
      action,
      subject: `trip:${row.trip_id}`,
      after: { convoyId, declarationNo: row.declaration_no, units: row.units },
    }));
    const subject = `convoy:${convoyId}`;
    await audit(db, { actor: caller.name, action: 'convoy.declare', subject, after: declared }, ...entries);
    return rows;
  });
  await afterConvoy(deps, trips);
  return { convoyId, trips };
}
