import { z } from 'zod';

/**
 * How the store packs a field of a report. A value that the packed form would not give back exactly is kept beside it, as it
 * was sent. A field without this has a column of a type that holds every value of its schema.
 */
export type Stored =
  /** A number, as a whole number of 1/`scale`, in a column of this width. */
  | { as: 'steps'; scale: number; width: 'byte' | 'smallint' | 'int' }
  /** One of the words of an enum or a boolean, as one letter: the first word is `a`. New words come last. */
  | { as: 'letter' }
  /** A required whole number below 2^32: in an int column, which has a sign, by its 32 bits. */
  | { as: 'unsigned' }
  /** Without a column: of the few records that have it, it lies beside. */
  | { as: 'aside' };

export const Stored = z.registry<Stored>();

/** @param scale steps in one unit */
export const steps = (scale: number, width: 'byte' | 'smallint' | 'int'): Stored => ({ as: 'steps', scale, width });
export const LETTER: Stored = { as: 'letter' };
export const UNSIGNED: Stored = { as: 'unsigned' };
export const ASIDE: Stored = { as: 'aside' };
