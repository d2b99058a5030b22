import { Command, commandTopic, replyTopic, reportTopic } from '@sealwatch/schemas';
import type { MqttClient } from 'mqtt';
import { connect } from 'mqtt';
import { accepted, credential, type Keyring, offered, refused } from './lock/keyring.ts';
import { InterfaceError } from './rest.ts';

/** What happens on a lock's radio link. */
export interface LinkEvents {
  connected(): void;
  disconnected(): void;
  command(command: Command): void;
  /** The lock's secrets have changed: to be stored before anything else. */
  keys(keys: Keyring): void;
  /** The platform refuses this lock's id or secret; the link does not connect again. */
  refused(error: InterfaceError): void;
}

export interface Link {
  /** Publishes at QoS 1; `done` is called on PUBACK only. */
  publish(what: 'report' | 'reply', payload: string, done?: () => void): void;
  /** A new secret for the connections from now on; the one before it is kept until this one was accepted. */
  offer(secret: string): void;
  /** Signs in anew once what was published is acknowledged. */
  signInAgain(): void;
  /** Closes the connection without DISCONNECT and stays offline until `restore`: a dead zone. */
  lose(): void;
  restore(): void;
  close(): Promise<void>;
}

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

/**
 * Opens a lock's MQTT connection (contract §2) and opens it again after a loss, with back-off.
 * @param pick random numbers in [0, 1) that spread the attempts of many locks
 */
export function openLink(url: string, lockId: string, keys: Keyring, events: LinkEvents, pick: () => number): Link {
  const link = new MqttLink(url, lockId, keys, events, pick);
  link.restore();
  return link;
}

/** Each connection is a new MQTT client, so that the firmware and not the library decides what is sent again. */
class MqttLink implements Link {
  readonly #url: string;
  readonly #lockId: string;
  readonly #events: LinkEvents;
  readonly #pick: () => number;
  #keys: Keyring;
  #client: MqttClient | undefined;
  #timer: NodeJS.Timeout | undefined;
  #waitMs = FIRST_WAIT_MS;
  /** The link should be connected. */
  #wanted = false;
  /** `connected` has been reported. */
  #up = false;

  constructor(url: string, lockId: string, keys: Keyring, events: LinkEvents, pick: () => number) {
    this.#url = url;
    this.#lockId = lockId;
    this.#keys = keys;
    this.#events = events;
    this.#pick = pick;
  }

  publish(what: 'report' | 'reply', payload: string, done?: () => void): void {
    const sender = this.#client;
    if (!sender?.connected) return;
    const topic = what === 'report' ? reportTopic(this.#lockId) : replyTopic(this.#lockId);
    sender.publish(topic, payload, { qos: 1 }, (error) => {
      if (!error && sender === this.#client) done?.();
    });
  }

  offer(secret: string): void {
    this.#keep(offered(this.#keys, secret));
  }

  signInAgain(): void {
    // Ends with a DISCONNECT behind the publishes that still wait; the link opens again when it is closed.
    this.#client?.end(false);
  }

  lose(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
    const lost = this.#client;
    this.#disconnected();
    lost?.stream.destroy();
  }

  restore(): void {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#connect();
  }

  async close(): Promise<void> {
    this.#wanted = false;
    clearTimeout(this.#timer);
    const closing = this.#client;
    if (closing) await closing.endAsync(!closing.connected).catch(() => undefined);
  }

  #keep(keys: Keyring): void {
    if (keys === this.#keys) return;
    this.#keys = keys;
    this.#events.keys(keys);
  }

  #connect(): void {
    const used = credential(this.#keys);
    const client = connect(this.#url, {
      clientId: this.#lockId,
      username: this.#lockId,
      password: used,
      protocolVersion: 4,
      clean: true,
      reconnectPeriod: 0,
      connectTimeout: 15_000,
      keepalive: 60,
      queueQoSZero: false,
    });
    this.#client = client;
    client.on('connect', () => {
      this.#keep(accepted(this.#keys, used));
      this.#subscribe(client);
    });
    client.on('message', (_topic, payload) => {
      const read = Command.safeParse(parse(payload.toString()));
      if (read.success) this.#events.command(read.data);
    });
    client.on('error', (error) => this.#failed('code' in error ? error.code : undefined, used));
    client.once('close', () => {
      client.end(true);
      // `lose` has reported this disconnection already.
      if (this.#client !== client) return;
      this.#disconnected();
      this.#connectLater();
    });
  }

  /** The link is up once the lock would receive commands. */
  #subscribe(client: MqttClient): void {
    client.subscribe(commandTopic(this.#lockId), { qos: 1 }, (error) => {
      if (error) {
        client.end(true);
        return;
      }
      if (this.#client !== client) return;
      this.#up = true;
      this.#waitMs = FIRST_WAIT_MS;
      this.#events.connected();
    });
  }

  #failed(code: unknown, used: string): void {
    if (code !== 4 && code !== 5) return;
    const keys = refused(this.#keys, used);
    if (keys !== undefined) {
      this.#keep(keys);
      return;
    }
    this.#wanted = false;
    const why = `CONNACK ${code}: the lock id or its secret is not accepted`;
    this.#events.refused(new InterfaceError(`MQTT ${this.#url}, lock ${this.#lockId}`, why, code));
  }

  #disconnected(): void {
    this.#client = undefined;
    if (this.#up) this.#events.disconnected();
    this.#up = false;
  }

  #connectLater(): void {
    if (!this.#wanted) return;
    this.#timer = setTimeout(() => this.#connect(), this.#waitMs * (0.5 + this.#pick()));
    this.#waitMs = Math.min(this.#waitMs * 2, LONGEST_WAIT_MS);
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
