import { describe, expect, it } from 'vitest';
import { csvOf } from '../src/console/csv.ts';
import { readLocks } from '../src/console/lock-file.ts';
import { ageText } from '../src/console/lock-words.ts';
import { dayStartMs, rowsBy, totalOf } from '../src/console/report.ts';
import { draftOf, emptyDraft, routeOf, slugOf, withMoved, withPoint } from '../src/console/route-draft.ts';

describe('a table as CSV', () => {
  const column = { key: 'a', name: '车牌', width: '', text: (x: string) => x };

  it('is read as UTF-8, keeps commas, quotes and line ends inside their cell', () => {
    expect(csvOf([column], ['浙G,1', 'say "no"', 'two\nlines'])).toBe(
      '\uFEFF车牌\r\n"浙G,1"\r\n"say ""no"""\r\n"two\nlines"\r\n',
    );
  });

  it('runs no formula in a spreadsheet', () => {
    expect(csvOf([column], ['=1+1', '@x', '-3.5'])).toBe("\uFEFF车牌\r\n'=1+1\r\n'@x\r\n-3.5\r\n");
  });
});

describe('a file of locks', () => {
  it('is read with or without a heading, a model, quotes and blank lines', () => {
    const locks = [
      { lockId: 'JT70100001', model: 'JT701D' },
      { lockId: 'JT70100002', model: 'JT701D' },
      { lockId: 'JT70100003', model: '' },
    ];
    const text = 'jt70100001 , JT701D\n\n"JT70100002","JT701D"\r\nJT70100003';
    expect(readLocks(text)).toMatchObject({ locks, faults: [] });
    expect(readLocks(`\uFEFFlockId,model\r\n${text}`)).toMatchObject({ locks, faults: [] });
    expect(readLocks(`锁号;型号\n${text.replaceAll(',', ';')}`)).toMatchObject({ locks, faults: [] });
  });

  it('names line, column and value of everything that is wrong with it', () => {
    const text = `lock,model\nJT70100001,a\nJT-1,b\n,c\n\njt70100001\nJT70100002,${'x'.repeat(101)}`;
    expect(readLocks(text).faults).toEqual([
      { line: 3, column: 'lockId', value: 'JT-1', expected: 'lockId' },
      { line: 4, column: 'lockId', value: '', expected: 'lockId' },
      { line: 6, column: 'lockId', value: 'JT70100001', expected: 'once' },
      { line: 7, column: 'model', value: 'x'.repeat(101), expected: 'model' },
    ]);
    expect(readLocks('JT70100001,a\nJT70100002,"b').faults).toEqual([
      { line: 2, column: 'row', value: '', expected: 'quotes' },
    ]);
  });
});

describe('an age', () => {
  it('is shown no finer than it matters', () => {
    const say = (key: string, { n }: Record<string, unknown>) => `${key.slice(6)} ${n ?? ''}`.trim();
    expect(
      [59_000, 3_599_000, 3_600_000, 3 * 86_400_000, Number.POSITIVE_INFINITY].map((ms) => ageText(ms, say)),
    ).toEqual(['minutes 0', 'minutes 59', 'hours 1', 'days 3', 'never']);
  });
});

describe('figures', () => {
  const day = (name: string, office: string, arrived: number) => ({
    ...totalOf([]),
    day: name,
    office,
    arrived,
    gateSeconds: arrived / 2,
  });
  const items = [day('2026-11-20', '3104', 4), day('2026-11-20', '2921', 1), day('2026-11-21', '3104', 2)];

  it('are added up by day, by office, or not at all', () => {
    expect(rowsBy(items, 'day').map((row) => [row.day, row.arrived])).toEqual([
      ['2026-11-20', 5],
      ['2026-11-21', 2],
    ]);
    expect(rowsBy(items, 'office').map((row) => [row.office, row.arrived])).toEqual([
      ['2921', 1],
      ['3104', 6],
    ]);
    expect(rowsBy(items, 'both')).toHaveLength(3);
    expect(totalOf(items).gateSeconds).toBe(3.5);
  });

  it('are asked for by whole days of the viewer, today among them', () => {
    const now = new Date(2026, 2, 30, 14, 5);
    expect(dayStartMs(now.getTime(), 0)).toBe(new Date(2026, 2, 30).getTime());
    // Also where the clocks were changed in between.
    expect(dayStartMs(now.getTime(), 6)).toBe(new Date(2026, 2, 24).getTime());
  });
});

describe('a route being drawn', () => {
  const drawn = [120, 120.1, 120.2].reduce((draft, lon) => withPoint(draft, { lon, lat: 29.3 }), emptyDraft());

  it('becomes a Feature and comes back the same', () => {
    const draft = { ...drawn, name: 'x', legs: [{ fromM: 0, toM: 900, halfWidthM: 80 }] };
    expect(draftOf(routeOf(draft))).toEqual({ ...draft, origin: undefined, destination: undefined });
  });

  it('has one point moved, whichever part it is in, and leaves the draft before as it was', () => {
    const two = {
      ...drawn,
      lines: [
        ...drawn.lines,
        [
          [121, 29],
          [121.1, 29],
        ],
      ],
    };
    const moved = withMoved(two, 3, { lon: 122, lat: 30 });
    expect(moved.lines[1]?.[0]).toEqual([122, 30]);
    expect(moved.lines[0]).toBe(two.lines[0]);
    expect(two.lines[1]?.[0]).toEqual([121, 29]);
  });

  it('gets an id of its name', () => {
    expect(slugOf('Yiwu → Daxie / 2')).toBe('yiwu-daxie-2');
    expect(slugOf('义乌')).toMatch(/^route-[a-z0-9]+$/);
  });
});
