import { MAX_REPORTS_PER_PUBLISH, type Report } from '@sealwatch/schemas';

const DAMAGED_TIMES = 5;
const DAMAGED_KEPT = 1_000;
const FINE_MS = 10 * 60_000;
const HOUR_MS = 3_600_000;
const WIDEST_ZONE_MS = 14 * HOUR_MS;
const RAW_AT_MOST = 8_192;

/** Payloads of publishes that hold the reports as the platform takes them: live ones apart from late ones, and before them. */
export function payloadsOf(reports: readonly Report[]): string[] {
  const late = reports.filter(({ kind }) => kind === 'backfill');
  const live = reports.filter(({ kind }) => kind !== 'backfill');
  return [...chunks(live), ...chunks(late)].map((some) => JSON.stringify(some));
}

function chunks(reports: readonly Report[]): Report[][] {
  // The newest sometimes come first; the platform reads a publish oldest first.
  const sorted = reports.toSorted((a, b) => Date.parse(a.time) - Date.parse(b.time));
  const parts: Report[][] = [];
  for (let from = 0; from < sorted.length; from += MAX_REPORTS_PER_PUBLISH) {
    parts.push(sorted.slice(from, from + MAX_REPORTS_PER_PUBLISH));
  }
  return parts;
}

/** Deliberately no report, so that it stays in quarantine with its bytes. */
export const unreadablePayload = (frame: Buffer, why: string): string =>
  JSON.stringify({ raw: frame.subarray(0, RAW_AT_MOST).toString('hex'), why });

/** What a lock of UTC is behind by where its profile says GMT+8, the zone of JT/T 808. */
const BEHIND_MS = -8 * HOUR_MS;

/**
 * The hours by which a lock's first live record with a fix is wrong, if that is a zone: then its profile is the wrong one.
 * A record may be old, so that only one difference is taken for a zone that is behind; none is made in the future.
 * Undefined: its time is fine, or wrong otherwise.
 */
export function wrongZoneHours(reports: readonly Report[], receivedMs: number): number | undefined {
  const first = reports.find(({ kind, position, boot }) => kind !== 'backfill' && position !== undefined && boot > 0);
  if (first === undefined) return undefined;
  const errorMs = Date.parse(first.time) - receivedMs;
  const zoneMs = Math.round(errorMs / HOUR_MS) * HOUR_MS;
  const mayBeZone = (zoneMs > 0 && zoneMs <= WIDEST_ZONE_MS) || zoneMs === BEHIND_MS;
  const isZone = mayBeZone && Math.abs(errorMs - zoneMs) < FINE_MS;
  return isZone ? zoneMs / HOUR_MS : undefined;
}

/** Whether some record was made at the time at which it came, so that the zone of the profile is right. */
export const hasRightTime = (reports: readonly Report[], receivedMs: number): boolean =>
  reports.some(({ kind, time }) => kind !== 'backfill' && Math.abs(Date.parse(time) - receivedMs) < FINE_MS);

/** Counts frames that come damaged in the same way: after some times they are let go, else they block their lock for ever. */
export class Damaged {
  readonly #times = new Map<string, number>();

  /** @returns whether this one is to be acknowledged all the same */
  again(frame: Buffer): boolean {
    const key = frame.toString('latin1');
    const times = (this.#times.get(key) ?? 0) + 1;
    this.#times.delete(key);
    if (this.#times.size >= DAMAGED_KEPT) this.#times.delete(this.#times.keys().next().value as string);
    this.#times.set(key, times);
    return times >= DAMAGED_TIMES;
  }
}
