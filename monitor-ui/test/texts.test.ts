import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AlarmState, PlaceKind, Step, StepName, TripStatus, WALL_STATUS } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import en from '../src/i18n/en.ts';
import zh from '../src/i18n/zh-CN.ts';

type Texts = { [key: string]: string | Texts };

const flat = (texts: Texts, prefix = ''): [string, string][] =>
  Object.entries(texts).flatMap(([key, value]): [string, string][] =>
    typeof value === 'string' ? [[prefix + key, value]] : flat(value, `${prefix}${key}.`),
  );
const chinese = new Map(flat(zh));
const english = new Map(flat(en));
const holes = (text: string | undefined) => [...(text ?? '').matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();

describe('the two languages', () => {
  it('have the same texts, none of them empty', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort());
    for (const text of [...chinese.values(), ...english.values()]) expect(text.trim()).not.toBe('');
  });

  it('have the same blanks to fill in', () => {
    for (const [key, text] of chinese) expect([key, holes(english.get(key))]).toEqual([key, holes(text)]);
  });

  it("use the field's own words for the five steps and the gate", () => {
    expect(StepName.options.map((step) => zh.step[step])).toEqual(['挂锁', '施封', '在途', '验封', '开锁']);
    expect(zh.gate.verdict.release).toBe('放行');
  });

  it('name every value the platform can send', () => {
    for (const [group, values] of [
      ['step', StepName.options],
      ['stepState', Step.shape.state.options],
      ['tripStatus', TripStatus.options],
      ['wallStatus', WALL_STATUS],
      ['alarmState', AlarmState.options],
      ['place', PlaceKind.options],
    ] as const) {
      for (const value of values) expect([...chinese.keys()]).toContain(`${group}.${value}`);
    }
  });

  it('have every text that the screens ask for by name', () => {
    const folder = join(import.meta.dirname, '../src');
    const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.(vue|ts)$/.test(name),
    );
    const asked = sources.flatMap((name) =>
      [...readFileSync(join(folder, name), 'utf8').matchAll(/\bt\('([\w.-]+)'/g)].map((m) => m[1]!),
    );
    expect(asked.length).toBeGreaterThan(50);
    expect(asked.filter((key) => !chinese.has(key))).toEqual([]);
  });
});
