import { readPlate, Vehicle } from '@sealwatch/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

describe('a mainland plate', () => {
  it.each([
    ...['浙G12345', '浙G1234挂', '浙GD12345', '浙G12345D', '粤ZA123港', '粤ZA123澳', '京A1234警', '浙G1234学'],
    ...[
      '浙B1234超',
      '浙G0123试',
      '闽20401领',
      '沪A0023领',
      '014578使',
      '使014578',
      '浙S1234应急',
      '浙G1234临',
      '浙G12345临',
    ],
    ...['沪AE22075', '京AA12345', '粤ZF023港'],
  ])('%s is one', (plate) => {
    expect(readPlate(plate)).toEqual({ form: 'mainland', plate });
  });

  it.each(['浙GO2345', '浙GI2345', '浙G1234', '浙G123456', '浙GL12345', 'XYZ', '12345', '', '?!'])(
    '%j is none',
    (plate) => {
      expect(readPlate(plate)).toMatchObject({ form: 'none', expected: /plateCountry/ });
    },
  );

  it('is read in full-width and small letters with the dot between its parts', () => {
    expect(readPlate('浙ｇ·12345')).toMatchObject({ form: 'mainland', plate: '浙G12345' });
  });
});

describe('a foreign plate', () => {
  it.each([
    ['123 ABC 02', '123ABC02'],
    ['а123вс77', 'А123ВС77'],
    ['УН 8345', 'УН8345'],
    ['G12345', 'G12345'],
  ])('%s is one', (text, plate) => {
    expect(readPlate(text)).toEqual({ form: 'foreign', plate });
  });

  it('is of any form in a named country', () => {
    for (const tractorPlate of ['12345', '浙GO2345']) {
      expect(Vehicle.safeParse({ tractorPlate }).success).toBe(false);
      expect(Vehicle.parse({ tractorPlate, plateCountry: 'kz' })).toEqual({ tractorPlate, plateCountry: 'KZ' });
    }
    expect(Vehicle.safeParse({ tractorPlate: '12345', plateCountry: 'KAZ' }).success).toBe(false);
  });
});

it('width, case, blanks, dots and dashes do not change what is read', () => {
  const plate = fc.constantFrom('浙G12345', '浙B1234超', '123ABC02', 'А123ВС77', '闽20401领');
  const wide = (char: string) => (/[!-~]/.test(char) ? String.fromCharCode(char.charCodeAt(0) + 0xfee0) : char);
  const writing = fc.array(fc.tuple(fc.constantFrom('', ' ', '·', '-', '.', '•'), fc.boolean(), fc.boolean()), {
    minLength: 8,
    maxLength: 8,
  });
  fc.assert(
    fc.property(plate, writing, (known, how) => {
      const text = [...known].map((char, i) => {
        const [gap, isWide, isSmall] = how[i] ?? ['', false, false];
        const cased = isSmall ? char.toLowerCase() : char;
        return `${isWide ? wide(cased) : cased}${gap}`;
      });
      expect(readPlate(text.join(''))).toEqual(readPlate(known));
    }),
  );
});
