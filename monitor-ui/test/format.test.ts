import { describe, expect, it } from 'vitest';
import { freshness } from '../src/feed/link.ts';
import { chooseLocale } from '../src/i18n/locale.ts';
import { clockTime, distance, lasting, longDate, percent, seconds, whenTime, zoneName } from '../src/text/format.ts';
import { whereabouts } from '../src/wall/whereabouts.ts';

const NINE = Date.parse('2026-11-21T01:02:03.000Z');

describe('times', () => {
  it('are written in the zone asked for, on 24 hours', () => {
    expect(clockTime(NINE, 'zh-CN', 'Asia/Shanghai')).toBe('09:02:03');
    expect(clockTime(NINE, 'en', 'UTC')).toBe('01:02:03');
    expect(clockTime(Date.parse('2026-11-20T16:00:00.000Z'), 'en', 'Asia/Shanghai')).toBe('00:00:00');
  });

  it('carry the date where it is not today', () => {
    expect(whenTime(NINE, NINE + 60_000, 'zh-CN', 'Asia/Shanghai')).toBe('09:02:03');
    expect(whenTime(NINE, NINE + 24 * 3_600_000, 'zh-CN', 'Asia/Shanghai')).toBe('11/21 09:02:03');
  });

  it('name their zone', () => {
    expect(zoneName('zh-CN', 'Asia/Shanghai')).toBe('GMT+8');
    expect(longDate(NINE, 'zh-CN', 'Asia/Shanghai')).toContain('2026年11月21日');
  });
});

it('writes lengths of time, metres and shares as people read them', () => {
  expect([0, 42_000, 727_000, 11_111_000, -5].map(lasting)).toEqual(['0:00', '0:42', '12:07', '3:05:11', '0:00']);
  expect([86.4, 640, 1_840, 99_960, 229_150].map(distance)).toEqual(['86 m', '640 m', '1.8 km', '100 km', '229 km']);
  expect([7, 240, 12_400].map(seconds)).toEqual(['0.007 s', '0.2 s', '12 s']);
  expect(percent(0.444)).toBe('44%');
});

it('calls a picture stale that nobody has told anything for six seconds, or over a lost connection', () => {
  const live = { phase: 'live', attempt: 0, heardMs: 1_000_000 } as const;
  expect(freshness(live, 1_005_000)).toBe('fresh');
  expect(freshness(live, 1_006_001)).toBe('stale');
  expect(freshness({ ...live, phase: 'lost' }, 1_000_001)).toBe('stale');
  expect(freshness({ phase: 'connecting', attempt: 0 }, 1_000_000)).toBe('stale');
});

it("speaks the browser's first language that is spoken here, Chinese otherwise", () => {
  expect(chooseLocale(['zh-TW', 'en'])).toBe('zh-CN');
  expect(chooseLocale(['de-DE', 'en-GB', 'zh-CN'])).toBe('en');
  expect(chooseLocale(['de-DE'])).toBe('zh-CN');
  expect(chooseLocale(['zh-CN'], 'en')).toBe('en');
});

it('says where a place is from the nearest town', () => {
  const towns = [
    { zh: '绍兴', en: 'Shaoxing', lon: 120.58, lat: 30 },
    { zh: '宁波', en: 'Ningbo', lon: 121.55, lat: 29.88 },
  ];
  const found = whereabouts(towns, { lon: 120.68, lat: 29.9 });
  expect(found?.town.zh).toBe('绍兴');
  expect(found?.direction).toBe('se');
  expect(found?.metres).toBeGreaterThan(14_000);
  expect(found?.metres).toBeLessThan(15_500);
  expect(whereabouts([], { lon: 0, lat: 0 })).toBeUndefined();
});
