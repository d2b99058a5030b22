import type { Bus, MessageKind, SendResult, TakeMessage, Topic } from '../../src/bus/bus.ts';

/** What befalls a message on its way; called once for each receiver. */
export interface Faults {
  /** Whether it is lost, comes once, or comes twice. */
  copies(): 0 | 1 | 2;
  /** How long it is under way, ms; the order between two members is kept. */
  delayMs(): number;
}

const NONE: Faults = { copies: () => 1, delayMs: () => 0 };

/** All buses of one process. */
export class MemoryNet {
  readonly #members = new Map<number, MemoryBus>();
  faults: Faults = NONE;

  join(memberId: number): MemoryBus {
    const bus = new MemoryBus(memberId, this);
    this.#members.set(memberId, bus);
    return bus;
  }

  leave(memberId: number): void {
    this.#members.delete(memberId);
  }

  get(memberId: number): MemoryBus | undefined {
    return this.#members.get(memberId);
  }

  all(): MemoryBus[] {
    return [...this.#members.values()];
  }
}

/** Messages inside one process, at the mercy of the net's faults. */
export class MemoryBus implements Bus {
  readonly memberId: number;
  readonly #net: MemoryNet;
  readonly #listeners = new Map<MessageKind | Topic, TakeMessage>();
  readonly #gapListeners: (() => void)[] = [];
  /** When the last message from each member arrives: none overtakes it. */
  readonly #arrivals = new Map<number, Promise<void>>();
  #connection = 1;
  #isCut = false;

  constructor(memberId: number, net: MemoryNet) {
    this.memberId = memberId;
    this.#net = net;
  }

  /** Loses the connection, and what is under way to it. */
  cut(): void {
    this.#isCut = true;
    this.#connection++;
  }

  join(): void {
    this.#isCut = false;
    for (const listener of this.#gapListeners) listener();
  }

  async send(kind: MessageKind, to: number, body: Buffer): Promise<SendResult> {
    if (this.#isCut) return 'unknown';
    const receiver = this.#net.get(to);
    const takes = receiver?.takes(kind) === true;
    if (takes) receiver.arrive(this.memberId, kind, body);
    const connection = this.#connection;
    await Promise.resolve();
    if (connection !== this.#connection) return 'unknown';
    return takes ? 'sent' : 'nobody';
  }

  publish(topic: Topic, body: Buffer): void {
    if (this.#isCut) return;
    for (const member of this.#net.all()) if (member !== this) member.arrive(this.memberId, topic, body);
  }

  takes(to: MessageKind | Topic): boolean {
    return !this.#isCut && this.#listeners.has(to);
  }

  arrive(from: number, to: MessageKind | Topic, body: Buffer): void {
    const take = this.#listeners.get(to);
    if (this.#isCut || take === undefined) return;
    const { faults } = this.#net;
    const connection = this.#connection;
    const copies = faults.copies();
    const delayMs = faults.delayMs();
    const before = this.#arrivals.get(from) ?? Promise.resolve();
    const arrival = before
      .then(() => new Promise<void>((resolve) => (delayMs > 0 ? setTimeout(resolve, delayMs) : setImmediate(resolve))))
      .then(() => {
        for (let i = 0; i < copies && connection === this.#connection; i++) take(from, Buffer.from(body));
      });
    this.#arrivals.set(from, arrival);
  }

  async onMessage(kind: MessageKind, take: TakeMessage): Promise<void> {
    this.#listen(kind, take);
  }

  async onTopic(topic: Topic, take: TakeMessage): Promise<void> {
    this.#listen(topic, take);
  }

  #listen(to: MessageKind | Topic, take: TakeMessage): void {
    if (this.#listeners.has(to)) throw new Error(`there is a listener to ${to} already`);
    this.#listeners.set(to, take);
  }

  onGap(listener: () => void): void {
    this.#gapListeners.push(listener);
  }

  ready(): string[] {
    return this.#isCut ? ['bus: cut'] : [];
  }

  async close(): Promise<void> {
    this.cut();
    this.#net.leave(this.memberId);
  }
}
