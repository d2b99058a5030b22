import type { BridgedLock, Command } from '@sealwatch/schemas';
import type { Logger } from 'pino';
import { Downlink } from './downlink.ts';
import type { Ledger } from './ledger.ts';
import { LockLink } from './lock-link.ts';
import type { BridgeMetrics } from './metrics.ts';
import { Damaged, hasRightTime, payloadsOf, unreadablePayload, wrongZoneHours } from './uplink.ts';
import type { Bound, Message, Wire } from './wire.ts';

export interface LockDeps {
  wire: Wire;
  ledger: Ledger;
  mqttUrl: string;
  metrics: BridgeMetrics;
  log: Logger;
  nowMs(): number;
  /** As the platform lists it now; undefined: the bridge speaks for it no more. */
  listed(lockId: string): BridgedLock | undefined;
  refresh(): Promise<void>;
  /** The lock of a wire id that is reached through a hub; undefined: none is registered. */
  behind(wireId: string): ConnectedLock | undefined;
  /** The platform refuses a lock that has no connection. */
  gone(lock: ConnectedLock): void;
  answerWithinMs?: number | undefined;
}

/** The connection that speaks for a lock. */
export interface Speaking {
  readonly isOpen: boolean;
  readonly network: string;
  end(why: string): void;
  supersede(withinMs: number, lives: () => void): void;
}

/** One frame on its way: what of it waits for the platform. */
export interface Arrived {
  frame: Buffer;
  message: Message;
  receivedMs: number;
}

/** A lock that is connected, or was a moment ago: its MQTT connection, its commands, what is known of its clock. */
export class ConnectedLock {
  readonly bound: Bound;
  readonly link: LockLink;
  readonly downlink: Downlink;
  readonly #deps: LockDeps;
  readonly #damaged = new Damaged();
  /** The connection that speaks for it now. */
  connection: Speaking | undefined;
  /** Its records come through a hub. */
  isBehindHub = false;
  /** A record has come at its own time: the zone of its profile is right. */
  #isClockRight = false;

  constructor({ lockId, wireId, profile }: BridgedLock, deps: LockDeps) {
    this.#deps = deps;
    this.bound = { lockId, wireId, profile };
    this.link = new LockLink({
      url: deps.mqttUrl,
      lockId,
      secret: () => deps.listed(lockId)?.secret,
      command: (command) => this.#command(command),
      refused: () => (this.connection ? this.connection.end('not-listed') : deps.gone(this)),
      refresh: deps.refresh,
      log: deps.log,
    });
    this.downlink = new Downlink({
      ...deps,
      reply: (reply) => void this.link.reply(reply),
      interval: (s) => {
        this.bound.intervalS = s;
      },
    });
  }

  /**
   * Has what several frames say stored, live records before late ones. `stored` is called for each frame once all of it is,
   * in their order: then it is acknowledged on the wire.
   */
  async store(arrived: readonly Arrived[], stored: (one: Arrived, ack: Buffer | undefined) => void): Promise<void> {
    const fit = arrived.filter((one) => one.message.records !== undefined && !this.#isOfWrongZone(one));
    const reports = fit.flatMap(({ message }) => message.records?.items ?? []);
    const published = Promise.all(payloadsOf(reports).map((payload) => this.link.report(payload)));
    const behind = await Promise.all(fit.map((one) => this.#storeBehind(one)));
    const areStored = (await published).every((isStored) => isStored);
    fit.forEach((one, i) => {
      if (areStored && behind[i]) stored(one, one.message.records?.ack);
    });
    if (areStored) this.#deps.metrics.records(reports.length);
    for (const one of arrived) if (!fit.includes(one)) await this.#quarantine(one, stored);
  }

  /** Has records of locks behind this hub stored as theirs; of those that nobody has registered the frame is kept. */
  async #storeBehind({ frame, message }: Arrived): Promise<boolean> {
    const strangers: string[] = [];
    const published = (message.behind ?? []).flatMap(({ wireId, report }) => {
      const lock = this.#deps.behind(wireId);
      if (lock === undefined) strangers.push(wireId);
      return lock?.link.report(JSON.stringify([report])) ?? [];
    });
    if (strangers.length > 0) {
      const why = `records of locks behind this one that are not registered: ${strangers.join(', ')}; register them with these wire ids`;
      published.push(this.link.report(unreadablePayload(frame, why), { once: true }));
    }
    return (await Promise.all(published)).every((isStored) => isStored);
  }

  #command(command: Command): void {
    if (!this.isBehindHub || this.connection !== undefined) {
      this.downlink.give(command);
      return;
    }
    const reason = 'this lock is reached through a hub, for which no command to it is known';
    void this.link.reply({ commandId: command.commandId, result: 'refused', reason });
  }

  #isOfWrongZone({ message, receivedMs }: Arrived): boolean {
    const reports = message.records?.items ?? [];
    this.#isClockRight ||= hasRightTime(reports, receivedMs);
    const hours = this.#isClockRight ? undefined : wrongZoneHours(reports, receivedMs);
    if (hours === undefined) return false;
    const { lockId, profile } = this.bound;
    const sign = hours > 0 ? 'ahead' : 'behind';
    const why = `its clock is ${Math.abs(hours)} h ${sign} by profile ${profile}: the profile has the wrong zone for this lock; register it with the one that fits`;
    // However often it comes, it is not acknowledged: the lock keeps it. What was only old leaves the zone within minutes.
    message.unreadable = { why };
    this.#deps.metrics.refused('zone');
    this.#deps.log.warn({ lockId, profile, hours }, 'the clock of a lock is off by whole hours: wrong profile?');
    return true;
  }

  async #quarantine(one: Arrived, stored: (one: Arrived, ack: Buffer | undefined) => void): Promise<void> {
    const { frame, message } = one;
    if (message.unreadable === undefined) return;
    const { why, ack, isDamaged } = message.unreadable;
    // The same frame so often will come no better; its bytes are in quarantine.
    const lets = isDamaged !== true || this.#damaged.again(frame);
    if (await this.link.report(unreadablePayload(frame, why), { once: true })) stored(one, lets ? ack : undefined);
  }

  async close(drain: boolean): Promise<void> {
    this.downlink.attach(undefined);
    this.downlink.close();
    await this.link.close({ drain });
  }
}
