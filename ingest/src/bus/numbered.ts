import { z } from 'zod';
import { boundSoon } from './bound.ts';
import type { Bus, Topic } from './bus.ts';

/** So that a message that was the last one is missed within a second. */
const BEAT_EVERY_MS = 1_000;
/** Who says nothing for so long is gone. */
const FORGET_AFTER_MS = 60_000;
const VERSION = 1;

const Envelope = z.object({
  v: z.literal(VERSION),
  /** Number of the message among those that its sender published on this topic, from 1; of a beat that of the last one. */
  n: z.int().min(0),
  body: z.unknown().optional(),
});

export interface NumberedDeps {
  bus: Bus;
  topic: Topic;
  log: { warn(fields: object, text: string): void };
  /** Default 1,000; 0: none. */
  beatEveryMs?: number;
}

/**
 * JSON on a topic of the bus, numbered by each sender, so that a receiver sees what it has missed: a hole in the numbers, a
 * message that cannot be read, or a connection that was lost.
 */
export class Numbered {
  readonly #deps: NumberedDeps;
  readonly #heard = new Map<number, { n: number; atMs: number }>();
  readonly #timer: NodeJS.Timeout | undefined;
  #n = 0;

  constructor(deps: NumberedDeps) {
    this.#deps = deps;
    const everyMs = deps.beatEveryMs ?? BEAT_EVERY_MS;
    if (everyMs > 0) this.#timer = setInterval(() => this.#beat(), everyMs).unref();
  }

  publish(body: unknown): void {
    this.#n += 1;
    this.#send({ v: VERSION, n: this.#n, body });
  }

  /** Resolves once nothing that is published from then on is missed without a call of `onGap`; while the bus is away after 5 s. */
  async follow(take: (body: unknown, from: number) => void, onGap: () => void): Promise<void> {
    const { bus, topic } = this.#deps;
    bus.onGap(onGap);
    const bound = bus.onTopic(topic, (from, message) => this.#take(from, message, take, onGap));
    await boundSoon(bound, onGap);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #send(envelope: z.input<typeof Envelope>): void {
    this.#deps.bus.publish(this.#deps.topic, Buffer.from(JSON.stringify(envelope)));
  }

  #beat(): void {
    // Who only listens may not be allowed to publish.
    if (this.#n > 0) this.#send({ v: VERSION, n: this.#n });
    const oldMs = performance.now() - FORGET_AFTER_MS;
    for (const [from, { atMs }] of this.#heard) if (atMs < oldMs) this.#heard.delete(from);
  }

  #take(from: number, message: Buffer, take: (body: unknown, from: number) => void, onGap: () => void): void {
    const { topic, log } = this.#deps;
    const envelope = Envelope.safeParse(parsed(message));
    if (!envelope.success) {
      log.warn({ from, topic, bytes: message.length }, 'a message of another member cannot be read');
      onGap();
      return;
    }
    const { n, body } = envelope.data;
    const last = this.#heard.get(from)?.n ?? 0;
    // One that comes twice was taken.
    if (body !== undefined && n <= last) return;
    this.#heard.set(from, { n: Math.max(n, last), atMs: performance.now() });
    if (n > last + (body === undefined ? 0 : 1)) onGap();
    if (body !== undefined) take(body, from);
  }
}

function parsed(message: Buffer): unknown {
  try {
    return JSON.parse(message.toString());
  } catch {
    return undefined;
  }
}
