import { z } from 'zod';

/** A new password. */
export const Password = z.string().min(12, 'expected at least 12 characters').max(1_000);
