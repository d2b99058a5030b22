import { z } from 'zod';

/** Names under which the platform itself and its locks appear in the audit. */
const OWN_NAMES = new Set(['bootstrap', 'command line', 'identity provider', 'lock', 'nobody', 'platform', 'system']);

/** What stands before the colon in the names of keys, gates and subjects. */
const OWN_PREFIXES = new Set(['gate', 'key', 'lock', 'person', 'platform', 'system']);

/** Letters that look alike are read alike: full-width ones, capitals, and blanks or signs between words. */
const plain = (name: string): string =>
  name
    .normalize('NFKC')
    .toLowerCase()
    .replaceAll(/[\s_\-\p{Cf}]+/gu, ' ')
    .trim();

function isFree(name: string): boolean {
  const read = plain(name);
  const colon = read.indexOf(':');
  return !OWN_NAMES.has(read) && !(colon >= 0 && OWN_PREFIXES.has(read.slice(0, colon).trim()));
}

const RESERVED = 'expected a name that is not one of the platform’s own, e.g. not system, lock or gate:1';

/** The audit prefixes the name of a key with `key:` and that of a gate with `gate:`, so that no person can look like one. */
export const PersonName = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}:]+$/u, 'a name has no colon and no control characters')
  .refine(isFree, RESERVED);

/** A label; it may be empty, and several keys may have the same. */
export const KeyName = z
  .string()
  .trim()
  .max(100)
  .regex(/^\P{Cc}*$/u, 'a name has no control characters')
  .refine(isFree, RESERVED);
