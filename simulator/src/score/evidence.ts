import { Alarm } from '@sealwatch/schemas';
import { z } from 'zod';
import type { Rest } from '../rest.ts';
import type { Played } from '../scenario/play.ts';
import type { SeenOnFeed } from './feed.ts';

/** The platform's answers about one trip. */
export interface Evidence {
  played: Played;
  alarms: Alarm[];
  /** identity (`lockId/boot/seq`) of every record shown, as often as it is shown */
  shown: string[];
  /** absent if the feed was not watched */
  seen?: SeenOnFeed;
}

const Page = z.object({ items: z.array(z.unknown()), next: z.string().optional() });
const Shown = z.object({ boot: z.number(), seq: z.number(), time: z.string(), sentTime: z.string().optional() });
const MAX_PAGES = 1_000;

async function everyItem(rest: Rest, path: string): Promise<unknown[]> {
  const items: unknown[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const more = cursor === undefined ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const read = Page.parse(await rest.get(`${path}${path.includes('?') ? '&' : '?'}limit=500${more}`));
    items.push(...read.items);
    if (read.next === undefined) return items;
    cursor = read.next;
  }
  throw new Error(`${path} does not end after ${MAX_PAGES} pages`);
}

export async function alarmsOf(rest: Rest, tripId: string): Promise<Alarm[]> {
  return z.array(Alarm).parse(await everyItem(rest, `/alarms?tripId=${tripId}`));
}

/** Locks and times of a query, which covers an hour before to an hour after. */
export type Window = Pick<Played, 'lockIds' | 'departedMs' | 'endMs'>;

/** @param byTime the locks number their records otherwise than the script: they are told by the second of their own clock */
export async function recordsOf(rest: Rest, played: Window, byTime = false): Promise<string[]> {
  const from = new Date(played.departedMs - 3_600_000).toISOString();
  const to = new Date(played.endMs + 3_600_000).toISOString();
  const shown: string[] = [];
  for (const lockId of played.lockIds) {
    const items = await everyItem(rest, `/locks/${lockId}/reports?from=${from}&to=${to}`);
    for (const item of items) {
      const { boot, seq, time, sentTime = time } = Shown.parse(item);
      shown.push(byTime ? `${lockId}/${Math.floor(Date.parse(sentTime) / 1_000)}` : `${lockId}/${boot}/${seq}`);
    }
  }
  return shown;
}

/** How many entries of the quarantine are of these locks. */
export async function quarantinedOf(rest: Rest, lockIds: ReadonlySet<string>): Promise<number> {
  const items = await everyItem(rest, '/quarantine');
  const Entry = z.object({ lockId: z.string() });
  return items.filter((item) => lockIds.has(Entry.parse(item).lockId)).length;
}
