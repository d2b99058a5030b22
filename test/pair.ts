import type { ProofLock } from '../ingest/test/proof/fleet.ts';
import { acknowledgedOf } from '../ingest/test/proof/fleet.ts';
import { type Running, sealwatch } from './process.ts';

/** One start of `sealwatch serve`, or of a member of a cluster. */
export interface Started {
  running: Running;
  pid: number;
  exitCode: number | null | undefined;
  ready: boolean;
}

const LOOK_EVERY_MS = 50;
const ANSWER_WITHIN_MS = 1_000;
const RESTART_AFTER_MS = 100;

function addressOf({ lines }: Running, name: 'http' | 'mqtt'): string | undefined {
  for (const line of lines) {
    if (!line.startsWith('{')) continue;
    const found = (JSON.parse(line) as Record<string, unknown>)[name];
    if (typeof found === 'string') return found;
  }
  return undefined;
}

async function isReady(http: string): Promise<boolean> {
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), ANSWER_WITHIN_MS);
  return fetch(`${http}/readyz`, { signal: late.signal, headers: { connection: 'close' } })
    .then(({ status }) => status === 200)
    .catch(() => false)
    .finally(() => clearTimeout(timer));
}

/** Starts a platform and, as systemd does, starts it again whenever it has ended. */
export class Side {
  readonly name: string;
  readonly starts: Started[] = [];
  readonly #command: string;
  readonly #env: Record<string, string>;
  #stopped = false;

  constructor(name: string, env: Record<string, string>, command = 'serve') {
    this.name = name;
    this.#command = command;
    this.#env = env;
    this.#start();
  }

  #start(): void {
    const running = sealwatch([this.#command], this.#env);
    const started: Started = { running, pid: running.child.pid ?? 0, exitCode: undefined, ready: false };
    this.starts.push(started);
    void running.ended.then((code) => {
      started.exitCode = code;
      started.ready = false;
      if (!this.#stopped) setTimeout(() => this.#stopped || this.#start(), RESTART_AFTER_MS);
    });
    void this.#watch(started);
  }

  async #watch(started: Started): Promise<void> {
    while (started.exitCode === undefined) {
      const http = addressOf(started.running, 'http');
      started.ready = http !== undefined && (await isReady(http)) && started.exitCode === undefined;
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
    }
  }

  /** The process that runs now, or ran last. */
  get now(): Started {
    return this.starts.at(-1)!;
  }

  get mqttPort(): number | undefined {
    const address = addressOf(this.now.running, 'mqtt');
    return address === undefined ? undefined : Number(new URL(address).port);
  }

  get standsBy(): boolean {
    const said = (msg: string) => this.now.running.lines.some((line) => line.includes(`"msg":"${msg}"`));
    return this.now.exitCode === undefined && said('standing by') && !said('taking over');
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.now.running.child.kill('SIGCONT');
    this.now.running.child.kill('SIGKILL');
    await this.now.running.ended;
  }
}

/** A TCP balancer as deploy/haproxy.cfg sets one up: to who is ready; who is no longer ready loses its connections. */
export class Balancer {
  readonly #sides: readonly Side[];
  readonly #timer: NodeJS.Timeout;
  /** Where each lock is connected. */
  readonly #at = new Map<string, Started>();
  #turn = 0;

  constructor(sides: readonly Side[], locks: () => readonly ProofLock[]) {
    this.#sides = sides;
    this.#timer = setInterval(() => {
      for (const lock of locks()) {
        const at = this.#at.get(lock.lockId);
        if (at === undefined || at.ready) continue;
        this.#at.delete(lock.lockId);
        lock.cut();
      }
    }, LOOK_EVERY_MS);
  }

  /** Where a lock that dials is sent; a port that nobody listens on while nobody is ready. */
  portFor(lockId: string): number {
    const ready = this.#sides.filter((side) => side.now.ready && side.mqttPort !== undefined);
    const side = ready[this.#turn++ % Math.max(1, ready.length)];
    if (side === undefined) return 1;
    this.#at.set(lockId, side.now);
    return side.mqttPort ?? 1;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Longest time without a PUBACK to any lock, ms; since the last call of `longest`. */
export class Gaps {
  readonly #timer: NodeJS.Timeout;
  readonly #locks: () => readonly ProofLock[];
  #count = 0;
  #sinceMs = performance.now();
  #longestMs = 0;

  constructor(locks: () => readonly ProofLock[]) {
    this.#locks = locks;
    this.#timer = setInterval(() => this.#note(), 10);
  }

  #note(): void {
    const count = acknowledgedOf(this.#locks());
    if (count === this.#count) return;
    this.#count = count;
    const nowMs = performance.now();
    this.#longestMs = Math.max(this.#longestMs, nowMs - this.#sinceMs);
    this.#sinceMs = nowMs;
  }

  longest(): number {
    this.#note();
    const ms = this.#longestMs;
    this.#longestMs = 0;
    return Math.round(ms);
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}
