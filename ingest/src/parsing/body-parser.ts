import { Worker } from 'node:worker_threads';
import { XmlFault } from '../jgs/xml.ts';
import { ApiProblem } from '../problem.ts';
import type { Jobs, Kind } from './jobs.ts';
import type { Failure, Outcome } from './worker.ts';

// The checkout holds src next to dist; a worker cannot read TypeScript on every Node.js that is supported.
const WORKER = new URL('../../dist/parsing/worker.js', import.meta.url);
/** One body that takes long leaves a thread for those of others. */
const THREADS = 2;
/** The largest file of a route is read in some seconds; a thread that takes longer is ended. */
const LONGEST_MS = 20_000;
const HEAP_MB = 512;
/** Bodies of one caller that wait for its first one; they are held in memory. */
const MOST_WAITING = 8;

interface Job {
  kind: Kind;
  asked: Jobs[Kind]['asked'];
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

function errorOf(failure: Failure): Error {
  if (failure.what === 'problem') {
    return new ApiProblem(failure.statusCode, failure.code, failure.detail, failure.errors);
  }
  return failure.what === 'fault' ? new XmlFault(failure.code, failure.detail) : new Error(failure.detail);
}

/**
 * Parses the bodies of requests in threads of its own, so that no body holds up the event loop. One body of a caller is
 * parsed at a time; those of others do not wait for it while a thread is free.
 */
export class BodyParser {
  readonly #idle: Worker[] = [];
  readonly #all = new Set<Worker>();
  readonly #queue: Job[] = [];
  /** By caller: the last of its bodies, and how many of them are not parsed yet. */
  readonly #callers = new Map<string, { last: Promise<unknown>; count: number }>();

  /**
   * @param caller whose bodies are parsed one after the other
   * @throws ApiProblem 429 `body.busy` if too many bodies of the caller wait, 422 if the body takes too long or too much
   * memory, and whatever is wrong with it
   */
  async parse<K extends Kind>(caller: string, kind: K, asked: Jobs[K]['asked']): Promise<Jobs[K]['answer']> {
    const own = this.#callers.get(caller) ?? { last: Promise.resolve(), count: 0 };
    if (own.count > MOST_WAITING) {
      throw new ApiProblem(429, 'body.busy', 'earlier bodies of yours are still being read; try again in some seconds');
    }
    this.#callers.set(caller, own);
    own.count++;
    const parsed = own.last.then(() => this.#enqueue(kind, asked));
    own.last = parsed.catch(() => undefined);
    try {
      return (await parsed) as Jobs[K]['answer'];
    } finally {
      if (--own.count === 0) this.#callers.delete(caller);
    }
  }

  async stop(): Promise<void> {
    for (const job of this.#queue.splice(0)) job.reject(new ApiProblem(503, 'stopping', 'the platform stops'));
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #enqueue(kind: Kind, asked: Jobs[Kind]['asked']): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ kind, asked, resolve, reject });
      this.#next();
    });
  }

  #next(): void {
    if (this.#queue.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#all.size < THREADS ? this.#start() : undefined);
    if (worker === undefined) return;
    const job = this.#queue.shift();
    if (job !== undefined) this.#run(worker, job);
  }

  #start(): Worker {
    const worker = new Worker(WORKER, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB }, execArgv: [] });
    this.#all.add(worker);
    worker.once('exit', () => {
      this.#all.delete(worker);
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    return worker;
  }

  #run(worker: Worker, { kind, asked, resolve, reject }: Job): void {
    worker.ref();
    const settle = (outcome: Outcome<unknown> | Error) => {
      clearTimeout(timer);
      worker.removeAllListeners('message').removeAllListeners('error');
      worker.off('exit', ended);
      if (outcome instanceof Error) reject(outcome);
      else if ('failure' in outcome) reject(errorOf(outcome.failure));
      else resolve(outcome.value);
    };
    const refuse = (message: string) => {
      settle(new ApiProblem(422, 'body.too-costly', message));
      // The listeners are gone: what the thread still says goes nowhere.
      worker.on('error', () => undefined);
      this.#all.delete(worker);
      void worker.terminate().then(() => this.#next());
    };
    const ended = () => refuse('reading the body took the thread down');
    const timer = setTimeout(() => refuse(`reading the body took longer than ${LONGEST_MS / 1000} s`), LONGEST_MS);
    worker.on('message', (outcome: Outcome<unknown>) => {
      settle(outcome);
      worker.unref();
      this.#idle.push(worker);
      this.#next();
    });
    worker.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ERR_WORKER_OUT_OF_MEMORY') return refuse('reading the body took too much memory');
      settle(error);
      this.#all.delete(worker);
      void worker.terminate().then(() => this.#next());
    });
    worker.once('exit', ended);
    const { buffer, byteLength } = asked.bytes;
    // Bytes that have their memory to themselves are handed over, others copied.
    const own = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength ? [buffer] : [];
    worker.postMessage({ kind, asked }, own);
  }
}
