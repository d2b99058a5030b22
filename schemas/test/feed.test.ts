import { decodeFrame, encodeFrame, type FramePosition, WALL_STATUS } from '@sealwatch/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const position: fc.Arbitrary<FramePosition> = fc
  .record({
    index: fc.nat(0xffff_ffff),
    lon: fc.integer({ min: -1_800_000_000, max: 1_800_000_000 }).map((e7) => e7 / 1e7),
    lat: fc.integer({ min: -900_000_000, max: 900_000_000 }).map((e7) => e7 / 1e7),
    speedKmh: fc.nat(65_535).map((tenths) => tenths / 10),
    headingDeg: fc.nat(35_999).map((hundredths) => hundredths / 100),
    status: fc.constantFrom(...WALL_STATUS),
    batteryPercent: fc.option(fc.nat(100), { nil: undefined }),
    flags: fc.nat(7),
  })
  .map(({ batteryPercent, ...rest }) => (batteryPercent === undefined ? rest : { ...rest, batteryPercent }));

describe('a positions frame', () => {
  it('reads back what was written, to 1e-7 degrees', () => {
    fc.assert(
      fc.property(fc.array(position, { maxLength: 50 }), fc.nat(0xffff_ffff), (positions, sequence) => {
        const frame = { sequence, serverTimeMs: 1_763_690_645_000, positions };
        expect(decodeFrame(encodeFrame(frame))).toEqual(frame);
      }),
    );
  });

  it('takes 20 bytes a lock', () => {
    const p: FramePosition = { index: 1, lon: 120, lat: 29, speedKmh: 0, headingDeg: 0, status: 'green', flags: 0 };
    const size = (count: number) =>
      encodeFrame({ sequence: 1, serverTimeMs: 0, positions: Array(count).fill(p) }).length;
    expect(size(1000) - size(0)).toBe(20_000);
  });

  it.each([
    new Uint8Array(0),
    new Uint8Array(30).fill(9),
    encodeFrame({ sequence: 1, serverTimeMs: 0, positions: [] }).slice(0, 20),
  ])('refuses %s', (bytes) => {
    expect(() => decodeFrame(bytes)).toThrow(RangeError);
  });
});
