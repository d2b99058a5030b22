import type { SentReport } from './report-frames.ts';

export type Lane = 'live' | 'late';

/** A publish that was received and not answered yet. */
export interface Entry extends SentReport {
  lane: Lane;
  /** What it takes in a frame. */
  bytes: number;
  done: (error?: Error) => void;
  /** Whom it was sent to and not taken back from; undefined: it is to be sent. */
  sentTo: number | undefined;
  /** By `performance.now()`. */
  sentMs: number;
  /** Everybody that it was ever sent to: each may have stored it. */
  asked: number[];
  answer?: { error?: Error };
}

/** What waits of one lock, in the order in which it was received. */
export class Line {
  readonly lockId: string;
  readonly #entries: Entry[] = [];
  /** Those before it are on their way, or answered. */
  #next = 0;
  /** Where it waits for its turn. */
  waitsIn: Set<Line> | undefined;
  /** Its slot is being looked up. */
  isLocated = true;

  constructor(lockId: string) {
    this.lockId = lockId;
  }

  get size(): number {
    return this.#entries.length;
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
  }

  entries(): readonly Entry[] {
    return this.#entries;
  }

  /** The first that is to be sent. */
  next(): Entry | undefined {
    for (; ; this.#next++) {
      const entry = this.#entries[this.#next];
      if (entry === undefined || (entry.answer === undefined && entry.sentTo === undefined)) return entry;
    }
  }

  /** Everything that is not answered is to be sent again, in order. @returns what was on its way */
  takeBack(): { to: number; entry: Entry }[] {
    this.#next = 0;
    return this.#entries.flatMap((entry) => {
      const to = entry.sentTo;
      entry.sentTo = undefined;
      return to === undefined || entry.answer !== undefined ? [] : { to, entry };
    });
  }

  /** Those that are answered, up to the first that is not. */
  release(): Entry[] {
    const first = this.#entries.findIndex(({ answer }) => answer === undefined);
    const released = this.#entries.splice(0, first < 0 ? this.#entries.length : first);
    this.#next = Math.max(0, this.#next - released.length);
    return released;
  }
}
