import { z } from 'zod';

/** Somebody whom another office can call (互设联络员). */
export const Contact = z.object({
  name: z.string().trim().min(1).max(100),
  phone: z.string().trim().min(1).max(50),
  /** When to call, or what for, e.g. `night shift`. */
  duty: z.string().trim().max(200).optional(),
});
export type Contact = z.infer<typeof Contact>;

/** The contacts of an office, in the order in which they are called. */
export const OfficeContacts = z.object({ office: z.string(), contacts: z.array(Contact).max(20) });
export type OfficeContacts = z.infer<typeof OfficeContacts>;
