import { readFileSync } from 'node:fs';
import { ContainerNo, containerCode, containerRemainder, DeclarationNo, readContainerNo } from '@sealwatch/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

interface Seen {
  number: string;
  valid: boolean;
  remainder: number | null;
}
const { numbers } = JSON.parse(readFileSync(new URL('./fixtures/container-numbers.json', import.meta.url), 'utf8')) as {
  numbers: Seen[];
};

describe('a container number (ISO 6346)', () => {
  it.each(numbers.filter(({ valid }) => valid))('accepts $number', ({ number, remainder }) => {
    expect(readContainerNo(number)).toMatchObject({ ok: true, containerNo: number });
    expect(containerRemainder(number)).toBe(remainder);
  });

  // The standard knows capital letters only; people write otherwise, so width, case and blanks are put right first.
  const isClean = ({ number }: Seen) => !/[a-z ]/.test(number);

  it.each(numbers.filter((seen) => !seen.valid && isClean(seen)))('refuses $number', ({ number }) => {
    expect(readContainerNo(number).ok).toBe(false);
  });

  it.each([
    ['NyKu3086856', 'NYKU3086856'],
    ['msku6011672', 'MSKU6011672'],
    ['MS KU 601 1672', 'MSKU6011672'],
  ])('reads %s as %s', (written, containerNo) => {
    expect(readContainerNo(written)).toMatchObject({ ok: true, containerNo });
  });

  it('warns of a remainder of 10', () => {
    expect(readContainerNo('TGHU1000050')).toMatchObject({ ok: true, warning: 'remainder-10' });
  });

  it('says which check digit was expected', () => {
    expect(readContainerNo('CSQU3054384')).toMatchObject({
      ok: false,
      reason: 'check-digit',
      expected: 'check digit 3 (ISO 6346)',
    });
  });

  it.each(['CSQU3054383XYZ', 'CSQ3054383', 'CSQX3054383', '', '  '])('refuses %j as to its form', (text) => {
    expect(readContainerNo(text)).toMatchObject({ ok: false, reason: 'form' });
  });

  it('reads full-width, small and separated writing', () => {
    expect(ContainerNo.parse('ｃｓｑｕ 305438-3')).toBe('CSQU3054383');
  });

  it('finds every single wrong digit, but for those that its remainder 10 lets pass', () => {
    const stem = fc.stringMatching(/^[A-Z]{3}U\d{6}$/);
    fc.assert(
      fc.property(stem, fc.integer({ min: 4, max: 9 }), fc.integer({ min: 1, max: 9 }), (good, at, shift) => {
        const bad = good.slice(0, at) + ((Number(good[at]) + shift) % 10) + good.slice(at + 1);
        fc.pre(containerRemainder(good) % 10 !== 0 && containerRemainder(bad) % 10 !== 0);
        expect(containerRemainder(bad)).not.toBe(containerRemainder(good));
      }),
    );
  });
});

describe('a container read with more than its number', () => {
  it.each([
    ['MSKU9070323 22G1', 'MSKU9070323'],
    ['22g1 msku 907032 3', 'MSKU9070323'],
    ['MSKU-907032-[3] 45GP', 'MSKU9070323'],
    ['ＭＳＫＵ９０７０３２３／2210', 'MSKU9070323'],
    ['MSKU9070323XYZ1', 'MSKU9070323XYZ1'],
    ['MSKU9070323 2', 'MSKU90703232'],
  ])('%s is %s', (text, code) => {
    expect(containerCode(text)).toBe(code);
  });

  const separators = fc.stringMatching(/^[ \-./_·|]{0,2}$/);
  const sizeType = fc.stringMatching(/^[1-4L][0-9C-F][GRUPTVB][0-9]$/);
  it('is itself with any size and type code, separator and case', () => {
    const stem = fc.stringMatching(/^[A-Z]{3}[UJZ]\d{6}$/);
    fc.assert(
      fc.property(stem, sizeType, separators, fc.boolean(), fc.boolean(), (owner, type, gap, isBefore, isSmall) => {
        const no = `${owner}${containerRemainder(owner) % 10}`;
        const spaced = `${no.slice(0, 4)}${gap}${no.slice(4, 10)}${gap}${no.slice(10)}`;
        const text = isBefore ? `${type} ${spaced}` : `${spaced} ${type}`;
        expect(readContainerNo(isSmall ? text.toLowerCase() : text)).toMatchObject({ ok: true, containerNo: no });
      }),
    );
  });

  it('may be an ILU code if these are asked for, with the check digit of EN 13044', () => {
    expect(readContainerNo('ATBE 100309-1', { ilu: true })).toMatchObject({ ok: true, kind: 'ilu' });
    expect(readContainerNo('ATBE1003092', { ilu: true })).toMatchObject({ ok: false, expected: /EN 13044/ });
    expect(readContainerNo('ATBE1003091').ok).toBe(false);
  });
});

describe('a declaration number', () => {
  it('accepts office, year, direction and serial', () => {
    expect(DeclarationNo.parse('292120260123456789')).toBe('292120260123456789');
  });

  it.each(['29212026012345678', '292119260123456789', '292120262123456789', 'A92120260123456789'])(
    'refuses %s',
    (no) => {
      expect(DeclarationNo.safeParse(no).success).toBe(false);
    },
  );
});
