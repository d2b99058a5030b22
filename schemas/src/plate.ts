import { z } from 'zod';
import { normaliseCode } from './identifiers.ts';

const PROVINCES = '京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼';
/** Letters and digits of mainland plates: I and O are not used. */
const SIGN = '[A-HJ-NP-Z0-9]';
/** GA 36 forms: the last sign names the use (挂 trailer, 学 learner, 警 police, 港 澳 cross-border, 试 test, 超 oversize). */
const FORMS = [
  `[${PROVINCES}][A-HJ-NP-Z]${SIGN}{4}(?:${SIGN}|[挂学警港澳试超临])`,
  // New energy: a letter that names the drive, before or behind the digits.
  `[${PROVINCES}][A-HJ-NP-Z](?:[DABCEFGHJK]${SIGN}\\d{4}|\\d{5}[DABCEFGHJK])`,
  // Temporary plates, the fire and rescue service, consulates, embassies.
  `[${PROVINCES}][A-HJ-NP-Z]${SIGN}{5}临`,
  `[${PROVINCES}][A-HJ-NP-Z]${SIGN}{4}应急`,
  `[${PROVINCES}](?:[A-HJ-NP-Z]\\d{4}|\\d{5})领`,
  `使\\d{6}|\\d{6}使`,
];
const MAINLAND = new RegExp(`^(?:${FORMS.join('|')})$`);
/** Plates of other countries: letters of any script and digits. */
const FOREIGN = /^[\p{L}\p{M}\p{N}]{2,15}$/u;
const HAS_LETTER_AND_DIGIT = /(?=.*\p{L})(?=.*\p{N})/u;
const BEGINS_MAINLAND = new RegExp(`^[${PROVINCES}]`);

export const MAINLAND_EXAMPLES = '浙G12345, 浙G1234挂 or 浙GD12345';

/** A country, ISO 3166-1 alpha-2, e.g. KZ. */
export const CountryCode = z
  .string()
  .trim()
  .toUpperCase()
  .regex(/^[A-Z]{2}$/, 'a country is two letters (ISO 3166), e.g. KZ');

/** `mainland`: a form of GA 36. `foreign`: no such form, but what a plate of another country can be. */
export type PlateVerdict = { form: 'mainland' | 'foreign'; plate: string } | { form: 'none'; expected: string };

/**
 * Reads a plate as people write it: width, case, blanks and dots are made plain.
 * @param country where the vehicle is registered, if known: then only its length and signs are checked
 */
export function readPlate(text: string, country?: string): PlateVerdict {
  const plate = normaliseCode(text);
  if (MAINLAND.test(plate)) return { form: 'mainland', plate };
  const isMistyped = BEGINS_MAINLAND.test(plate) || !HAS_LETTER_AND_DIGIT.test(plate) || plate.length < 4;
  if (FOREIGN.test(plate) && (country !== undefined || !isMistyped)) return { form: 'foreign', plate };
  const expected = `e.g. ${MAINLAND_EXAMPLES}; letters I and O are not used; for a plate of another form give vehicle.plateCountry`;
  return { form: 'none', expected };
}

/** A plate as it is declared: normalised, not yet judged, since that takes the vehicle's country. */
export const WrittenPlate = z.string().min(1).max(40).transform(normaliseCode);

/** The tractor and, if there is one, its trailer. */
export const Vehicle = z
  .object({
    tractorPlate: WrittenPlate,
    trailerPlate: WrittenPlate.optional(),
    /** Where the vehicle is registered; foreign tractors under TIR have plates of their own forms. */
    plateCountry: CountryCode.optional(),
  })
  .superRefine(({ plateCountry, ...plates }, context) => {
    for (const [key, plate] of Object.entries(plates)) {
      if (plate === undefined) continue;
      const read = readPlate(plate, plateCountry);
      if (read.form !== 'none') continue;
      context.addIssue({
        code: 'custom',
        path: [key],
        message: `not a plate: expected ${read.expected}`,
        input: plate,
      });
    }
  });
export type Vehicle = z.infer<typeof Vehicle>;
