import { containerCode, normaliseCode } from '@sealwatch/schemas';
import { inCyrillic, inLatin } from './look-alikes.ts';

/** Characters that cameras and people take for one another: O/0, I/1, and letters that two scripts share. */
const doubtless = (code: string): string => inLatin(code).replaceAll('O', '0').replaceAll('I', '1');

export type Likeness = 'same' | 'doubtful' | 'different';

/**
 * Compares a code as read with a known one, after width, case and separators are normalised.
 * `doubtful`: equal only if O is taken for 0, I for 1, or a Cyrillic letter for its Latin twin; never a silent match.
 */
export function compareCode(read: string, known: string): Likeness {
  const a = normaliseCode(read);
  const b = normaliseCode(known);
  if (a === b) return 'same';
  return doubtless(a) === doubtless(b) ? 'doubtful' : 'different';
}

/** The same of a container's number, which may have been read together with its size and type code. */
export const compareContainer = (read: string, known: string): Likeness => compareCode(containerCode(read), known);

/** Six doubtful characters give 64 spellings; more than that is not a reading worth looking up. */
const MOST_SPELLINGS = 64;

function resolved(code: string): string[] {
  let all = [''];
  for (const char of code) {
    const choices = ['O', '0'].includes(char) ? ['O', '0'] : ['I', '1'].includes(char) ? ['I', '1'] : [char];
    if (all.length * choices.length > MOST_SPELLINGS) return [code];
    all = all.flatMap((stem) => choices.map((choice) => stem + choice));
  }
  return all;
}

/**
 * Spellings under which a code that was read may be stored: as it is, and with its doubts resolved either way; a code without
 * Chinese characters in Latin and in Cyrillic letters.
 */
export function spellings(read: string): string[] {
  const code = normaliseCode(read);
  const latin = inLatin(code);
  const stored = resolved(latin);
  const cyrillic = /\p{sc=Han}/u.test(code) ? [] : stored.map(inCyrillic);
  return [...new Set([code, ...stored, ...cyrillic])];
}
