import { describe, expect, it } from 'vitest';
import { compileRoute, DEFAULT_ROUTE_PARAMS, type JudgedFix, judge, startRoute } from '../src/index.ts';
import { changesOf, drive } from './drive.ts';
import { routeOf } from './traces.ts';

// 100 km due east along a parallel; 0.001° of latitude is 111 m.
const line: [number, number][] = Array.from({ length: 105 }, (_, i) => [120 + i * 0.01, 30]);
const corridor = compileRoute(routeOf(line, { halfWidthM: 200 }));

/** A fix `second` s into the trip at 72 km/h, `besideM` north of the route. */
function at(second: number, besideM: number, more: Partial<JudgedFix> = {}): JudgedFix {
  return {
    lockId: 'LOCK01',
    boot: 1,
    seq: second,
    timeMs: second * 1000,
    lon: 120.01 + (second * 20) / 96_300,
    lat: 30 + besideM / 111_195,
    source: 'gnss',
    ...more,
  };
}

/** [second, metres beside] with consecutive numbers unless given. */
type Row = [second: number, besideM: number, more?: Partial<JudgedFix>];
const rows = (list: Row[]) =>
  drive(
    corridor,
    list.map(([second, m, more], i) => at(second, m, { seq: i + 1, ...more })),
  );
const told = (list: Row[]) => rows(list).changes.map((c) => `${c.timeMs / 1000} ${c.change}`);

describe('route deviation, a table of time, metres beside the route, and what is said', () => {
  const cases: [name: string, list: Row[], expected: string[]][] = [
    [
      'stays',
      [
        [0, 0],
        [30, 150],
        [60, -199],
        [90, 10],
      ],
      [],
    ],
    [
      'leaves: provisional at once, confirmed by the second fix, returned',
      [
        [0, 0],
        [30, 300],
        [60, 400],
        [90, 20],
      ],
      ['30 provisional', '60 confirmed', '90 returned'],
    ],
    [
      'a single glitch returns',
      [
        [0, 0],
        [30, 260],
        [60, 10],
        [90, 5],
      ],
      ['30 provisional', '60 glitch'],
    ],
    [
      'two glitches a minute apart are a pair',
      [
        [0, 0],
        [30, 260],
        [60, 10],
        [90, 260],
      ],
      ['30 provisional', '60 glitch', '90 provisional', '90 confirmed'],
    ],
    [
      'two glitches farther apart are not',
      [
        [0, 0],
        [30, 260],
        [60, 10],
        [120, 260],
        [150, 0],
      ],
      ['30 provisional', '60 glitch', '120 provisional', '150 glitch'],
    ],
    [
      'two fixes 3 s apart are one observation',
      [
        [0, 0],
        [30, 260],
        [33, 260],
        [60, 0],
      ],
      ['30 provisional', '60 glitch'],
    ],
    [
      'just beyond the edge a run of error is no pair until 20 s have passed',
      [
        [0, 0],
        [5, 215],
        [10, 220],
        [15, 225],
        [20, 230],
        [25, 235],
        [30, 0],
      ],
      ['5 provisional', '25 confirmed', '30 returned'],
    ],
    [
      '40 m deep the second fix confirms at once',
      [
        [0, 0],
        [5, 215],
        [10, 245],
      ],
      ['5 provisional', '10 confirmed'],
    ],
    [
      'less deep the second time, within 20 s: error that dies away',
      [
        [0, 0],
        [5, 310],
        [10, 230],
        [15, 0],
      ],
      ['5 provisional', '15 glitch'],
    ],
    [
      'unless the first was deeper than error goes',
      [
        [0, 0],
        [5, 330],
        [10, 230],
        [15, 0],
      ],
      ['5 provisional', '10 confirmed', '15 returned'],
    ],
    [
      'two shallow glitches with a good fix between are none',
      [
        [0, 0],
        [10, 215],
        [20, 0],
        [30, 235],
        [40, 0],
      ],
      ['10 provisional', '20 glitch', '30 provisional', '40 glitch'],
    ],
    [
      'shallow is outside, too, when it lasts: two records in a row, half a minute apart',
      [
        [0, 0],
        [30, 215],
        [60, 210],
      ],
      ['30 provisional', '60 confirmed'],
    ],
    [
      'shallow with a record missing between waits for it, or for the next two',
      [
        [0, 0],
        [30, 215],
        [60, 215, { seq: 4 }],
        [90, 215, { seq: 5 }],
      ],
      ['30 provisional', '90 confirmed'],
    ],
    [
      'consecutive records half an hour apart confirm',
      [
        [0, 0],
        [1_800, 300],
        [3_600, 300],
      ],
      ['1800 provisional', '3600 confirmed'],
    ],
    [
      'records missing between: provisional until a third settles it',
      [
        [0, 0],
        [30, 300],
        [330, 300, { seq: 9 }],
        [360, 300, { seq: 10 }],
      ],
      ['30 provisional', '360 confirmed'],
    ],
    [
      'back needs 80 % of the width',
      [
        [0, 0],
        [30, 300],
        [60, 300],
        [90, 190],
        [120, 159],
      ],
      ['30 provisional', '60 confirmed', '120 returned'],
    ],
    [
      'accuracy widens the corridor',
      [
        [0, 0],
        [30, 290, { accuracyM: 100 }],
        [60, 290, { accuracyM: 100 }],
      ],
      [],
    ],
    [
      'by 150 m at most',
      [
        [0, 0],
        [30, 360, { accuracyM: 155 }],
        [60, 360, { accuracyM: 155 }],
      ],
      ['30 provisional', '60 confirmed'],
    ],
    [
      'a fix that admits an error as far as the corridor proves nothing, however often it is repeated',
      [
        [0, 0],
        [30, 600, { accuracyM: 2_200 }],
        [60, 600, { accuracyM: 2_200 }],
        [90, 600, { accuracyM: 2_200 }],
      ],
      ['30 provisional'],
    ],
    [
      'the same place again, while the receiver says that it moves, is no second fix',
      [
        [0, 0],
        [30, 600, { speedKmh: 60, lon: 120.3 }],
        [60, 600, { speedKmh: 60, lon: 120.3 }],
        [90, 600, { speedKmh: 60, lon: 120.3 }],
      ],
      ['30 provisional'],
    ],
    [
      'out again within a minute of the return is another excursion, confirmed at once by the fix before the return',
      [
        [0, 0],
        [30, 300],
        [60, 300],
        [90, 0],
        [110, 300],
        [140, 0],
      ],
      ['30 provisional', '60 confirmed', '90 returned', '110 provisional', '110 confirmed', '140 returned'],
    ],
    [
      'the first fix of a trip outside, and the second',
      [
        [0, 300],
        [30, 300],
        [60, 0],
      ],
      ['0 provisional', '30 confirmed', '60 returned'],
    ],
    [
      '9 km aside within 10 s and back is no drive, and stays provisional',
      [
        [0, 0],
        [10, 9_000],
        [20, 9_000],
        [30, 0],
      ],
      ['10 provisional', '30 glitch'],
    ],
    [
      'nor is 60 km from side to side in 10 s',
      [
        [0, 0],
        [10, 30_000],
        [20, -30_000],
      ],
      ['10 provisional'],
    ],
    [
      'one fix far away returns like every glitch',
      [
        [0, 0],
        [30, 9_000],
        [60, 0],
        [90, 0],
      ],
      ['30 provisional', '60 glitch'],
    ],
    [
      'two fixes 40 km away between which and the road nothing can have driven are no proof',
      [
        [0, 0],
        [30, 40_000],
        [60, 40_000],
        [70, 0],
      ],
      ['30 provisional', '70 glitch'],
    ],
    [
      'two fixes 40 km away are proof as soon as a fix shows the drive back',
      [
        [0, 0],
        [30, 40_000],
        [60, 40_000],
        [960, 0],
      ],
      ['30 provisional', '960 confirmed', '960 returned'],
    ],
    [
      'five minutes of fixes 40 km away are proof also without any drive',
      Array.from({ length: 12 }, (_, i) => [i * 30, i === 0 ? 0 : 40_000] as [number, number]),
      ['30 provisional', '330 confirmed'],
    ],
    [
      'the second fix of an instant, at another place, begins nothing, but counts as one of two',
      [
        [0, 0],
        [30, 0],
        [30, 1_900],
        [60, 1_900],
      ],
      ['60 provisional', '60 confirmed'],
    ],
  ];

  it.each(cases)('%s', (_name, list, expected) => expect(told(list)).toEqual(expected));

  it('a cell or Wi-Fi fix never turns red, and says why', () => {
    for (const source of ['cell', 'wifi'] as const) {
      const result = rows([
        [0, 0],
        [30, 900, { source }],
        [60, 900, { source }],
        [90, 900, { source }],
      ]);
      expect(result.changes).toEqual([]);
      expect(result.problems.map((p) => p.problem)).toEqual(['not-gnss', 'not-gnss', 'not-gnss']);
    }
  });

  it('a cell fix between two outside fixes leaves them consecutive', () => {
    const cell = { source: 'cell' as const };
    const list: Row[] = [
      [0, 0],
      [300, 300],
      [600, 900, cell],
      [900, 300],
      [1_200, 0],
    ];
    expect(told(list)).toEqual(['300 provisional', '900 confirmed', '1200 returned']);
    expect(told(list.map(([s, m, more], i) => [s, m, { ...more, seq: i * 2 }]))).toEqual([
      '300 provisional',
      '1200 glitch',
    ]);
  });

  it('tells what operators ask: last inside, first outside, confirmation, greatest distance, return, gap', () => {
    const [excursion] = rows([
      [0, 0],
      [30, 100],
      [60, 300],
      [90, 900],
      [390, 700, { seq: 12 }],
      [420, 300],
      [450, 20],
    ]).confirmed;
    expect(excursion).toMatchObject({
      lastInsideMs: 30_000,
      crossedMs: 45_001,
      firstOutsideMs: 60_000,
      confirmedMs: 90_000,
      lastOutsideMs: 420_000,
      returnedMs: 450_000,
      outsideFixes: 4,
      longestGapMs: 300_000,
      farthest: { timeMs: 90_000 },
    });
    expect(excursion!.maxDistanceM).toBeCloseTo(900, -1);
    expect(excursion!.returnedAtM! - excursion!.leftAtM!).toBeCloseTo(8_400, -2);
  });

  it('the last inside fix is the last inside fix, at whatever speed it was reached', () => {
    const fast = (second: number, km: number, besideM: number) =>
      at(second, besideM, { seq: second, lon: 120.01 + km / 96.3 });
    const list = Array.from({ length: 30 }, (_, i) => fast(i * 10, i * 3, i === 20 || i === 21 ? 2_000 : 0));
    const told = drive(corridor, list);
    expect(told.confirmed).toMatchObject([
      { lastInsideMs: 190_000, firstOutsideMs: 200_000, confirmedMs: 210_000, returnedMs: 220_000 },
    ]);
    expect(told.confirmed[0]!.leftAtM! / 1_000).toBeCloseTo(58, 0);
    expect(changesOf(told, 'gap')).toEqual([]);
    expect(told.problems[0]!.problem).toBe('impossible-jump');
  });

  it('keeps two locks apart: fixes of different locks make no pair', () => {
    const list = [
      at(0, 0),
      at(1, 0, { lockId: 'LOCK02' }),
      at(30, 300),
      at(40, 300, { lockId: 'LOCK02' }),
      at(60, 0),
      at(61, 0, { lockId: 'LOCK02' }),
    ];
    expect(drive(corridor, list).confirmed).toEqual([]);
  });
});

describe('allowed places', () => {
  const stops = compileRoute(
    routeOf(line, {
      halfWidthM: 200,
      allowedStops: [{ name: 'service area', center: [120.2, 30.004], radiusM: 400 }],
      destination: {
        type: 'Polygon',
        coordinates: [
          [
            [121.03, 29.99],
            [121.06, 29.99],
            [121.06, 30.01],
            [121.03, 30.01],
            [121.03, 29.99],
          ],
        ],
      },
    }),
  );
  const here = (second: number, lon: number, lat: number) => at(second, 0, { lon, lat, seq: second / 30 + 1 });

  it('a stop and the destination count as inside, and are named', () => {
    expect(
      drive(stops, [here(0, 120.19, 30), here(30, 120.2, 30.004), here(60, 120.2, 30.004), here(90, 120.21, 30)])
        .changes,
    ).toEqual([]);
    const step = judge(stops, startRoute(), here(0, 120.2, 30.004), DEFAULT_ROUTE_PARAMS);
    expect(step.verdict).toMatchObject({ where: 'inside', stop: 'stop:0' });
    expect(judge(stops, startRoute(), here(0, 121.05, 30.005), DEFAULT_ROUTE_PARAMS).verdict.stop).toBe('destination');
  });

  it('the same place without the stop is red', () => {
    expect(
      drive(corridor, [here(0, 120.19, 30), here(30, 120.2, 30.004), here(60, 120.2, 30.004)]).confirmed,
    ).toHaveLength(1);
  });
});

describe('opposite direction', () => {
  const along = (list: [second: number, km: number][]) =>
    drive(
      corridor,
      list.map(([second, km], i) => at(second, 0, { seq: i + 1, lon: 120.01 + km / 96.3 })),
    ).changes.map((c) => `${c.timeMs / 1000} ${c.change}`);

  it('opens beyond 2 km backwards and ends 500 m forward again', () => {
    expect(
      along([
        [0, 10],
        [300, 15],
        [400, 14],
        [480, 13.2],
        [540, 12.8],
        [600, 12],
        [620, 12.2],
        [660, 12.6],
        [700, 14],
      ]),
    ).toEqual(['540 opposite', '660 forward']);
  });

  it('noise and a short way back say nothing', () => {
    expect(
      along([
        [0, 10],
        [60, 11],
        [120, 10.2],
        [180, 11.5],
        [240, 9.9],
        [300, 12],
      ]),
    ).toEqual([]);
  });
});

describe('jumps', () => {
  it('are named, also where they turn the truck red', () => {
    const result = rows([
      [0, 0],
      [30, 0],
      [60, 9_000],
      [90, 0],
    ]);
    expect(result.problems).toEqual([{ timeMs: 60_000, problem: 'impossible-jump' }]);
    expect(result.confirmed).toEqual([]);
  });

  it('a jump along the route does not drag progress', () => {
    const list = [at(0, 0), at(30, 0), at(60, 0, { lon: 120.9 }), at(90, 0), at(120, 0), at(150, 0)];
    expect(
      drive(
        corridor,
        list.map((fix, i) => ({ ...fix, seq: i + 1 })),
      ).changes,
    ).toEqual([]);
  });
});

describe('bad input never throws, never turns red by itself, and is named', () => {
  const bad: [string, Partial<JudgedFix>, string][] = [
    ['NaN', { lon: Number.NaN }, 'not-finite'],
    ['a time that is no number', { timeMs: Number.NaN }, 'not-finite'],
    ['null island', { lon: 0, lat: 0 }, 'null-island'],
    ['altitude as longitude', { lon: 1_250 }, 'out-of-range'],
    ['an altitude that could be a longitude', { lon: 35.2 }, 'too-far'],
    ['latitude and longitude swapped', { lon: 30, lat: 120 }, 'out-of-range'],
    ['time going backwards', { timeMs: 1_000, lat: 31 }, 'time-backwards'],
    ['the same instant at another place', { timeMs: 30_000, lat: 31 }, 'same-instant'],
  ];

  it.each(bad)('%s', (_name, more, problem) => {
    for (const times of [1, 2, 12]) {
      const wrong: Row[] = Array.from({ length: times }, (_, i) => [60 + i, 0, more]);
      const result = rows([[0, 0], [30, 0], ...wrong, [90, 0], [120, 0]]);
      expect(result.changes).toEqual([]);
      expect(result.problems[0]!.problem).toBe(problem);
    }
  });
});

describe('gaps', () => {
  const km = (second: number, along: number, seq: number) => at(second, 0, { seq, lon: 120.01 + along / 96.3 });

  it('time that the section does not need is told', () => {
    const step = [km(0, 0, 1), km(1_800, 12, 2)].reduce(
      (before, fix) => judge(corridor, before.state, fix, DEFAULT_ROUTE_PARAMS),
      { state: startRoute() } as ReturnType<typeof judge>,
    );
    expect(step.verdict.gap).toMatchObject({ kind: 'too-slow', fromMs: 0, toMs: 1_800_000 });
    expect(step.verdict.gap!.unaccountedMs / 60_000).toBeCloseTo(18, 0);
  });

  it('a section driven at its speed hides nothing', () => {
    expect(drive(corridor, [km(0, 0, 1), km(1_800, 36, 2), km(3_600, 70, 3)]).changes).toEqual([]);
  });

  it('a route that nobody can have followed in the time is told', () => {
    const horseshoe = compileRoute(
      routeOf(
        [
          [120, 30],
          [120, 30.3],
          [120.03, 30.3],
          [120.03, 30],
        ],
        { halfWidthM: 100 },
      ),
    );
    const list = [
      at(0, 0, { lon: 120, lat: 30, seq: 1 }),
      at(30, 0, { lon: 120, lat: 30.003, seq: 2 }),
      at(270, 0, { lon: 120.03, lat: 30.003, seq: 3 }),
    ];
    expect(changesOf(drive(horseshoe, list), 'gap')).toHaveLength(1);
  });
});
