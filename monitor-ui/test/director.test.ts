import { describe, expect, it } from 'vitest';
import { byHand, calm, type Direction, direct, HAND_MS, HOLD_MS } from '../src/map/director.ts';
import { framesPerSecond } from '../src/map/frame-rate.ts';

const after = (direction: Direction, ...looks: [Parameters<typeof direct>[1], number][]) => {
  let state = direction;
  const shots: string[] = [];
  for (const [reds, nowMs] of looks) {
    const [next, shot] = direct(state, reds, nowMs);
    state = next;
    shots.push(shot.kind === 'alarm' ? `alarm ${shot.alarmId}` : shot.kind);
  }
  return { shots, state };
};

describe('the camera', () => {
  it('shows a new red by itself and returns to calm by itself', () => {
    const { shots } = after(
      calm(),
      [{ unattended: ['a'], arrived: 'a' }, 0],
      [{ unattended: ['a'] }, 1_000],
      [{ unattended: ['a'] }, HOLD_MS + 1],
      [{ unattended: ['a'] }, HOLD_MS + 2],
    );
    expect(shots).toEqual(['alarm a', 'stay', 'overview', 'stay']);
  });

  it('goes to the newer of two', () => {
    const { shots } = after(
      calm(),
      [{ unattended: ['a'], arrived: 'a' }, 0],
      [{ unattended: ['b', 'a'], arrived: 'b' }, 5_000],
    );
    expect(shots).toEqual(['alarm a', 'alarm b']);
  });

  it('lets three or more be a list: it goes to none of them and back to the overview', () => {
    const { shots } = after(
      calm(),
      [{ unattended: ['a'], arrived: 'a' }, 0],
      [{ unattended: ['c', 'b', 'a'], arrived: 'c' }, 2_000],
      [{ unattended: ['d', 'c', 'b', 'a'], arrived: 'd' }, 3_000],
    );
    expect(shots).toEqual(['alarm a', 'overview', 'stay']);
  });

  it('leaves the camera to a hand on the map', () => {
    const { shots, state } = after(byHand(calm(), 0), [{ unattended: ['a'], arrived: 'a' }, 1_000]);
    expect(shots).toEqual(['stay']);
    expect(state.alarmId).toBe('a');
    expect(after(state, [{ unattended: [] }, HAND_MS + 1]).shots).toEqual(['overview']);
  });

  it('stays a while with a red that somebody has just taken', () => {
    const { shots } = after(
      calm(),
      [{ unattended: ['a'], arrived: 'a' }, 0],
      [{ unattended: [] }, 1_000],
      [{ unattended: [] }, HOLD_MS / 2 + 1],
    );
    expect(shots).toEqual(['alarm a', 'stay', 'overview']);
  });
});

it('draws only as fast as things move, and pulses where red is in sight', () => {
  expect(framesPerSecond(0.01, false, 5)).toBe(1);
  expect(framesPerSecond(2, false, 5)).toBe(8);
  expect(framesPerSecond(100, false, 5)).toBe(30);
  expect(framesPerSecond(0.01, true, 5)).toBe(12);
});

it('draws less often where a picture is dear, and never stops', () => {
  expect(framesPerSecond(100, true, 100)).toBeCloseTo(3.5);
  expect(framesPerSecond(100, true, 5_000)).toBe(1);
});
