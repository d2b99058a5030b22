/**
 * What the camera shows. It moves to a new red alarm by itself and later back to the overview; after the operator has
 * moved the map, it stays there for a while; for three or more unattended red alarms it shows the overview.
 *
 *   overview ──new red──► alarm ──time over, or attended──► overview
 *     ▲                     │
 *     └──── three reds ─────┘
 */
export interface CameraState {
  /** The alarm the camera shows. */
  alarmId?: string;
  /** When the camera returns to the overview, ms. */
  untilMs: number;
  /** Until then the camera stays where the operator put it, ms. */
  operatorUntilMs: number;
}

export type CameraMove = { kind: 'stay' } | { kind: 'overview' } | { kind: 'alarm'; alarmId: string };

export interface Reds {
  /** Red alarms nobody attends to, newest first. */
  unattended: string[];
  /** The newest one since the last call. */
  arrived?: string;
}

/** The camera shows an alarm this long, and stays where the operator put it this long, ms. */
export const HOLD_MS = 30_000;
export const OPERATOR_HOLD_MS = 45_000;
/** From this many unattended red alarms on, the wall lists them and the camera follows none. */
const LIST_FROM = 3;

/** The camera on the overview, free to move. */
export const overviewCamera = (): CameraState => ({ untilMs: 0, operatorUntilMs: 0 });

const stay = (state: CameraState): [CameraState, CameraMove] => [state, { kind: 'stay' }];

/** Returns the next state and what the camera does now. */
export function nextCamera(state: CameraState, reds: Reds, nowMs: number): [CameraState, CameraMove] {
  const heldByOperator = nowMs < state.operatorUntilMs;
  const { alarmId, ...rest } = state;
  if (reds.arrived !== undefined && reds.unattended.length < LIST_FROM) {
    const next = { ...rest, alarmId: reds.arrived, untilMs: nowMs + HOLD_MS };
    return heldByOperator ? stay(next) : [next, { kind: 'alarm', alarmId: reds.arrived }];
  }
  if (alarmId === undefined) return stay(state);
  const crowded = reds.unattended.length >= LIST_FROM;
  const attended = !reds.unattended.includes(alarmId) && nowMs >= state.untilMs - HOLD_MS / 2;
  if (!crowded && !attended && nowMs < state.untilMs) return stay(state);
  return heldByOperator ? stay(rest) : [rest, { kind: 'overview' }];
}

/** The operator moved the map. */
export const movedByOperator = (state: CameraState, nowMs: number): CameraState => ({
  ...state,
  operatorUntilMs: nowMs + OPERATOR_HOLD_MS,
});
