type Say = (key: string, values: Record<string, unknown>) => string;

const MINUTE_MS = 60_000;

/** `12 min`, `5 h`, `3 d`: how long ago, told no finer than it matters. @param ms infinite: never */
export function ageText(ms: number, say: Say): string {
  if (!Number.isFinite(ms)) return say('locks.never', {});
  const minutes = Math.max(0, Math.floor(ms / MINUTE_MS));
  if (minutes < 60) return say('locks.minutes', { n: minutes });
  if (minutes < 48 * 60) return say('locks.hours', { n: Math.floor(minutes / 60) });
  return say('locks.days', { n: Math.floor(minutes / 1_440) });
}

/** A file of locks: `lockId` or `lockId,model` on each line; a heading, blank lines and spaces do not matter. */
export function locksOfCsv(text: string): { lockId: string; model: string }[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.split(/[,;\t]/).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1')))
    .filter(([lockId], i) => lockId && !(i === 0 && /^(lock|锁|关锁)/i.test(lockId) && !/\d/.test(lockId)))
    .map(([lockId = '', model = '']) => ({ lockId: lockId.toUpperCase(), model }));
}
