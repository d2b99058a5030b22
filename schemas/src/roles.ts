import { z } from 'zod';

/** Who may act. A call that names no role is refused to everyone. */
export const Role = z.enum(['viewer', 'operator', 'supervisor', 'gate', 'tester', 'admin', 'bridge']);
export type Role = z.infer<typeof Role>;

/** Roles of people; a bridge is none. */
export const PersonRole = Role.exclude(['bridge']);
export type PersonRole = z.infer<typeof PersonRole>;
