/** Frames per second while a red ring is in view: enough for its pulse, cheap enough for weeks. */
const PULSE_FPS = 12;
/** Below this cost of a frame the rate is not limited, ms. */
const CHEAP_MS = 34;
/** Share of the time that drawing may take if frames are expensive (no GPU, or a very large screen). */
const SHARE = 0.35;
const SLOWEST_FPS = 1;

/**
 * Frames per second: as many as the movement of the trucks needs, fewer if the machine cannot afford them.
 * @param pixelsPerSecond speed of a truck on the screen
 * @param costMs time that the GPU takes for a frame
 */
export function framesPerSecond(pixelsPerSecond: number, redInView: boolean, costMs: number): number {
  const moving = Math.max(1, Math.min(30, pixelsPerSecond * 4));
  const wanted = redInView ? Math.max(PULSE_FPS, moving) : moving;
  const affordable = costMs <= CHEAP_MS ? Number.POSITIVE_INFINITY : Math.max(SLOWEST_FPS, (1000 * SHARE) / costMs);
  return Math.min(wanted, affordable);
}
