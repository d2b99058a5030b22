import { decodeFrame, encodeFrame, type FramePosition } from '@sealwatch/schemas';
import { describe, expect, it } from 'vitest';
import { Fleet, STRIDE_BYTES } from '../src/map/fleet.ts';

const at = (index: number, lon: number, lat: number, more: Partial<FramePosition> = {}): FramePosition => ({
  index,
  lon,
  lat,
  speedKmh: 80,
  headingDeg: 74,
  status: 'green',
  flags: 0,
  ...more,
});

describe('motion', () => {
  it('sets a new truck down where it is, and drives it to each next position over its own interval', () => {
    const fleet = new Fleet(0);
    fleet.apply([at(0, 120, 29)], 1_000);
    expect(fleet.drawn(0, 1_000)?.lon).toBeCloseTo(120, 6);
    fleet.apply([at(0, 120.01, 29)], 5_000);
    expect(fleet.drawn(0, 5_000)?.lon).toBeCloseTo(120, 6);
    expect(fleet.drawn(0, 7_000)?.lon).toBeCloseTo(120.005, 6);
    expect(fleet.drawn(0, 9_000)?.lon).toBeCloseTo(120.01, 6);
  });

  it('never draws a truck beyond the last position reported', () => {
    const fleet = new Fleet(0);
    fleet.apply([at(0, 120, 29)], 0);
    fleet.apply([at(0, 120.01, 29)], 5_000);
    expect(fleet.drawn(0, 3_600_000)?.lon).toBeCloseTo(120.01, 6);
  });

  it('turns from where the truck is drawn when a position comes early', () => {
    const fleet = new Fleet(0);
    fleet.apply([at(0, 120, 29)], 0);
    fleet.apply([at(0, 120.01, 29)], 4_000);
    fleet.apply([at(0, 120.02, 29)], 6_000);
    expect(fleet.drawn(0, 6_000)?.lon).toBeCloseTo(120.005, 6);
  });

  it('sets a truck down where a jump is no drive', () => {
    const fleet = new Fleet(0);
    fleet.apply([at(0, 120, 29)], 0);
    fleet.apply([at(0, 121, 29)], 5_000);
    expect(fleet.drawn(0, 5_000)?.lon).toBeCloseTo(121, 6);
  });

  it('moves the epoch on so that float32 times stay fine, without moving a truck', () => {
    const week = 7 * 24 * 3_600_000;
    const fleet = new Fleet(0);
    fleet.apply([at(0, 120, 29)], week);
    fleet.apply([at(0, 120.01, 29)], week + 5_000);
    const before = fleet.drawn(0, week + 6_001)?.lon;
    fleet.rebase(week + 6_001 + 31 * 60_000);
    expect(fleet.epochMs).toBe(week + 6_001 + 31 * 60_000);
    expect(fleet.drawn(0, week + 6_001)?.lon).toBeCloseTo(before!, 7);
  });
});

describe('the buffer', () => {
  it('takes what a frame brings over the wire', () => {
    const fleet = new Fleet(0);
    const sent = [at(3, 121.5, 29.9, { status: 'red', batteryPercent: 41 }), at(1, 120, 29, { status: 'silent' })];
    const frame = decodeFrame(encodeFrame({ sequence: 5, serverTimeMs: 9, positions: sent }));
    fleet.apply(frame.positions, 0, true);
    expect(fleet.count).toBe(4);
    expect([0, 1, 2, 3].map((slot) => fleet.status(slot))).toEqual([undefined, 'silent', undefined, 'red']);
    expect(fleet.batteryPercent(3)).toBe(41);
    expect(fleet.batteryPercent(1)).toBeUndefined();
  });

  it('uploads only what changed, once', () => {
    const fleet = new Fleet(0);
    fleet.apply([at(10, 120, 29), at(12, 120, 29)], 0);
    expect(fleet.takeDirty()).toEqual([10, 12]);
    expect(fleet.takeDirty()).toBeUndefined();
    fleet.touchAll();
    expect(fleet.takeDirty()).toEqual([0, 12]);
  });

  it('copies what is drawn above the crowd: amber and silent ones and the selected one, then red ones', () => {
    const fleet = new Fleet(0);
    const statuses = ['green', 'red', 'amber', 'idle', 'provisional', 'silent'] as const;
    fleet.apply(
      statuses.map((status, index) => at(index, 120 + index, 29, { status })),
      0,
    );
    const instance = (slot: number) => fleet.bytes.slice(slot * STRIDE_BYTES, (slot + 1) * STRIDE_BYTES);
    const slotsOf = (selected: number) => {
      const { bytes, calm, red, selected: place } = fleet.front(selected);
      const copies = Array.from({ length: calm + red }, (_, i) =>
        bytes.slice(i * STRIDE_BYTES, (i + 1) * STRIDE_BYTES),
      );
      const slots = copies.map((copy) => statuses.findIndex((_, slot) => instance(slot).join() === copy.join()));
      return { calm: slots.slice(0, calm), red: slots.slice(calm), selected: slots[place] };
    };
    expect(slotsOf(-1)).toEqual({ calm: [2, 5], red: [1, 4], selected: undefined });
    expect(slotsOf(0)).toEqual({ calm: [0, 2, 5], red: [1, 4], selected: 0 });
    expect(slotsOf(4)).toEqual({ calm: [2, 5], red: [1, 4], selected: 4 });
  });

  it('grows to any index and keeps what it held', () => {
    const fleet = new Fleet(0, 4);
    fleet.apply([at(1, 120, 29, { status: 'amber' })], 0);
    fleet.apply([at(49_999, 121, 30)], 100);
    expect(fleet.bytes.byteLength).toBe(65_536 * STRIDE_BYTES);
    expect(fleet.status(1)).toBe('amber');
    expect(fleet.status(2)).toBeUndefined();
    expect(fleet.drawn(49_999, 100)?.lat).toBeCloseTo(30, 6);
  });

  it('holds only what a snapshot names', () => {
    const fleet = new Fleet(0);
    fleet.apply([at(0, 120, 29), at(1, 120, 29)], 0);
    fleet.apply([at(1, 120, 29)], 10, true);
    expect(fleet.has(0)).toBe(false);
    expect(fleet.has(1)).toBe(true);
  });
});

describe('picking', () => {
  it('finds the nearest truck within reach, and a red one before a nearer green one', () => {
    const fleet = new Fleet(0);
    fleet.apply([at(0, 120, 29), at(1, 120.001, 29, { status: 'red' }), at(2, 121, 29)], 0);
    const reach = (0.005 / 360) * 2 ** 32;
    expect(fleet.pick(120.0004, 29, reach, 0)).toBe(1);
    expect(fleet.pick(119.999, 29, (0.0015 / 360) * 2 ** 32, 0)).toBe(0);
    expect(fleet.pick(122, 29, reach, 0)).toBeUndefined();
  });
});
