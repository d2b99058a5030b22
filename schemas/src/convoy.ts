import { z } from 'zod';
import { DeclarationNo, normaliseCode, SlugId, WrittenOfficeCode } from './identifiers.ts';
import { Time } from './report.ts';
import { Takeover, Unit } from './trip.ts';

/** The number of a train, a wagon or a vessel: letters and digits, width and case put right. */
export const CraftNo = z
  .string()
  .transform(normaliseCode)
  .pipe(z.string().regex(/^[A-Z0-9]{1,20}$/, 'expected 1 to 20 letters and digits, e.g. X8065'));

/** A box of a train: a trip of its own. */
export const ConvoyUnit = Unit.extend({
  /** Where it differs from the convoy's: one declaration may cover many boxes (归并申报), and a train many declarations. */
  declarationNo: DeclarationNo.optional(),
  wagonNo: CraftNo.optional(),
});

/** What is posted to declare a whole train at once. */
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
