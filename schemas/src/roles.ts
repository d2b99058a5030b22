import { z } from 'zod';

/** Who may act. A call that names no role is refused to everyone. */
export const Role = z.enum(['viewer', 'operator', 'supervisor', 'gate', 'tester', 'admin']);
export type Role = z.infer<typeof Role>;
