import { containerRemainder } from '@sealwatch/schemas';
import type { Random } from './random.ts';

/** Invented papers of one trip with valid formats and check digits. */
export interface Papers {
  declarationNo: string;
  tractorPlate: string;
  trailerPlate: string;
  containerNo: string;
  mechanicalSealNo: string;
}

// Plates do not use I and O; the letters of a plate's end are few so that they read easily.
const PLATE_LETTERS = [...'ABCDEFGHJKLMNPQRSTUVWXYZ'];
const OWNERS = ['CBHU', 'CSQU', 'MSKU', 'OOLU', 'TGHU', 'TEMU', 'FCIU', 'CAIU'] as const;

const digits = (random: Random, count: number) =>
  Array.from({ length: count }, () => String(random.whole(0, 9))).join('');

/** A container number whose check digit is right and is not 10, which ISO 6346 advises against. */
export function containerNo(random: Random): string {
  for (;;) {
    const stem = random.pick(OWNERS) + digits(random, 6);
    const remainder = containerRemainder(stem);
    if (remainder !== 10) return stem + remainder;
  }
}

/**
 * @param office origin office, 4 digits
 * @param year of the declaration
 */
export function drawPapers(random: Random, office: string, year: number): Papers {
  return {
    declarationNo: `${office}${year}0${digits(random, 9)}`,
    tractorPlate: `浙${random.pick(['G', 'B'])}${random.pick(PLATE_LETTERS)}${digits(random, 4)}`,
    trailerPlate: `浙G${digits(random, 4)}挂`,
    containerNo: containerNo(random),
    mechanicalSealNo: `YW${digits(random, 7)}`,
  };
}
