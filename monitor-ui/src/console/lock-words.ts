type Say = (key: string, values: Record<string, unknown>) => string;

const MINUTE_MS = 60_000;

/** `12 min`, `5 h`, `3 d`: how long ago, in the largest fitting unit. @param ms infinite: never */
export function ageText(ms: number, say: Say): string {
  if (!Number.isFinite(ms)) return say('locks.never', {});
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  if (minutes < 60) return say('locks.minutes', { n: minutes });
  if (minutes < 48 * 60) return say('locks.hours', { n: Math.floor(minutes / 60) });
  return say('locks.days', { n: Math.floor(minutes / 1_440) });
}
