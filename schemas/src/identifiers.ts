import { z } from 'zod';

/** A lock's identity; also its MQTT client id and user name. */
export const LockId = z
  .string()
  .regex(/^[A-Z0-9]{6,20}$/, 'a lock id is 6 to 20 capital letters and digits, e.g. JT70100001');

/** An id chosen by the caller for a route, a place or a gate; it is part of URLs. */
export const SlugId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'an id is 1 to 64 letters, digits, dots, dashes or underscores');

export const Uuid = z.uuid();

/** Full-width letters and digits become half-width, letters capital, blanks and separators go. */
export function normaliseCode(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[\s·•.\-_/]/g, '');
}

const LETTER_VALUES: Record<string, number> = Object.fromEntries(
  // ISO 6346: A = 10, then upwards, skipping the multiples of 11.
  [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].map((letter, index) => [letter, 10 + index + Math.floor((index + 9) / 10)]),
);

/**
 * The check digit of ISO 6346 over the first ten characters.
 * @param stem owner code, category and six digits, e.g. `CSQU305438`
 * @returns 0–10, where 10 is printed as 0; ISO 6346 advises owners not to use such numbers
 */
export function containerRemainder(stem: string): number {
  let sum = 0;
  for (let i = 0; i < 10; i++) {
    const char = stem[i] ?? '';
    sum += (LETTER_VALUES[char] ?? Number(char)) * 2 ** i;
  }
  return sum % 11;
}

export type ContainerVerdict =
  | { ok: true; containerNo: string; warning?: 'remainder-10' }
  | { ok: false; reason: 'form' | 'check-digit'; expected: string };

/** Reads a container number as people and cameras write it. */
export function readContainerNo(text: string): ContainerVerdict {
  const containerNo = normaliseCode(text);
  if (!/^[A-Z]{3}[UJZ]\d{7}$/.test(containerNo)) {
    return { ok: false, reason: 'form', expected: 'three owner letters, U, J or Z, six digits and a check digit' };
  }
  const remainder = containerRemainder(containerNo);
  if (remainder % 10 !== Number(containerNo[10])) {
    return { ok: false, reason: 'check-digit', expected: `check digit ${remainder % 10} (ISO 6346)` };
  }
  return remainder === 10 ? { ok: true, containerNo, warning: 'remainder-10' } : { ok: true, containerNo };
}

/** A container number, normalised; a wrong check digit is refused and the message names the right one. */
export const ContainerNo = z.string().transform((text, context) => {
  const read = readContainerNo(text);
  if (read.ok) return read.containerNo;
  context.addIssue({ code: 'custom', message: `not a container number: expected ${read.expected}`, input: text });
  return z.NEVER;
});

const PROVINCES = '京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼';
const PLATE = new RegExp(
  `^[${PROVINCES}][A-HJ-NP-Z](?:[A-HJ-NP-Z0-9]{4}[A-HJ-NP-Z0-9挂学警港澳]|[DABCEFGHJK][A-HJ-NP-Z0-9]\\d{4}|\\d{5}[DABCEFGHJK])$`,
);

/** A mainland Chinese plate (GA 36 form), new-energy, trailer (挂) and HK / MO cross-border plates included. */
export const Plate = z
  .string()
  .transform(normaliseCode)
  .pipe(
    z
      .string()
      .regex(PLATE, 'not a plate: expected e.g. 浙G12345, 浙G1234挂 or 浙GD12345; letters I and O are not used'),
  );

/** 18 digits: office (4), year (4), 1 import or 0 export, serial (9). */
export const DeclarationNo = z
  .string()
  .transform(normaliseCode)
  .pipe(
    z
      .string()
      .regex(
        /^\d{4}20\d{2}[01]\d{9}$/,
        'not a declaration number: expected office(4) year(4) 1|0 serial(9), 18 digits',
      ),
  );

/** A customs office's four-digit code, e.g. 2921 义乌. */
export const OfficeCode = z.string().regex(/^\d{4}$/, 'an office code is four digits, e.g. 2921; O and I are letters');

/** An office code as people write it: full-width digits and blanks are made plain. */
export const WrittenOfficeCode = z.string().transform(normaliseCode).pipe(OfficeCode);
