import type { Stored } from '@sealwatch/schemas';

/** How a value stands in its column; a column is never NULL, so that the row needs no list of its NULLs. */
export interface Packing {
  /** Undefined: it has no column. */
  type: 'smallint' | 'int' | '"char"' | undefined;
  /** Stands for a value that is absent, or that lies beside. */
  absent: number | string;
  /** A number of one byte, which `"char"` holds, reads and writes as an integer. */
  isByte: boolean;
  /** Undefined where the packed form would not give the value back. */
  pack(value: unknown): number | string | undefined;
  unpack(stored: number | string): unknown;
}

/** Of 32 bits, in a column that has a sign; never absent. */
const UNSIGNED: Packing = {
  type: 'int',
  absent: Number.NaN,
  isByte: false,
  pack: (value) => (value as number) | 0,
  unpack: (stored) => (stored as number) >>> 0,
};

const LEAST = { byte: -128, smallint: -32_768, int: -2_147_483_648 } as const;
/** So many words at most have a letter. */
export const LETTERS = 26;

/** @param words of a field that is stored as a letter */
export function packingOf(stored: Stored, words: readonly unknown[]): Packing {
  switch (stored.as) {
    case 'steps':
      return stepsOf(stored.scale, stored.width);
    case 'letter':
      return lettersOf(words);
    case 'unsigned':
      return UNSIGNED;
    case 'aside':
      return { type: undefined, absent: '', isByte: false, pack: () => undefined, unpack: () => undefined };
  }
}

function stepsOf(scale: number, width: keyof typeof LEAST): Packing {
  const absent = LEAST[width];
  return {
    type: width === 'byte' ? '"char"' : width,
    absent,
    isByte: width === 'byte',
    pack(value) {
      const steps = Math.round((value as number) * scale);
      return Math.abs(steps) < -absent && steps / scale === value ? steps : undefined;
    },
    unpack: (steps) => (steps as number) / scale,
  };
}

function lettersOf(words: readonly unknown[]): Packing {
  const letters = new Map(words.map((word, i) => [word, String.fromCharCode(97 + i)]));
  const meant = new Map([...letters].map(([word, letter]) => [letter, word]));
  return {
    type: '"char"',
    absent: '',
    isByte: false,
    pack: (value) => letters.get(value),
    unpack: (letter) => meant.get(letter as string),
  };
}
