import { DeclarationNo, Place, Route, readContainerNo, readPlate } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { firstDrive, rampDrive } from '../src/demo/drives.ts';
import { demoPlaces, demoRoute, loadRoad } from '../src/demo/road.ts';
import { motionAt, planDrive } from '../src/drive.ts';
import { errorM, nextError, startError } from '../src/gnss.ts';
import { drawPapers } from '../src/papers.ts';
import { distanceM, nearest } from '../src/path.ts';
import { randomStream } from '../src/random.ts';

const road = loadRoad();
const NOW = Date.parse('2026-11-21T09:00:00.000Z');

describe('the demo road', () => {
  it('is the real road of 229 km with its attribution', () => {
    const route = Route.parse(demoRoute(road));
    expect(road.lengthM).toBeGreaterThan(229_000);
    expect(road.lengthM).toBeLessThan(229_300);
    expect(route.properties.attribution).toContain('OpenStreetMap');
    expect(route.properties.legs?.map((leg) => leg.halfWidthM)).toEqual([80, 80]);
  });

  it('has places that the platform accepts, with a gate that the road ends in', () => {
    const places = demoPlaces(road);
    for (const place of Object.values(places)) expect(Place.safeParse(place).success).toBe(true);
    expect(places.daxie?.properties.kind).toBe('gate');
  });
});

describe('driving', () => {
  it.each(['gate-clean', 'gate-red', 'service', 'ordinary'] as const)('is plausible for the role %s', (role) => {
    for (let seed = 1; seed <= 5; seed++) {
      const drive = planDrive(road, firstDrive(road, role, seed, NOW, 0.5));
      const hours = (drive.endMs - drive.order.startMs) / 3_600_000;
      expect(hours).toBeGreaterThan(2.5);
      expect(hours).toBeLessThan(4.5);
      let last = motionAt(drive, drive.order.startMs);
      for (let now = drive.order.startMs + 5_000; now <= drive.endMs; now += 5_000) {
        const motion = motionAt(drive, now);
        const stepM = distanceM(last, motion);
        expect(motion.speedKmh).toBeLessThan(100);
        // What the speedometer says is what the positions say, within what 5 s of acceleration can make of it.
        expect(stepM / 5).toBeLessThan(Math.max(last.speedKmh, motion.speedKmh) / 3.6 + 2.5);
        expect(Math.abs(motion.speedKmh - last.speedKmh)).toBeLessThan(5 * 3.6 * 1.5);
        last = motion;
      }
    }
  });

  it('never gives two trucks the same drive', () => {
    const ends = [1, 2, 3, 4].map((seed) => planDrive(road, firstDrive(road, 'ordinary', seed, NOW, 0)).endMs);
    expect(new Set(ends).size).toBe(4);
  });

  it('takes a truck of the middle of the road down a ramp, over 1 km away within minutes, back after about 20', () => {
    const outside: number[] = [];
    for (let seed = 1; seed < 40 && outside.length === 0; seed++) {
      const drive = planDrive(road, firstDrive(road, 'ordinary', seed, NOW, 0.4));
      const order = rampDrive(road, drive, NOW, NOW + 14_000);
      if (!order) continue;
      const away = planDrive(road, order);
      const jumpM = distanceM(motionAt(drive, NOW), motionAt(away, NOW));
      expect(jumpM).toBeLessThan(1);
      for (let s = 0; s < 3_600; s += 5) {
        const distance = nearest(road, motionAt(away, NOW + s * 1_000)).distanceM;
        if (distance > 215) outside.push(s);
        if (s === 300) expect(distance).toBeGreaterThan(700);
      }
    }
    expect(outside[0]).toBeGreaterThan(14);
    expect(outside[0]).toBeLessThan(50);
    expect((outside.at(-1)! - outside[0]!) / 60).toBeGreaterThan(14);
    expect((outside.at(-1)! - outside[0]!) / 60).toBeLessThan(26);
  });
});

describe('the receiver’s error', () => {
  it('is as measured: median 3.4 m, 90 % 11 m, 99 % 36 m, at most 161 m, lag-1 correlation 0.81', () => {
    const random = randomStream(11, 'error');
    const lengths: number[] = [];
    const east: number[] = [];
    let error = startError(random, 0);
    for (let i = 1; i <= 200_000; i++) {
      error = nextError(error, random, i * 5_000);
      const { eastM, northM } = errorM(error);
      lengths.push(Math.hypot(eastM, northM));
      east.push(error.east);
    }
    const lag1 = east.slice(1).reduce((sum, value, i) => sum + value * east[i]!, 0) / (east.length - 1);
    lengths.sort((a, b) => a - b);
    const at = (share: number) => lengths[Math.floor(share * lengths.length)]!;
    expect(at(0.5)).toBeCloseTo(3.4, 0);
    expect(Math.abs(at(0.9) - 11)).toBeLessThan(2);
    expect(Math.abs(at(0.99) - 36)).toBeLessThan(10);
    expect(lengths.at(-1)).toBeLessThanOrEqual(161);
    expect(Math.abs(lag1 - 0.81)).toBeLessThan(0.02);
  });
});

describe('papers', () => {
  it('have the right form and check digits, and never the doubtful remainder 10', () => {
    for (let seed = 0; seed < 500; seed++) {
      const papers = drawPapers(randomStream(seed, 'papers'), '2921', 2026);
      const box = readContainerNo(papers.containerNo);
      expect(box).toEqual({ ok: true, kind: 'iso', containerNo: papers.containerNo });
      expect(readPlate(papers.tractorPlate).form).toBe('mainland');
      expect(readPlate(papers.trailerPlate).form).toBe('mainland');
      expect(DeclarationNo.safeParse(papers.declarationNo).success).toBe(true);
      expect(papers.declarationNo.slice(0, 9)).toBe('292120260');
    }
  });
});
