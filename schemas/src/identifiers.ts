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

const LETTER_VALUES = new Map<string, number>(
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
    sum += (LETTER_VALUES.get(char) ?? Number(char)) * 2 ** i;
  }
  return sum % 11;
}

export type ContainerVerdict =
  | { ok: true; containerNo: string; kind: 'iso' | 'ilu'; warning?: 'remainder-10' }
  | { ok: false; reason: 'form' | 'check-digit'; expected: string };

/** ISO 6346 size and type, e.g. 22G1, 45R1, L5G1, 2210: it stands below the number on the door. */
const SIZE_TYPE = '[1-4A-HKLMNP][0-9C-FLMN][A-Z0-9]{2}';
/** The size and type code on either side of what has the length of a number. */
const WITH_SIZE_TYPE = new RegExp(`^(?:${SIZE_TYPE}([A-Z]{4}\\d{7})|([A-Z]{4}\\d{7})${SIZE_TYPE})$`);

/**
 * A container number as cameras and people write it, made plain: width, case, blanks, separators and the frame around the
 * check digit go, and so does a size and type code on either side. The number itself is not judged.
 */
export function containerCode(text: string): string {
  const code = normaliseCode(text.replace(/[()[\]|,;:'"]/g, ''));
  const [, behind, before] = WITH_SIZE_TYPE.exec(code) ?? [];
  return behind ?? before ?? code;
}

/**
 * Reads a container number (ISO 6346) as people and cameras write it.
 * @param options `ilu`: codes of swap bodies and semi-trailers on rail (EN 13044) are read too; they have other fourth
 * letters and the same check digit
 */
export function readContainerNo(text: string, options: { ilu?: boolean } = {}): ContainerVerdict {
  const containerNo = containerCode(text);
  const isIso = /^[A-Z]{3}[UJZ]\d{7}$/.test(containerNo);
  if (!isIso && !(options.ilu && /^[A-Z]{4}\d{7}$/.test(containerNo))) {
    return { ok: false, reason: 'form', expected: 'three owner letters, U, J or Z, six digits and a check digit' };
  }
  const remainder = containerRemainder(containerNo);
  if (remainder % 10 !== Number(containerNo[10])) {
    const standard = isIso ? 'ISO 6346' : 'EN 13044';
    return { ok: false, reason: 'check-digit', expected: `check digit ${remainder % 10} (${standard})` };
  }
  const kind = isIso ? 'iso' : 'ilu';
  return remainder === 10 ? { ok: true, containerNo, kind, warning: 'remainder-10' } : { ok: true, containerNo, kind };
}

/** A container number or ILU code, normalised; a wrong check digit is refused and the message names the right one. */
export const ContainerNo = z.string().transform((text, context) => {
  const read = readContainerNo(text, { ilu: true });
  if (read.ok) return read.containerNo;
  context.addIssue({ code: 'custom', message: `not a container number: expected ${read.expected}`, input: text });
  return z.NEVER;
});

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
