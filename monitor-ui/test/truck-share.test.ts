import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { oneOf } from '../src/map/truck-share.ts';

/** A machine whose pictures take so long with every light drawn, and at least so long with none. */
const machine = (allMs: number, leastMs: number) => (share: number) => leastMs + allMs / share;

describe('the share of a crowd that is drawn', () => {
  it('settles where a picture takes at most 200 ms, or where no fewer lights help, and stays there', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 20_000, noNaN: true }),
        fc.double({ min: 0, max: 150, noNaN: true }),
        (allMs, leastMs) => {
          const costMs = machine(allMs, leastMs);
          let share = 1;
          for (let i = 0; i < 20; i++) share = oneOf(share, costMs(share));
          const settled = share;
          expect(costMs(settled) <= 200 || settled === 64).toBe(true);
          for (let i = 0; i < 20; i++) share = oneOf(share, costMs(share));
          expect(share).toBe(settled);
        },
      ),
    );
  });

  it('draws all of them again once the machine can', () => {
    let share = 64;
    for (let i = 0; i < 6; i++) share = oneOf(share, 10);
    expect(share).toBe(1);
  });
});
