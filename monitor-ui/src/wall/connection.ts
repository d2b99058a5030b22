import type { FeedHealth } from '@sealwatch/schemas';
import { type Ref, ref } from 'vue';
import { databaseDown, freshness, type Link } from '../feed/link.ts';

/** The connection to the platform, and whether what the wall shows is current. */
export interface Connection {
  nowMs: Ref<number>;
  link: Ref<Link>;
  stale: Ref<boolean>;
  /** Since when the platform reports that its database is down, client time; undefined while it is up. */
  downSinceMs: Ref<number | undefined>;
  linkChanged(link: Link): void;
  close(): void;
}

/** Checks every second. @param health the newest health that the feed has received */
export function watchConnection(health: () => FeedHealth): Connection {
  const nowMs = ref(Date.now());
  const link = ref<Link>({ phase: 'connecting', attempt: 0 });
  const stale = ref(true);
  const downSinceMs = ref<number>();
  const check = () => {
    downSinceMs.value = databaseDown(health()) ? (downSinceMs.value ?? Date.now()) : undefined;
    stale.value = freshness(link.value, Date.now()) === 'stale' || downSinceMs.value !== undefined;
  };
  const timer = setInterval(() => {
    nowMs.value = Date.now();
    check();
  }, 1_000);
  return {
    nowMs,
    link,
    stale,
    downSinceMs,
    linkChanged: (next) => {
      link.value = next;
      check();
    },
    close: () => clearInterval(timer),
  };
}
