import { Command, commandTopic, type Reply, replyTopic, reportTopic } from '@sealwatch/schemas';
import { connect, type MqttClient } from 'mqtt';
import type { Logger } from 'pino';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 20_000;
const CONNECT_WITHIN_MS = 15_000;
const NOT_AUTHORISED = 5;

export interface LinkDeps {
  /** e.g. `mqtt://127.0.0.1:1883` */
  url: string;
  lockId: string;
  /** Asked at each connection: the lock may have got another one. Undefined: the bridge speaks for it no more. */
  secret(): string | undefined;
  command(command: Command): void;
  /** It was refused, and asking again has shown no other secret. */
  refused(): void;
  /** Asks for the list of locks anew. */
  refresh(): Promise<void>;
  log: Logger;
}

/** Something that waits for its PUBACK. */
interface Waiting {
  topic: string;
  payload: string;
  /** Given up with its connection. */
  once: boolean;
  stored: (isStored: boolean) => void;
}

/**
 * The MQTT connection of one lock, with its own secret. What is published waits until it is acknowledged, over losses of the
 * connection; on each connection it is sent in order.
 */
export class LockLink {
  readonly #deps: LinkDeps;
  readonly #waiting: Waiting[] = [];
  #client: MqttClient | undefined;
  #isUp = false;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = FIRST_WAIT_MS;
  #isClosed = false;

  constructor(deps: LinkDeps) {
    this.#deps = deps;
    this.#connect();
  }

  /** Resolves with true at the PUBACK, with false if the link is closed before. */
  report(payload: string, { once = false } = {}): Promise<boolean> {
    return this.#publish(reportTopic(this.#deps.lockId), payload, once);
  }

  reply(reply: Omit<Reply, 'v' | 'time'>): Promise<boolean> {
    const payload = JSON.stringify({ v: 1, ...reply, time: new Date().toISOString() });
    return this.#publish(replyTopic(this.#deps.lockId), payload, false);
  }

  /** Ends it once what waits is acknowledged, or at once. */
  async close({ drain = false } = {}): Promise<void> {
    if (drain && !this.#isClosed && this.#waiting.length > 0) await this.#drained();
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const { stored } of this.#waiting.splice(0)) stored(false);
    const client = this.#client;
    this.#client = undefined;
    if (client) await client.endAsync(!client.connected).catch(() => undefined);
  }

  async #drained(): Promise<void> {
    await Promise.all(
      this.#waiting.map(
        (one) =>
          new Promise<void>((resolve) => {
            const { stored } = one;
            one.stored = (isStored) => {
              stored(isStored);
              resolve();
            };
          }),
      ),
    );
  }

  #publish(topic: string, payload: string, once: boolean): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((stored) => {
      const one: Waiting = { topic, payload, once, stored };
      this.#waiting.push(one);
      if (this.#isUp) this.#send(one);
    });
  }

  #send(one: Waiting): void {
    const client = this.#client;
    client?.publish(one.topic, one.payload, { qos: 1 }, (error) => {
      const at = this.#waiting.indexOf(one);
      if (client !== this.#client || error || at < 0) return;
      this.#waiting.splice(at, 1);
      one.stored(true);
    });
  }

  #connect(): void {
    const { url, lockId, secret, log } = this.#deps;
    const password = secret();
    if (password === undefined) {
      this.#deps.refused();
      return;
    }
    // Each connection is a new client, so that this class and not the library decides what is sent again.
    const client = connect(url, {
      clientId: lockId,
      username: lockId,
      password,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: CONNECT_WITHIN_MS,
      keepalive: 60,
    });
    this.#client = client;
    let refused = false;
    client.on('connect', () => this.#up(client));
    client.on('message', (_topic, payload) => this.#command(payload));
    client.on('error', (error) => {
      refused = (error as { code?: number }).code === NOT_AUTHORISED;
      log.debug({ lockId, reason: error.message }, 'MQTT connection');
    });
    client.on('close', () => {
      if (client === this.#client) void this.#down(refused, password);
    });
  }

  #up(client: MqttClient): void {
    if (client !== this.#client) return;
    this.#isUp = true;
    this.#waitMs = FIRST_WAIT_MS;
    for (const one of this.#waiting) this.#send(one);
    client.subscribe(commandTopic(this.#deps.lockId), { qos: 1 }, () => undefined);
  }

  async #down(refused: boolean, used: string): Promise<void> {
    this.#isUp = false;
    this.#client = undefined;
    const given = this.#waiting.filter((one) => one.once);
    for (const one of given) {
      this.#waiting.splice(this.#waiting.indexOf(one), 1);
      one.stored(false);
    }
    if (refused) {
      await this.#deps.refresh().catch(() => undefined);
      if (this.#deps.secret() === used && !this.#isClosed)
        this.#deps.log.warn({ lockId: this.#deps.lockId }, 'the platform refuses the secret that it told');
    }
    if (this.#isClosed) return;
    const waitMs = this.#waitMs * (0.5 + Math.random());
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
    this.#timer = setTimeout(() => this.#connect(), waitMs).unref();
  }

  #command(payload: Buffer): void {
    let given: unknown;
    try {
      given = JSON.parse(payload.toString('utf8'));
    } catch {
      return;
    }
    const command = Command.safeParse(given);
    if (command.success) this.#deps.command(command.data);
    else this.#deps.log.warn({ lockId: this.#deps.lockId }, 'a command of the platform cannot be read');
  }
}
