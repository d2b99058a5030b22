import { isDeepStrictEqual } from 'node:util';
import type { PassageQuestion } from '@sealwatch/schemas';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** China Standard Time: lanes count from 1 again at the midnight of their gate. */
const GATE_ZONE_MS = 8 * 3_600_000;
/** A retry that stamps its question anew comes within this of the first one; later the same truck asks a new question. */
const RETRY_MS = 10 * 60_000;

/** The day that a passage's id belongs to, `YYYY-MM-DD`; empty for a UUID, which is used once for ever. */
export function dayOf({ passageId, at }: Pick<PassageQuestion, 'passageId' | 'at'>): string {
  if (UUID.test(passageId)) return '';
  return new Date(Date.parse(at) + GATE_ZONE_MS).toISOString().split('T')[0] ?? '';
}

/**
 * Which members make `asked` another question than `kept`; none: it is the same one, asked again. The order of members
 * and what the schema does not read make no difference, and neither does an `at` that a retry stamped anew.
 */
export function otherMembers(kept: PassageQuestion, asked: PassageQuestion): string[] {
  // What was kept has been JSON since.
  const [before, now] = [kept, asked].map((question) => new Map(Object.entries(JSON.parse(JSON.stringify(question)))));
  const names = [...new Set([...(before?.keys() ?? []), ...(now?.keys() ?? [])])];
  return names.filter((name) => {
    if (name === 'at') return Math.abs(Date.parse(kept.at) - Date.parse(asked.at)) > RETRY_MS;
    return !isDeepStrictEqual(before?.get(name), now?.get(name));
  });
}
