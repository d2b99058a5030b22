import type { Hint, HintOf, Hints } from '../ports.ts';

type Take = (hint: Hint) => Promise<void> | void;

/** Hints inside one process: function calls. */
export class LocalHints implements Hints {
  readonly #listeners = new Map<Hint['hint'], Take[]>();

  on<K extends Hint['hint']>(kind: K, take: (hint: HintOf<K>) => Promise<void> | void): void {
    const listeners = this.#listeners.get(kind) ?? [];
    this.#listeners.set(kind, [...listeners, take as Take]);
  }

  /** A function call is not lost. */
  onGap(): void {}

  async publish(hint: Hint): Promise<void> {
    await Promise.all((this.#listeners.get(hint.hint) ?? []).map((take) => take(hint)));
  }
}
