import { z } from 'zod';
import { DeclarationNo, normaliseCode, SlugId, WrittenOfficeCode } from './identifiers.ts';
import { Time } from './time.ts';
import { Takeover, Unit } from './trip.ts';

/** The number of a train, a wagon or a vessel: letters and digits, width and case put right. */
export const CraftNo = z
  .string()
  .transform(normaliseCode)
  .pipe(z.string().regex(/^[A-Z0-9]{1,20}$/, 'expected 1 to 20 letters and digits, e.g. X8065'));

/** One box of a train; it becomes one trip. */
export const ConvoyUnit = Unit.extend({
  /** If it differs from the convoy's. One declaration may cover many boxes (归并申报); a train may have many declarations. */
  declarationNo: DeclarationNo.optional(),
  wagonNo: CraftNo.optional(),
});

/** Body of POST /convoys: declares a whole train. */
export const ConvoyDeclaration = z.object({
  convoyNo: CraftNo,
  /** 批号: the number by which the waybills are pulled. */
  batchNo: z.string().min(1).max(40).optional(),
  mode: z.enum(['road', 'rail', 'barge']).default('rail'),
  declarationNo: DeclarationNo,
  originOffice: WrittenOfficeCode,
  destinationOffice: WrittenOfficeCode,
  routeId: SlugId,
  units: z.array(ConvoyUnit).min(1).max(200),
  plannedDepartureAt: Time.optional(),
  timeLimitMin: z.number().positive().max(527_040).optional(),
  takeover: Takeover.optional(),
});
export type ConvoyDeclaration = z.infer<typeof ConvoyDeclaration>;
