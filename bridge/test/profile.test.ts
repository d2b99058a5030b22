import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ProfileError, readProfile } from '../src/index.ts';
import { PROFILES } from './profiles.ts';

const text = readFileSync(join(import.meta.dirname, '../profiles/jointech-709.yaml'), 'utf8');
const refusal = (changed: string): string => {
  try {
    readProfile(changed, 'mine.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(ProfileError);
    return (error as Error).message;
  }
  return 'taken';
};

describe('a profile', () => {
  it('comes with the bridge for each of nine models, named like its file', () => {
    expect([...PROFILES.keys()].sort()).toEqual([
      'jointech-701',
      'jointech-701d',
      'jointech-705a',
      'jointech-707',
      'jointech-709',
      'jt808',
      'jt808-g360p',
      'jt808-hhd',
      'jt808-huabao',
    ]);
  });

  it.each([
    ['"+00:00"', '"GMT+8"', 'timeZone = "GMT+8"', '+08:00'],
    ['D4:', '"D4 ":', 'tags.D4 ', 'hexadecimal'],
    ['is: pulled', 'is: broken', 'seal.rope.0.is = "broken"', 'inserted'],
    ['bit: 20', 'bit: 32', 'seal.rope.0.when.bit = 32', '31'],
    ['word: status, bit: 20', 'word: status, tag: DA, bit: 20', 'seal.rope.0.when', 'either word or tag'],
    ['version: 1', 'version: 1\ncolour: red', 'profile', 'colour'],
    ['family: jt808', 'family: gt06', 'family = "gt06"', 'jointech'],
    ['awakeS: 30', 'awakeS: 0', 'intervals.awakeS = 0', '1'],
    ['openingProof: [0B, state]', 'openingProof: []', 'openingProof = []', '1'],
  ])('with %s changed to %s is refused with the field, the value and what was expected', (from, to, field, wanted) => {
    const message = refusal(text.replace(from, to));
    expect(message).toContain(`mine.yaml: ${field}`);
    expect(message).toContain(wanted);
  });

  it('that is no YAML, or nothing, is refused', () => {
    expect(refusal('a: [')).toContain('mine.yaml: not YAML');
    expect(refusal('')).toContain('mine.yaml');
  });

  it('of another model of a known family is data alone', () => {
    const mine = readProfile(text.replaceAll('jointech-709', 'my-lock').replace('bit: 20', 'bit: 22'), 'my.yaml');
    expect(mine.seal.rope?.[0]).toMatchObject({ when: { bit: 22 }, is: 'pulled' });
  });
});
