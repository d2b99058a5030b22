import { describe, expect, it } from 'vitest';
import {
  type CameraState,
  HOLD_MS,
  movedByOperator,
  nextCamera,
  OPERATOR_HOLD_MS,
  overviewCamera,
} from '../src/map/camera.ts';
import { framesPerSecond } from '../src/map/frame-rate.ts';

const after = (first: CameraState, ...calls: [Parameters<typeof nextCamera>[1], number][]) => {
  let state = first;
  const moves: string[] = [];
  for (const [reds, nowMs] of calls) {
    const [next, move] = nextCamera(state, reds, nowMs);
    state = next;
    moves.push(move.kind === 'alarm' ? `alarm ${move.alarmId}` : move.kind);
  }
  return { moves, state };
};

describe('the camera', () => {
  it('shows a new red by itself and returns to calm by itself', () => {
    const { moves } = after(
      overviewCamera(),
      [{ unattended: ['a'], arrived: 'a' }, 0],
      [{ unattended: ['a'] }, 1_000],
      [{ unattended: ['a'] }, HOLD_MS + 1],
      [{ unattended: ['a'] }, HOLD_MS + 2],
    );
    expect(moves).toEqual(['alarm a', 'stay', 'overview', 'stay']);
  });

  it('goes to the newer of two', () => {
    const { moves } = after(
      overviewCamera(),
      [{ unattended: ['a'], arrived: 'a' }, 0],
      [{ unattended: ['b', 'a'], arrived: 'b' }, 5_000],
    );
    expect(moves).toEqual(['alarm a', 'alarm b']);
  });

  it('lets three or more be a list: it goes to none of them and back to the overview', () => {
    const { moves } = after(
      overviewCamera(),
      [{ unattended: ['a'], arrived: 'a' }, 0],
      [{ unattended: ['c', 'b', 'a'], arrived: 'c' }, 2_000],
      [{ unattended: ['d', 'c', 'b', 'a'], arrived: 'd' }, 3_000],
    );
    expect(moves).toEqual(['alarm a', 'overview', 'stay']);
  });

  it('leaves the camera to a hand on the map', () => {
    const { moves, state } = after(movedByOperator(overviewCamera(), 0), [{ unattended: ['a'], arrived: 'a' }, 1_000]);
    expect(moves).toEqual(['stay']);
    expect(state.alarmId).toBe('a');
    expect(after(state, [{ unattended: [] }, OPERATOR_HOLD_MS + 1]).moves).toEqual(['overview']);
  });

  it('stays a while with a red that somebody has just taken', () => {
    const { moves } = after(
      overviewCamera(),
      [{ unattended: ['a'], arrived: 'a' }, 0],
      [{ unattended: [] }, 1_000],
      [{ unattended: [] }, HOLD_MS / 2 + 1],
    );
    expect(moves).toEqual(['alarm a', 'stay', 'overview']);
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
