import { Approval, Check, Time, Trip, TripStatus } from '@sealwatch/schemas';
import { z } from 'zod';
import { isoOf } from '../postgres/iso.ts';
import type { ConvoyRow } from '../store/trips/convoys.ts';
import { StepRequest } from './steps.ts';

export const ConvoyHead = z.object({
  convoyId: z.string(),
  convoyNo: z.string(),
  batchNo: z.string().optional(),
  mode: z.string(),
  originOffice: z.string(),
  destinationOffice: z.string(),
  createdAt: Time,
  createdBy: z.string(),
  boxes: z.int(),
  statuses: z.record(z.string(), z.int()),
  reds: z.int(),
});
export const ConvoyView = ConvoyHead.extend({ items: z.array(Trip) });

const BoxResult = z.object({
  tripId: z.string(),
  containerNos: z.array(z.string()),
  lockIds: z.array(z.string()),
  ok: z.boolean(),
  /** It had come that far before. */
  already: z.boolean().optional(),
  status: TripStatus,
  checks: z.array(Check),
  problem: z.object({ code: z.string(), detail: z.string() }).optional(),
  /** The act on this box waits for a second person. */
  approval: Approval.optional(),
});
export const ConvoyAnswer = z.object({
  convoyId: z.string(),
  act: z.string(),
  done: z.int(),
  failed: z.int(),
  /** What was read along the train and belongs to none of its boxes. */
  strange: z.object({ containers: z.array(z.string()), lockIds: z.array(z.string()) }),
  items: z.array(BoxResult),
});
export type ConvoyAnswer = z.output<typeof ConvoyAnswer>;

/** What was read along the whole train, and checks to be waived for every box. */
export const ConvoyRequest = StepRequest.extend({
  read: z
    .object({
      containers: z.array(z.string().max(20)).max(400).optional(),
      lockIds: z.array(z.string().max(20)).max(400).optional(),
    })
    .optional(),
});
export type ConvoyAsked = z.output<typeof ConvoyRequest>;

export function headOf(row: ConvoyRow): z.output<typeof ConvoyHead> {
  return {
    convoyId: row.convoy_id,
    convoyNo: row.convoy_no,
    ...(row.batch_no === null ? {} : { batchNo: row.batch_no }),
    mode: row.mode,
    originOffice: row.origin_office,
    destinationOffice: row.destination_office,
    createdAt: isoOf(row.created_at),
    createdBy: row.created_by,
    boxes: Object.values(row.statuses).reduce((sum, n) => sum + n, 0),
    statuses: row.statuses,
    reds: row.reds,
  };
}
