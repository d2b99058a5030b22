import { normaliseCode } from '@sealwatch/schemas';

/** Characters that cameras and people take for one another: O/0 and I/1. */
const doubtless = (code: string): string => code.replaceAll('O', '0').replaceAll('I', '1');

/**
 * Compares a code as read with a known one, after width, case and separators are normalised.
 * `doubtful`: equal only where O is taken for 0 or I for 1; never to be treated as a silent match.
 */
export function compareCode(read: string, known: string): 'same' | 'doubtful' | 'different' {
  const a = normaliseCode(read);
  const b = normaliseCode(known);
  if (a === b) return 'same';
  return doubtless(a) === doubtless(b) ? 'doubtful' : 'different';
}

/** Both spellings under which a code that was read may be stored: as it is, and with its doubts resolved either way. */
export function spellings(read: string): string[] {
  const code = normaliseCode(read);
  let all = [''];
  for (const char of code) {
    const choices = ['O', '0'].includes(char) ? ['O', '0'] : ['I', '1'].includes(char) ? ['I', '1'] : [char];
    // Six doubtful characters give 64 spellings; more than that is not a reading worth looking up.
    if (all.length * choices.length > 64) return [code];
    all = all.flatMap((stem) => choices.map((choice) => stem + choice));
  }
  return [code, ...all.filter((spelling) => spelling !== code)];
}
