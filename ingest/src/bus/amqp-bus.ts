import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { AMQPChannelError, type Channel, Connection, type ConnectionOptions } from 'rabbitmq-client';
import type { Logger } from '../log.ts';
import type { AmqpSettings } from './amqp-url.ts';
import { type Bus, MAX_BODY_BYTES, type MessageKind, type SendResult, type TakeMessage, type Topic } from './bus.ts';

export interface AmqpBusDeps {
  settings: AmqpSettings;
  memberId: number;
  /** Shown by RabbitMQ, e.g. the host and the process. */
  name: string;
  log: Logger;
}

/** Nobody waits for an older message: what is not answered is sent again, and a hole in a stream is read from the store. */
const MESSAGE_TTL_MS = 30_000;
/** RabbitMQ and the client give a silent connection up after two of them. */
const HEARTBEAT_S = 4;
/** Of a listener that is too slow RabbitMQ drops the oldest messages beyond so much. */
const LIVE_QUEUE_BYTES = 64 * 2 ** 20;
/** What is published while so much waits for the socket is lost: listeners see the hole. */
const UNWRITTEN_BYTES = 32 * 2 ** 20;
const AGAIN_MS = { first: 100, longest: 2_000 };

const EXCHANGES = [
  { exchange: 'sealwatch.reports', type: 'direct' },
  { exchange: 'sealwatch.answers', type: 'direct' },
  { exchange: 'sealwatch.live', type: 'fanout' },
  { exchange: 'sealwatch.hints', type: 'fanout' },
] as const;

interface Listener {
  take: TakeMessage;
  /** Called once it has been bound for the first time. */
  bound: () => void;
}

/** What stands from one connection to its loss. */
interface Session {
  confirming: Channel;
  publishing: Channel;
  consuming: Channel;
  /** Resolves when one of the channels is lost. */
  ended: Promise<void>;
}

/**
 * Members over RabbitMQ, which holds no data of theirs: each has exclusive queues that are gone with its connection. A queue has
 * another name at every connection, because RabbitMQ keeps one of a lost connection until its heartbeat is missed.
 */
export class AmqpBus implements Bus {
  readonly memberId: number;
  readonly #log: AmqpBusDeps['log'];
  readonly #connection: Connection;
  readonly #listeners = new Map<MessageKind | Topic, Listener>();
  readonly #gapListeners: (() => void)[] = [];
  readonly #returned = new Set<string>();
  #session: Session | undefined;
  #why = 'bus: not connected yet';
  #blocked: string | undefined;
  #connections = 0;
  #messages = 0;
  #unwrittenBytes = 0;
  readonly #closing = new AbortController();
  readonly #kept: Promise<void>;

  constructor({ settings, memberId, name, log }: AmqpBusDeps) {
    this.memberId = memberId;
    this.#log = log;
    this.#connection = new Connection(optionsOf(settings, `sealwatch ${name}`));
    this.#connection.on('error', (error) => {
      this.#why = `bus: ${messageOf(error)}`;
      if (!this.#closing.signal.aborted) log.warn({ err: error }, 'the connection to RabbitMQ was lost');
    });
    this.#connection.on('connection.blocked', (reason) => {
      this.#blocked = `bus: RabbitMQ takes nothing now: ${reason}`;
      log.warn({ reason }, 'RabbitMQ takes nothing now');
    });
    this.#connection.on('connection.unblocked', () => {
      this.#blocked = undefined;
    });
    this.#kept = this.#keep();
  }

  async send(kind: MessageKind, to: number, body: Buffer): Promise<SendResult> {
    const session = this.#session;
    if (session === undefined || body.length > MAX_BODY_BYTES) return 'unknown';
    const messageId = String(++this.#messages);
    try {
      const envelope = { exchange: `sealwatch.${kind}`, routingKey: String(to), mandatory: true, messageId };
      await session.confirming.basicPublish({ ...envelope, appId: String(this.memberId) }, body);
    } catch (error) {
      this.#log.debug({ err: error, to }, 'a message may not have been sent');
      return 'unknown';
    }
    // What nobody takes comes back before its confirm, and is told in a turn of its own.
    await setImmediate();
    return this.#returned.delete(messageId) ? 'nobody' : 'sent';
  }

  publish(topic: Topic, body: Buffer): void {
    const session = this.#session;
    const tooMuch = body.length > MAX_BODY_BYTES || this.#unwrittenBytes > UNWRITTEN_BYTES;
    if (session === undefined || this.#blocked !== undefined || tooMuch) return;
    this.#unwrittenBytes += body.length;
    const written = () => {
      this.#unwrittenBytes -= body.length;
    };
    const envelope = { exchange: `sealwatch.${topic}`, routingKey: '', appId: String(this.memberId) };
    session.publishing.basicPublish(envelope, body).then(written, written);
  }

  onMessage(kind: MessageKind, take: TakeMessage): Promise<void> {
    return this.#listen(kind, take);
  }

  onTopic(topic: Topic, take: TakeMessage): Promise<void> {
    return this.#listen(topic, (from, body) => {
      if (from !== this.memberId) take(from, body);
    });
  }

  async #listen(to: MessageKind | Topic, take: TakeMessage): Promise<void> {
    if (this.#listeners.has(to)) throw new Error(`there is a listener to ${to} already`);
    await new Promise<void>((resolve) => {
      const listener = { take, bound: resolve };
      this.#listeners.set(to, listener);
      const session = this.#session;
      if (session === undefined) return;
      this.#bind(session.consuming, to, listener).catch((error) => {
        // The next connection binds it.
        this.#log.warn({ err: error }, 'a queue could not be made in RabbitMQ');
        void session.consuming.close();
      });
    });
  }

  onGap(listener: () => void): void {
    this.#gapListeners.push(listener);
  }

  ready(): string[] {
    if (this.#session === undefined) return [this.#why];
    return this.#blocked === undefined ? [] : [this.#blocked];
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const session = this.#session;
    // What was sent before is written out.
    if (session) await closeAll(session);
    await this.#connection.close().catch(() => undefined);
    await this.#kept;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#closing;
    let hadSession = false;
    for (let failures = 0; !signal.aborted; ) {
      try {
        const session = await this.#open();
        failures = 0;
        this.#log.info({ connections: this.#connections }, 'RabbitMQ is connected');
        // A listener that comes for the first time has missed nothing yet.
        if (hadSession) for (const listener of this.#gapListeners) listener();
        hadSession = true;
        await session.ended;
        this.#session = undefined;
        this.#blocked = undefined;
        if (!signal.aborted) await closeAll(session);
      } catch (error) {
        if (signal.aborted) return;
        this.#why = `bus: ${messageOf(error)}`;
        if (failures === 0) this.#log.warn({ err: error }, 'RabbitMQ cannot be used; it is tried again');
      }
      const againMs = Math.min(AGAIN_MS.longest, AGAIN_MS.first * 2 ** Math.min(failures++, 10));
      await sleep(againMs, undefined, { signal }).catch(() => undefined);
    }
  }

  async #open(): Promise<Session> {
    this.#connections++;
    const channels: Channel[] = [];
    try {
      for (let i = 0; i < 3; i++) channels.push(await this.#connection.acquire({ emitErrorsFromChannel: true }));
      const [confirming, publishing, consuming] = channels as [Channel, Channel, Channel];
      const ended = Promise.race(channels.map((channel) => this.#lostOf(channel)));
      confirming.on('basic.return', ({ messageId }) => {
        if (messageId !== undefined) this.#returned.add(messageId);
      });
      if (!(await this.#hasExchanges()))
        for (const each of EXCHANGES) await consuming.exchangeDeclare({ ...each, durable: true });
      await confirming.confirmSelect();
      this.#returned.clear();
      // One that comes meanwhile is bound by this loop, one that comes later by whoever brings it.
      for (const [to, listener] of this.#listeners) await this.#bind(consuming, to, listener);
      this.#session = { confirming, publishing, consuming, ended };
      return this.#session;
    } catch (error) {
      await Promise.all(channels.map((channel) => channel.close()));
      throw error;
    }
  }

  /** Where users have few rights the exchanges are there already, and nobody may make any. */
  async #hasExchanges(): Promise<boolean> {
    const asking = await this.#connection.acquire();
    try {
      for (const { exchange } of EXCHANGES) await asking.exchangeDeclare({ exchange, passive: true });
      return true;
    } catch (error) {
      if (error instanceof AMQPChannelError && error.code === 'NOT_FOUND') return false;
      throw error;
    } finally {
      await asking.close();
    }
  }

  /** Resolves when a channel is closed, or RabbitMQ has ended its consumer. */
  #lostOf(channel: Channel): Promise<void> {
    return new Promise((resolve) => {
      channel.on('error', (error) => this.#log.warn({ err: error }, 'RabbitMQ has closed a channel'));
      channel.on('basic.cancel', () => resolve());
      channel.once('close', () => resolve());
    });
  }

  async #bind(channel: Channel, to: MessageKind | Topic, listener: Listener): Promise<void> {
    const queue = `sealwatch.${to}.${this.memberId}.${this.#connections}`;
    const isLive = to === 'live';
    await channel.queueDeclare({
      queue,
      exclusive: true,
      autoDelete: true,
      durable: false,
      arguments: {
        'x-queue-type': 'classic',
        'x-message-ttl': MESSAGE_TTL_MS,
        ...(isLive ? { 'x-max-length-bytes': LIVE_QUEUE_BYTES, 'x-overflow': 'drop-head' } : {}),
      },
    });
    await channel.basicConsume({ queue, noAck: true, exclusive: true }, (message) => {
      const from = Number(message.appId);
      if (Number.isSafeInteger(from) && Buffer.isBuffer(message.body)) listener.take(from, message.body);
    });
    await channel.queueBind({ queue, exchange: `sealwatch.${to}`, routingKey: String(this.memberId) });
    listener.bound();
  }
}

function optionsOf({ hosts, tls, ca, username, password, vhost }: AmqpSettings, name: string): ConnectionOptions {
  const [hostname = 'localhost'] = hosts;
  return {
    hostname,
    hosts,
    ...(tls ? { tls: ca === undefined ? true : { ca } } : {}),
    ...{ username, password, vhost },
    connectionName: name,
    heartbeat: HEARTBEAT_S,
    connectionTimeout: 5_000,
    acquireTimeout: 10_000,
    retryLow: AGAIN_MS.first,
    retryHigh: AGAIN_MS.longest,
    frameMax: 128 * 1024,
    noDelay: true,
  };
}

async function closeAll({ confirming, publishing, consuming }: Session): Promise<void> {
  await Promise.all([confirming, publishing, consuming].map((channel) => channel.close()));
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
