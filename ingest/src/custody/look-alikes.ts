import { normaliseCode } from '@sealwatch/schemas';

/** Cyrillic letters with the Latin ones that they look like: plates of GOST R 50577 use these twelve, others a few more. */
const CYRILLIC_TWINS = 'АA ВB СC ЕE НH ІI ЈJ КK МM ОO РP ЅS ТT ХX УY';
/** Greek ones, and the Mongolian Ү. */
const OTHER_TWINS = 'ΑA ΒB ΕE ΖZ ΗH ΙI ΚK ΜM ΝN ΟO ΡP ΤT ΥY ΧX ҮY';
const pairsOf = (twins: string) => twins.split(' ').map(([twin = '', latin = '']) => ({ twin, latin }));
const LATIN = new Map(pairsOf(`${CYRILLIC_TWINS} ${OTHER_TWINS}`).map(({ twin, latin }) => [twin, latin]));
const CYRILLIC = new Map(pairsOf(CYRILLIC_TWINS).map(({ twin, latin }) => [latin, twin]));

const mapped = (code: string, table: ReadonlyMap<string, string>): string =>
  [...code].map((char) => table.get(char) ?? char).join('');

/** A code with Cyrillic and Greek letters written as the Latin ones that they look like. */
export const inLatin = (code: string): string => mapped(code, LATIN);

/** The other way round: a Latin code as a Cyrillic plate may have been written. */
export const inCyrillic = (code: string): string => mapped(code, CYRILLIC);

/**
 * Characters that plate cameras take for one another and are sure of. B/8, D/0, 鄂/粤: szad670401/HyperLPR#409 and #262;
 * D/0: liuruoze/EasyPR#81; Z/2: DoubangoTelecom/ultimateALPR-SDK#253; 琼/京: HyperLPR#256; 豫/琼: HyperLPR#295; 苏/鄂: HyperLPR#216;
 * 苏/桂: EasyPR#138; 辽/宁: EasyPR#248. Q/0, S/5 and G/6 differ by one stroke in the letters of GA 36.
 */
const MISREAD = ['B8', 'D0', 'Q0', 'DQ', 'S5', 'Z2', 'G6', '鄂粤', '琼京', '豫琼', '苏鄂', '苏桂', '辽宁'];
const PAIRS = new Set(MISREAD.flatMap((pair) => [pair, [...pair].reverse().join('')]));

/** Whether two plates differ in one character, and that in two characters that cameras take for one another. */
export function isOneLookAlike(read: string, known: string): boolean {
  const [a, b] = [[...inLatin(normaliseCode(read))], [...inLatin(normaliseCode(known))]];
  if (a.length !== b.length) return false;
  const different = a.flatMap((char, i) => (char === b[i] ? [] : [`${char}${b[i] ?? ''}`]));
  return different.length === 1 && PAIRS.has(different[0] ?? '');
}
