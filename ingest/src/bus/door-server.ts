import { MovedError, type ReportDoor, StoppingError } from '../ports.ts';
import type { Bus } from './bus.ts';
import { type AnswerTo, type ReportAnswer, readReports, type SentReport, writeAnswers } from './report-frames.ts';

/** More than a gateway may have on its way, with what it takes back and sends anew: it is not read, and is sent again. */
const MOST_IN_HAND_BYTES = 16 * 2 ** 20;

export interface DoorServerDeps {
  bus: Bus;
  door: Pick<ReportDoor, 'receive'>;
  log: { warn(fields: object, text: string): void };
}

/** What one gateway has sent. */
interface Peer {
  /** Taken and not answered: what is sent again meanwhile is not taken twice. */
  inHand: Set<number>;
  bytes: number;
  answers: AnswerTo[];
}

/** The worker's side of the door: takes what gateways send, and answers what was settled in one turn by one message a gateway. */
export class DoorServer {
  readonly #deps: DoorServerDeps;
  readonly #peers = new Map<number, Peer>();

  private constructor(deps: DoorServerDeps) {
    this.#deps = deps;
  }

  /** Resolves once publishes are heard. */
  static async open(deps: DoorServerDeps): Promise<DoorServer> {
    const server = new DoorServer(deps);
    await deps.bus.onMessage('reports', (from, body) => server.#take(from, body));
    return server;
  }

  /** Publishes that are taken and not answered. */
  get inHand(): number {
    return [...this.#peers.values()].reduce((sum, { inHand }) => sum + inHand.size, 0);
  }

  #take(from: number, body: Buffer): void {
    const { log } = this.#deps;
    const reports = readReports(body);
    if (reports === undefined) {
      log.warn({ from, bytes: body.length }, 'a message that holds no publishes');
      return;
    }
    const peer = this.#peers.get(from) ?? { inHand: new Set(), bytes: 0, answers: [] };
    if (peer.bytes + body.length > MOST_IN_HAND_BYTES) {
      log.warn({ from, bytes: peer.bytes }, 'a gateway sends more than it may; it has to send that again');
      return;
    }
    this.#peers.set(from, peer);
    for (const report of reports) if (!peer.inHand.has(report.id)) this.#receive(from, peer, report);
  }

  #receive(from: number, peer: Peer, { id, lockId, payload, receivedMs }: SentReport): void {
    peer.inHand.add(id);
    peer.bytes += payload.length;
    const done = (error?: Error) => {
      peer.inHand.delete(id);
      peer.bytes -= payload.length;
      if (peer.answers.length === 0) setImmediate(() => this.#answer(from, peer));
      peer.answers.push({ id, answer: answerOf(error) });
    };
    this.#deps.door.receive(lockId, payload, done, receivedMs);
  }

  #answer(from: number, peer: Peer): void {
    const answers = peer.answers.splice(0);
    if (peer.inHand.size === 0) this.#peers.delete(from);
    // One that is lost is asked for again.
    void this.#deps.bus.send('answers', from, writeAnswers(answers)).catch(() => undefined);
  }
}

function answerOf(error: Error | undefined): ReportAnswer {
  if (error === undefined) return 'stored';
  if (error instanceof MovedError) return 'moved';
  return error instanceof StoppingError ? 'stopping' : 'failed';
}
