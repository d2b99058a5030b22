interface Turn {
  /** What to send after the pass under way; undefined: nothing. */
  next: { sentBefore: Date | undefined } | undefined;
  done: Promise<void>;
}

/** One pass at a time per lock, so that commands keep their order; a call during a pass adds one more pass. */
export class Turns {
  readonly #busy = new Map<string, Turn>();
  readonly #pass: (lockId: string, sentBefore: Date | undefined) => Promise<void>;
  readonly #failed: (lockId: string, error: unknown) => void;

  /**
   * @param pass sends what waits for a lock
   * @param failed called when a pass has rejected; the passes that waited behind it are dropped
   */
  constructor(
    pass: (lockId: string, sentBefore: Date | undefined) => Promise<void>,
    failed: (lockId: string, error: unknown) => void,
  ) {
    this.#pass = pass;
    this.#failed = failed;
  }

  /** Resolves once a pass that began after this call is done. @param sentBefore kept for a pass that waits, if absent */
  take(lockId: string, sentBefore?: Date): Promise<void> {
    const busy = this.#busy.get(lockId);
    if (busy) {
      busy.next = { sentBefore: sentBefore ?? busy.next?.sentBefore };
      return busy.done;
    }
    const turn: Turn = { next: { sentBefore }, done: Promise.resolve() };
    this.#busy.set(lockId, turn);
    turn.done = this.#work(lockId, turn);
    return turn.done;
  }

  async #work(lockId: string, turn: Turn): Promise<void> {
    try {
      while (turn.next) {
        const { sentBefore } = turn.next;
        turn.next = undefined;
        await this.#pass(lockId, sentBefore);
      }
    } catch (error) {
      this.#failed(lockId, error);
    } finally {
      this.#busy.delete(lockId);
    }
  }

  /** Resolves once the passes under way are done. */
  async settled(): Promise<void> {
    await Promise.all([...this.#busy.values()].map((turn) => turn.done));
  }
}
