import { z } from 'zod';
import { Time } from '../time.ts';
import { Binding } from './people.ts';

export const Subscription = z.object({
  subscriptionId: z.string(),
  url: z.string(),
  types: z.array(z.string()),
  ...Binding,
  state: z.enum(['active', 'disabled']),
  disabledAt: Time.optional(),
  disabledReason: z.string().optional(),
  createdAt: Time,
  createdBy: z.string(),
});
export type Subscription = z.infer<typeof Subscription>;
/** With its secret: once, in the answer to making it or to making a new one. */
export const SubscriptionWithSecret = Subscription.extend({
  secret: z.string(),
  /** Until then the secret before it signs as well. */
  previousUntil: Time.optional(),
});
export type SubscriptionWithSecret = z.infer<typeof SubscriptionWithSecret>;

/** What became of one event for one subscription. */
export const Delivery = z.object({
  deliveryId: z.string(),
  /** The `webhook-id` and the event's `id`. */
  eventId: z.string(),
  type: z.string(),
  tripId: z.string().optional(),
  at: Time,
  state: z.enum(['waiting', 'delivered', 'dead']),
  attempts: z.int(),
  nextAt: Time.optional(),
  lastAttemptAt: Time.optional(),
  lastStatus: z.int().optional(),
  lastError: z.string().optional(),
  endedAt: Time.optional(),
});
export type Delivery = z.infer<typeof Delivery>;
