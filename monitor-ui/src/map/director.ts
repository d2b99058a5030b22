/**
 * Who holds the camera. A new red is brought into view by itself and calm returns by itself; an operator's hand comes
 * before both; three or more reds that nobody has taken are a list, not a fight for the camera.
 *
 *   calm ──new red──► red ──hold over, or somebody has it──► calm
 *     ▲                │
 *     └── three reds ──┘          a hand on the map keeps the camera where it was put, for a while
 */
export interface Direction {
  /** The alarm the camera shows. */
  alarmId?: string;
  /** When calm returns, ms. */
  untilMs: number;
  /** The camera is the operator's until then, ms. */
  handUntilMs: number;
}

export type Shot = { kind: 'stay' } | { kind: 'overview' } | { kind: 'alarm'; alarmId: string };

export interface Reds {
  /** Reds nobody has taken, newest first. */
  unattended: string[];
  /** The newest that has come since the last look. */
  arrived?: string;
}

export const HOLD_MS = 30_000;
export const HAND_MS = 45_000;
const LIST_FROM = 3;

export const calm = (): Direction => ({ untilMs: 0, handUntilMs: 0 });

const stay = (direction: Direction): [Direction, Shot] => [direction, { kind: 'stay' }];

/** One look at the reds; returns the direction and what the camera does now. */
export function direct(direction: Direction, reds: Reds, nowMs: number): [Direction, Shot] {
  const handed = nowMs < direction.handUntilMs;
  const { alarmId, ...rest } = direction;
  if (reds.arrived !== undefined && reds.unattended.length < LIST_FROM) {
    const next = { ...rest, alarmId: reds.arrived, untilMs: nowMs + HOLD_MS };
    return handed ? stay(next) : [next, { kind: 'alarm', alarmId: reds.arrived }];
  }
  if (alarmId === undefined) return stay(direction);
  const crowded = reds.unattended.length >= LIST_FROM;
  const taken = !reds.unattended.includes(alarmId) && nowMs >= direction.untilMs - HOLD_MS / 2;
  if (!crowded && !taken && nowMs < direction.untilMs) return stay(direction);
  return handed ? stay(rest) : [rest, { kind: 'overview' }];
}

/** The operator moved the map. */
export const byHand = (direction: Direction, nowMs: number): Direction => ({
  ...direction,
  handUntilMs: nowMs + HAND_MS,
});
