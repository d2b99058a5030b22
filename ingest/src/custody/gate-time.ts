export interface PassageTime {
  /** What the gate says, epoch ms. */
  atMs: number;
  /** When the platform received the question, epoch ms. */
  receivedMs: number;
  /** The gate's clock is wrong: its time is not used. */
  clockWrong: boolean;
}

/**
 * @param at what the gate says, RFC 3339
 * @param toleranceMin by how much its clock may differ from the platform's
 */
export function passageTime(at: string, receivedMs: number, toleranceMin: number): PassageTime {
  const atMs = Date.parse(at);
  return { atMs, receivedMs, clockWrong: Math.abs(atMs - receivedMs) > toleranceMin * 60_000 };
}

/**
 * When a truck was at a gate, epoch ms: the gate's time if it can be true, else the receipt time. A gate does not ask
 * before the truck is there, and a truck is not there before it was sealed and departed.
 * @param notBeforeMs when the trip was sealed or departed; the result is never earlier
 */
export function passageMs(
  { atMs, receivedMs, clockWrong }: PassageTime,
  notBeforeMs = Number.NEGATIVE_INFINITY,
): number {
  const usable = !clockWrong && atMs <= receivedMs && atMs >= notBeforeMs;
  return Math.max(usable ? atMs : receivedMs, notBeforeMs);
}
