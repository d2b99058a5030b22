/** Pictures a second while a red ring is in sight: enough to pulse, little enough for a wall that runs for weeks. */
const PULSE_FPS = 12;
/** A picture that costs less than this costs nothing worth saving, ms. */
const CHEAP_MS = 34;
/** The share of the time that the graphics may be at work where pictures are dear (no GPU, or a very large screen). */
const SHARE = 0.35;
const SLOWEST_FPS = 1;

/**
 * How often to draw: only as fast as things move, and as the machine bears.
 * @param pixelsPerSecond how fast a truck crosses the screen
 * @param costMs how long the graphics take for a picture
 */
export function framesPerSecond(pixelsPerSecond: number, redInSight: boolean, costMs: number): number {
  const moving = Math.max(1, Math.min(30, pixelsPerSecond * 4));
  const wanted = redInSight ? Math.max(PULSE_FPS, moving) : moving;
  const borne = costMs <= CHEAP_MS ? Number.POSITIVE_INFINITY : Math.max(SLOWEST_FPS, (1000 * SHARE) / costMs);
  return Math.min(wanted, borne);
}
