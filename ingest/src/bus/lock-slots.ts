/** Loads the slots of locks; unknown locks are left out. */
export type LoadSlots = (lockIds: string[]) => Promise<ReadonlyMap<string, number>>;

const KEPT_AT_MOST = 200_000;
/** A lock that is not registered is refused by whoever is asked. */
const SLOT_OF_UNKNOWN = 0;

/**
 * In which slots locks are, kept until a worker says that one has moved. Those that are asked for in one turn of the event loop
 * are loaded by one query.
 */
export class LockSlots {
  readonly #load: LoadSlots;
  readonly #slots = new Map<string, number>();
  #asking: { lockIds: Set<string>; answer: Promise<void> } | undefined;

  constructor(load: LoadSlots) {
    this.#load = load;
  }

  get(lockId: string): number | undefined {
    return this.#slots.get(lockId);
  }

  forget(lockId: string): void {
    this.#slots.delete(lockId);
  }

  /** Resolves once `get` knows it. Rejects while the store cannot be read. */
  load(lockId: string): Promise<void> {
    if (this.#asking === undefined) {
      const lockIds = new Set<string>();
      const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
        this.#asking = undefined;
        const slots = await this.#load([...lockIds]);
        if (this.#slots.size > KEPT_AT_MOST) this.#slots.clear();
        for (const id of lockIds) this.#slots.set(id, slots.get(id) ?? SLOT_OF_UNKNOWN);
      });
      this.#asking = { lockIds, answer };
    }
    this.#asking.lockIds.add(lockId);
    return this.#asking.answer;
  }
}
