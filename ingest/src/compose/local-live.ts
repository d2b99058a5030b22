import type { Committed, Live } from '../ports.ts';

/** The stream of commits inside one process: function calls, so that nothing is ever missed. */
export class LocalLive implements Live {
  readonly #followers: ((committed: Committed) => void)[] = [];

  publish(committed: Committed): void {
    for (const take of this.#followers) take(committed);
  }

  async follow(take: (committed: Committed) => void): Promise<void> {
    this.#followers.push(take);
  }
}
