import type { Broker } from '../broker/broker.ts';
import type { Logger } from '../log.ts';
import type { Hints } from '../ports.ts';

const GATHER_MS = 50;
/** A connection that is older than this when another gateway tells of a newer one was not opened at the same time. */
const AT_ONCE_MS = 1_000;

/** A lock that has connected to another gateway has left its connection to this one: the two tell each other. */
export class Sessions {
  readonly #hints: Hints;
  readonly #memberId: number;
  readonly #log: Logger;
  #gathered: [lockId: string, connectedMs: number][] = [];

  constructor(hints: Hints, memberId: number, log: Logger) {
    this.#hints = hints;
    this.#memberId = memberId;
    this.#log = log;
  }

  connect(broker: Pick<Broker, 'takenOver'>): void {
    this.#hints.on('sessions', ({ memberId, sessions }) => {
      if (memberId === this.#memberId) return;
      const nowMs = Date.now();
      for (const [lockId, theirsMs] of sessions) {
        broker.takenOver(lockId, (oursMs) => {
          // The clocks of two machines say nothing about connections of one second; of two at once one has to give way.
          if (nowMs - oursMs > AT_ONCE_MS) return true;
          return oursMs < theirsMs || (oursMs === theirsMs && this.#memberId < memberId);
        });
      }
    });
  }

  connected(lockId: string, connectedMs: number): void {
    if (this.#gathered.push([lockId, connectedMs]) === 1) setTimeout(() => this.#tell(), GATHER_MS).unref();
  }

  #tell(): void {
    const sessions = this.#gathered;
    this.#gathered = [];
    void this.#hints
      .publish({ hint: 'sessions', memberId: this.#memberId, sessions })
      .catch((error) => this.#log.warn({ err: error }, 'a hint was not taken'));
  }
}
