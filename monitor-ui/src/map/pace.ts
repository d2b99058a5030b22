/** Pictures a second while a red ring is in sight: enough to pulse, little enough for a wall that runs for weeks. */
const PULSE_FPS = 12;

/**
 * How often to draw: only as fast as things move.
 * @param pixelsPerSecond how fast a truck crosses the screen
 */
export function framesPerSecond(pixelsPerSecond: number, redInSight: boolean): number {
  const moving = Math.max(1, Math.min(30, pixelsPerSecond * 4));
  return redInSight ? Math.max(PULSE_FPS, moving) : moving;
}
