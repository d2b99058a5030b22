import type { BridgeNews, LastFrame, StrangerSeen } from '@sealwatch/schemas';

/** A bridge that has been heard. */
export interface HeardBridge {
  bridge: string;
  connected: number;
  heardMs: number;
}

const STRANGERS = 50;
const FRAMES = 20_000;
const BRIDGES = 16;

/** Puts a value at the end of a map of at most so many. */
function keep<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > most) map.delete(map.keys().next().value as string);
}

/** What bridges have told lately: in memory, bounded, for people who connect locks. */
export class BridgeDesk {
  readonly #strangers = new Map<string, StrangerSeen>();
  readonly #frames = new Map<string, LastFrame>();
  readonly #bridges = new Map<string, HeardBridge>();
  /** Since the platform has started. */
  strangersTotal = 0;

  hear({ bridge, connected, strangers, frames }: BridgeNews, nowMs: number): void {
    keep(this.#bridges, bridge, { bridge, connected, heardMs: nowMs }, BRIDGES);
    for (const seen of strangers) {
      const key = `${seen.wireId} ${seen.network} ${seen.why}`;
      const count = (this.#strangers.get(key)?.count ?? 0) + seen.count;
      this.strangersTotal += seen.count;
      keep(this.#strangers, key, { ...seen, count }, STRANGERS);
    }
    for (const frame of frames) keep(this.#frames, frame.lockId, frame, FRAMES);
  }

  frameOf(lockId: string): LastFrame | undefined {
    return this.#frames.get(lockId);
  }

  /** Newest first. */
  get strangers(): StrangerSeen[] {
    return [...this.#strangers.values()].reverse();
  }

  get bridges(): HeardBridge[] {
    return [...this.#bridges.values()].reverse();
  }
}
