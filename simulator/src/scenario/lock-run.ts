import type { LockEvent, Report } from '@sealwatch/schemas';
import type { Motion } from '../drive.ts';
import { step } from '../lock/firmware.ts';
import type { LockInput, LockOutput } from '../lock/input-output.ts';
import type { LockState } from '../lock/state.ts';
import { rebooted, wantsReport } from '../lock/state.ts';
import { moved } from '../path.ts';
import type { Random } from '../random.ts';
import { randomStream } from '../random.ts';
import type { How } from './radio.ts';
import { Receiver } from './receiver.ts';
import type { Act } from './scenario.ts';
import type { TripWorld } from './world.ts';
import { motionIn } from './world.ts';

/** One payload that a lock sends, in the order it sends them. */
export interface Sending {
  lockId: string;
  /** JSON, or a malformed payload; `@now` in it is replaced by the time of sending */
  payload: string;
  /** waits until the lock's next trip has been declared */
  held: boolean;
  /** earliest time of sending, epoch ms; absent: at once */
  dueMs?: number;
  /** absent: it arrives, and its acknowledgement too */
  how?: How;
}

/** What one lock did on one trip. */
export interface LockRun {
  lock: LockState;
  sendings: Sending[];
  /** what the lock reports while the gate reads it and on its next trip; made while playing */
  liveNow: Sending[];
  /** every record made, with the true position of the truck */
  made: { report: Report; timeMs: number; motion: Motion }[];
  acknowledged: Set<string>;
  quarantined: number;
}

export interface RunOptions {
  world: TripWorld;
  lock: LockState;
  /** place of the lock's box on the truck, 0 or 1; selects the random streams, because lock ids are new in every run */
  unit: number;
  seed: number;
  untilMs: number;
  loseAcksShare: number;
  /** from this time on the lock does not move, epoch ms */
  leftBehindMs: number;
  holdBacklog: boolean;
  /** records made from this time on are sent one by one, each at its own time, epoch ms */
  liveFromMs: number;
  /** how many records at the end have the time of playing */
  liveRecords: number;
}

/** Placeholder in a payload for the time of sending. */
export const NOW = '@now';

const DAY_MS = 86_400_000;
/** Single records that are collected into one publish, at most. */
export const TOGETHER = 60;

type LockAct = Exclude<Act, { do: 'detour' | 'halt' }>;

/** Simulates one lock on its trip. Time, radio, receiver and events come from the world; the clock is not read. */
export function runLock(options: RunOptions): LockRun {
  return new Run(options).play();
}

class Run {
  readonly options: RunOptions;
  readonly receiver: Receiver;
  readonly radio: Random;
  readonly result: LockRun;
  lock: LockState;
  /** published and not yet acknowledged */
  inFlight: { flight: number; reports: Report[] }[] = [];

  constructor(options: RunOptions) {
    this.options = options;
    this.lock = options.lock;
    this.receiver = new Receiver(options.world, options.seed, options.unit);
    this.radio = randomStream(options.seed, `lock ${options.unit}/radio`);
    this.result = { lock: this.lock, sendings: [], liveNow: [], made: [], acknowledged: new Set(), quarantined: 0 };
  }

  play(): LockRun {
    const { untilMs } = this.options;
    const agenda = this.agenda();
    this.input(this.options.world.drive.order.startMs, { type: 'connected' });
    for (;;) {
      const next = agenda[0];
      if (next && next.atMs <= this.lock.nextReportMs && next.atMs <= untilMs) {
        agenda.shift();
        next.act(next.atMs);
      } else if (wantsReport(this.lock, untilMs)) {
        this.tick(this.lock.nextReportMs);
      } else break;
    }
    this.sendInFlight(untilMs);
    for (let i = 0; i < this.options.liveRecords; i++) this.sendNow();
    this.result.lock = this.lock;
    return this.result;
  }

  agenda(): { atMs: number; act: (nowMs: number) => void }[] {
    const { spells, moments } = this.options.world;
    const list: { atMs: number; act: (nowMs: number) => void }[] = [];
    const radioOff = (nowMs: number) => {
      this.sendInFlight(nowMs);
      this.input(nowMs, { type: 'disconnected' });
    };
    const radioOn = (nowMs: number) => this.input(nowMs, { type: 'connected' });
    for (const span of spells['dead-zone'])
      list.push({ atMs: span.fromMs, act: radioOff }, { atMs: span.toMs, act: radioOn });
    for (const span of spells.jam) {
      const jammed = (nowMs: number) => {
        radioOff(nowMs);
        this.input(nowMs, { type: 'event', event: { type: 'jamming' } });
      };
      list.push({ atMs: span.fromMs, act: jammed }, { atMs: span.toMs, act: radioOn });
    }
    for (const span of spells.clock) {
      list.push(
        { atMs: span.fromMs, act: () => this.setClock(DAY_MS) },
        { atMs: span.toMs, act: () => this.setClock(0) },
      );
    }
    for (const { atMs, act } of moments) {
      if (act.do !== 'detour' && act.do !== 'halt') list.push({ atMs, act: (nowMs) => this.happen(act, nowMs) });
    }
    return list.sort((a, b) => a.atMs - b.atMs);
  }

  setClock(offsetMs: number): void {
    this.lock = { ...this.lock, clockOffsetMs: offsetMs };
  }

  happen(act: LockAct, nowMs: number): void {
    const events = (event: LockEvent, times: number) => {
      for (let i = 0; i < times; i++) {
        this.input(nowMs + i * 20_000, { type: 'event', event });
        this.tick(nowMs + i * 20_000);
      }
    };
    switch (act.do) {
      case 'rope':
        this.input(nowMs, { type: 'rope', to: act.to });
        break;
      case 'motor-stuck':
        this.input(nowMs, { type: 'motor', to: 'stuck' });
        break;
      case 'case-opened':
        this.input(nowMs, { type: 'cover', to: 'opened' });
        break;
      case 'illegal-card':
        events({ type: 'illegal-card', card: '0000000000' }, act.times);
        break;
      case 'wrong-password':
        this.input(nowMs, { type: 'event', event: { type: 'wrong-password', count: act.times } });
        break;
      case 'reboot':
        this.sendInFlight(nowMs);
        this.lock = rebooted(this.lock, nowMs, 'watchdog');
        this.input(nowMs, { type: 'connected' });
        break;
      case 'clone':
        this.clone(nowMs);
        break;
      case 'malformed':
        this.malformed(nowMs);
        break;
      default:
        break;
    }
  }

  /** A second device with the same identity sends the last record with another position and a lower use count. */
  clone(nowMs: number): void {
    this.sendInFlight(nowMs);
    const last = this.result.made.at(-1)?.report;
    if (!last?.position || !last.seal) return;
    const { lon, lat } = moved(last.position, 200, 30_000);
    const seal = { ...last.seal, useCount: Math.max(0, (last.seal.useCount ?? 1) - 1) };
    this.send(JSON.stringify({ ...last, position: { ...last.position, lon, lat }, seal }), false, { how: 'cloned' });
    this.result.quarantined += 1;
  }

  malformed(nowMs: number): void {
    this.sendInFlight(nowMs);
    const good = this.result.made.at(-1)?.report;
    const broken = [
      '{"v":1,"boot":',
      JSON.stringify({ ...good, seq: undefined }),
      JSON.stringify({ ...good, boot: -1 }),
      JSON.stringify({ ...good, time: 'yesterday' }),
      '[]',
    ];
    for (const payload of broken) this.send(payload);
    this.result.quarantined += broken.length;
  }

  send(payload: string, held = false, more: { dueMs?: number; how?: How } = {}): void {
    this.result.sendings.push({ lockId: this.lock.lockId, payload, held, ...more });
  }

  /** Makes a record with the time of playing: parked at the end of the drive, seal unchanged. */
  sendNow(): void {
    if (this.lock.mode === 'deep-sleep') return;
    const motion = motionIn(this.options.world, Math.min(this.options.untilMs, this.options.leftBehindMs));
    const { lockId, boot, seq, mode, seal } = this.lock;
    const { position } = this.receiver.sense(motion, this.options.untilMs);
    const battery = { percent: Math.round(this.lock.batteryPercent), charging: false };
    const report = { v: 1, boot, seq, time: NOW, kind: 'live', mode, position, seal, battery };
    this.result.liveNow.push({ lockId, payload: JSON.stringify(report), held: false });
    this.result.acknowledged.add(`${lockId}/${boot}/${seq}`);
    this.lock = { ...this.lock, seq: seq + 1 };
  }

  tick(nowMs: number): void {
    const before = this.lock;
    const motion = motionIn(this.options.world, Math.min(nowMs, this.options.leftBehindMs));
    const outputs = this.step(nowMs, { type: 'tick', sensed: this.receiver.sense(motion, nowMs) });
    const report = this.lock.flash.at(-1)?.report;
    if (report && this.lock.seq !== before.seq) this.result.made.push({ report, timeMs: nowMs, motion });
    this.launch(outputs, nowMs);
    if (this.inFlight.length >= TOGETHER) this.sendInFlight(nowMs);
  }

  step(nowMs: number, input: LockInput): LockOutput[] {
    const { state, outputs } = step(this.lock, nowMs, input);
    this.lock = state;
    return outputs;
  }

  input(nowMs: number, input: LockInput): void {
    this.launch(this.step(nowMs, input), nowMs);
  }

  launch(outputs: readonly LockOutput[], nowMs: number): void {
    for (const output of outputs) {
      if (output.type !== 'publish') continue;
      const alone = output.reports.length > 1 || nowMs >= this.options.liveFromMs;
      if (alone) this.sendInFlight(nowMs);
      this.inFlight.push({ flight: output.flight, reports: output.reports });
      if (alone) this.sendInFlight(nowMs);
    }
  }

  /** Sends everything in flight as one publish; it is acknowledged, or sent again if the acknowledgement is lost. */
  sendInFlight(nowMs: number): void {
    if (this.inFlight.length === 0) return;
    const flights = this.inFlight;
    this.inFlight = [];
    const reports = flights.flatMap((flight) => flight.reports);
    const live = nowMs >= this.options.liveFromMs;
    const held = this.options.holdBacklog && flights[0]!.reports.length > 1;
    const isLost = this.radio.unit() < this.options.loseAcksShare;
    const more = { ...(live ? { dueMs: nowMs } : {}), ...(isLost ? { how: 'ack-lost' as const } : {}) };
    this.send(live ? payloadOf(reports) : lateOf(reports), held, more);
    if (isLost) {
      this.input(nowMs, { type: 'disconnected' });
      this.input(nowMs, { type: 'connected' });
      return;
    }
    for (const report of reports) this.acknowledge(report);
    for (const { flight } of flights) this.input(nowMs, { type: 'acknowledged', flight });
  }

  acknowledge(report: Report): void {
    this.result.acknowledged.add(`${this.lock.lockId}/${report.boot}/${report.seq}`);
  }
}

const payloadOf = (reports: readonly Report[]): string => JSON.stringify(reports.length === 1 ? reports[0] : reports);

/** Records as back-filled: their fix times are past when they are played. */
const lateOf = (reports: readonly Report[]): string =>
  payloadOf(reports.map((report) => ({ ...report, kind: 'backfill' })));
