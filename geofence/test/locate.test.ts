import { describe, expect, it } from 'vitest';
import { compileRoute, distanceM, locate, positionAt } from '../src/index.ts';
import { isClose, turfLocate } from './oracle.ts';
import { seeded, wander } from './random.ts';
import { readLine, routeOf } from './traces.ts';

const REAL = {
  'road Yiwu – Beilun': readLine('road-yiwu-beilun'),
  'rail Beilun – Guixi': readLine('rail-beilun-guixi'),
  'rail to Dostyk': readLine('rail-dostyk-alashankou', 0),
};

/** Positions near the line and up to 100 km from it. */
function around(line: [number, number][], count: number, random: () => number): [number, number][] {
  return Array.from({ length: count }, (_, i) => {
    const [lon, lat] = line[Math.floor(random() * line.length)]!;
    const spread = [0.0002, 0.002, 0.02, 0.2, 0.8][i % 5]!;
    return [lon + (random() - 0.5) * spread, Math.max(-89, Math.min(89, lat + (random() - 0.5) * spread))];
  });
}

describe('locate agrees with turf within 1 m, and within 0.5 % up to 100 km away', () => {
  it.each(Object.entries(REAL))('on the real line %s', (_name, line) => {
    const corridor = compileRoute(routeOf(line));
    for (const [lon, lat] of around(line, 150, seeded(7))) {
      const found = locate(corridor, lon, lat);
      const slow = turfLocate(line, lon, lat);
      expect(isClose(Math.abs(found.offsetM), slow.distanceM)).toBe(true);
      // Progress may differ where two places of the line are equally near, so the place itself is compared.
      expect(Math.abs(distanceM(lon, lat, found.lon, found.lat) - Math.abs(found.offsetM))).toBeLessThan(0.01);
      const at = positionAt(corridor, found.progressM);
      expect(distanceM(at.lon, at.lat, found.lon, found.lat)).toBeLessThan(0.01);
    }
  });

  it('on random lines at every latitude', () => {
    const random = seeded(11);
    for (let round = 0; round < 40; round++) {
      const line = wander(random, random() * 300 - 150, random() * 156 - 78, 30, 10 ** (1 + random() * 3));
      const corridor = compileRoute(routeOf(line));
      for (const [lon, lat] of around(line, 20, random)) {
        const found = locate(corridor, lon, lat);
        const slow = turfLocate(line, lon, lat);
        expect(
          isClose(Math.abs(found.offsetM), slow.distanceM),
          `${round} ${lon} ${lat} ${found.offsetM} ${slow.distanceM}`,
        ).toBe(true);
      }
    }
  });

  it('gives the same answer with a hint as without, on real drives at any interval', () => {
    for (const line of Object.values(REAL)) {
      const corridor = compileRoute(routeOf(line));
      for (const stepM of [30, 700, 9_000]) {
        let hint = locate(corridor, line[0]![0], line[0]![1]);
        for (let m = 0; m < corridor.lengthM; m += Math.max(stepM, corridor.lengthM / 600)) {
          const at = positionAt(corridor, m);
          const [lon, lat] = [at.lon + Math.sin(m) * 3e-4, at.lat + Math.cos(m * 7) * 3e-4];
          const [hinted, free] = [locate(corridor, lon, lat, hint), locate(corridor, lon, lat)];
          expect(Math.abs(hinted.offsetM) - Math.abs(free.offsetM)).toBeLessThan(1);
          hint = hinted;
        }
      }
    }
  });

  it('is independent of a hint that is wrong, wherever no other pass is near', () => {
    const corridor = compileRoute(routeOf(REAL['road Yiwu – Beilun']));
    const random = seeded(3);
    for (let i = 0; i < 500; i++) {
      const at = positionAt(corridor, random() * corridor.lengthM);
      const free = locate(corridor, at.lon, at.lat + 1e-4);
      const hinted = locate(corridor, at.lon, at.lat + 1e-4, {
        segment: Math.floor(random() * (corridor.pointCount - 1)),
      });
      expect(Math.abs(hinted.progressM - free.progressM)).toBeLessThan(1);
    }
  });
});

describe('sides, ends and shapes', () => {
  const east: [number, number][] = [
    [120, 30],
    [120.1, 30],
  ];

  it('counts right of travel as positive', () => {
    const corridor = compileRoute(routeOf(east));
    expect(locate(corridor, 120.05, 29.999).offsetM).toBeGreaterThan(100);
    expect(locate(corridor, 120.05, 30.001).offsetM).toBeLessThan(-100);
  });

  it('keeps the side at the outer corner of a sharp bend', () => {
    const corridor = compileRoute(
      routeOf([
        [120, 30],
        [120.1, 30],
        [120.01, 30.01],
      ]),
    );
    expect(locate(corridor, 120.101, 29.9995).offsetM).toBeGreaterThan(0);
    expect(locate(corridor, 120.101, 30.0005).offsetM).toBeGreaterThan(0);
  });

  it('stops at the ends', () => {
    const corridor = compileRoute(routeOf(east));
    expect(locate(corridor, 119.9, 30).progressM).toBe(0);
    expect(locate(corridor, 120.2, 30).progressM).toBe(corridor.lengthM);
    expect(locate(corridor, 119.9, 30).lon).toBeCloseTo(120, 9);
  });

  it('is the same across the antimeridian as elsewhere', () => {
    const here = compileRoute(
      routeOf([
        [10, 50],
        [10.2, 50.1],
        [10.4, 50],
      ]),
    );
    const there = compileRoute(
      routeOf([
        [179.8, 50],
        [-180, 50.1],
        [-179.8, 50],
      ]),
    );
    expect(there.lengthM).toBeCloseTo(here.lengthM, 4);
    for (let lon = 9.9; lon < 10.5; lon += 0.013) {
      const [a, b] = [locate(here, lon, 50.03), locate(there, lon + 169.8 > 180 ? lon - 190.2 : lon + 169.8, 50.03)];
      expect(b.offsetM).toBeCloseTo(a.offsetM, 4);
      expect(b.progressM).toBeCloseTo(a.progressM, 4);
    }
  });

  it('holds at 85 degrees north and over the pole', () => {
    const high = compileRoute(
      routeOf([
        [10, 85],
        [12, 85.05],
        [14, 85],
      ]),
    );
    const p = positionAt(high, 7_000);
    expect(locate(high, p.lon, p.lat).progressM).toBeCloseTo(7_000, 3);
    const over = compileRoute(
      routeOf([
        [0, 89.5],
        [180, 89.5],
      ]),
    );
    expect(over.lengthM).toBeCloseTo(111_195, -1);
    expect(locate(over, 90, 89.9).offsetM).toBeCloseTo(11_119.5, 0);
  });

  it('keeps its metric on 10,000 km from Yiwu towards Madrid', () => {
    const line: [number, number][] = Array.from({ length: 120 }, (_, i) => [120 - i, 29 + 12 * Math.sin(i / 40)]);
    const corridor = compileRoute(routeOf(line));
    expect(corridor.lengthM).toBeGreaterThan(9_500_000);
    for (let m = 0; m < corridor.lengthM; m += 97_000) {
      const at = positionAt(corridor, m);
      expect(Math.abs(locate(corridor, at.lon, at.lat).offsetM)).toBeLessThan(0.001);
      expect(locate(corridor, at.lon, at.lat).progressM).toBeCloseTo(m, 2);
      const [beside, slow] = [locate(corridor, at.lon, at.lat + 0.05), turfLocate(line, at.lon, at.lat + 0.05)];
      expect(isClose(Math.abs(beside.offsetM), slow.distanceM)).toBe(true);
    }
  });

  it('refuses a position that is not finite, by name', () => {
    const corridor = compileRoute(routeOf(east));
    expect(() => locate(corridor, Number.NaN, 30)).toThrow(/NaN/);
  });
});

describe('where the route passes itself', () => {
  const out: [number, number][] = Array.from({ length: 21 }, (_, i) => [120 + i * 0.01, 30]);
  const outAndBack = compileRoute(routeOf([...out, ...out.slice(0, -1).reverse()]));
  const turnM = outAndBack.lengthM / 2;

  it('one noisy fix never drags progress to the other pass of an out-and-back', () => {
    const random = seeded(5);
    for (const cadenceS of [5, 30, 60]) {
      let hint = locate(outAndBack, 120, 30, { progressM: 0 });
      for (let m = 0; m < turnM - 1_500; m += cadenceS * 22) {
        const at = positionAt(outAndBack, m);
        const noise = () => (random() - 0.5) * (random() < 0.1 ? 0.003 : 0.0004);
        hint = locate(outAndBack, at.lon + noise(), at.lat + noise(), { ...hint, elapsedMs: cadenceS * 1000 });
        expect(hint.progressM).toBeLessThan(turnM);
        expect(Math.abs(hint.progressM - m)).toBeLessThan(250);
      }
    }
  });

  it('progress goes on after the turn, with or without headings', () => {
    for (const headed of [true, false]) {
      let hint = locate(outAndBack, 120, 30, { progressM: 0 });
      let furthestM = 0;
      for (let m = 0; m <= outAndBack.lengthM; m += 600) {
        const at = positionAt(outAndBack, m);
        const said = headed ? { headingDeg: at.headingDeg, speedKmh: 72 } : {};
        hint = locate(outAndBack, at.lon, at.lat + 2e-4, { ...hint, furthestM, elapsedMs: 30_000, ...said });
        furthestM = Math.max(furthestM, hint.progressM);
        if (m < turnM || m > turnM + 1_200) expect(Math.abs(hint.progressM - m)).toBeLessThan(60);
      }
    }
  });

  it('crosses itself without leaving its own pass', () => {
    const eight: [number, number][] = Array.from({ length: 73 }, (_, i) => {
      const t = (i / 72) * 2 * Math.PI;
      return [120 + 0.05 * Math.sin(t), 30 + 0.05 * Math.sin(2 * t)];
    });
    const corridor = compileRoute(routeOf(eight));
    let hint = locate(corridor, eight[0]![0], eight[0]![1], { progressM: 0 });
    for (let m = 0; m < corridor.lengthM - 1_000; m += 330) {
      const at = positionAt(corridor, m);
      hint = locate(corridor, at.lon + 2e-4 * Math.sin(m), at.lat, { ...hint, elapsedMs: 15_000 });
      expect(Math.abs(hint.progressM - m)).toBeLessThan(200);
    }
  });

  it('follows a serpentine to the right bend', () => {
    const bends: [number, number][] = Array.from({ length: 20 }, (_, i) => [
      120 + (Math.floor((i + 1) / 2) % 2) * 0.006,
      30 + Math.floor(i / 2) * 0.001,
    ]);
    const corridor = compileRoute(routeOf(bends, { halfWidthM: 80 }));
    let hint = locate(corridor, 120, 30, { progressM: 0 });
    for (let m = 0; m < corridor.lengthM; m += 150) {
      const at = positionAt(corridor, m);
      hint = locate(corridor, at.lon, at.lat + 1e-4, {
        ...hint,
        elapsedMs: 15_000,
        headingDeg: at.headingDeg,
        speedKmh: 36,
      });
      expect(Math.abs(hint.progressM - m)).toBeLessThan(130);
    }
  });
});
