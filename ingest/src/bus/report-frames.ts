import { MAX_BODY_BYTES } from './bus.ts';

/** One publish of a lock on its way to the worker that admits it. */
export interface SentReport {
  /** Given by the sender, who never gives it to another publish. 0 to 4,294,967,295. */
  id: number;
  lockId: string;
  /** When the gateway received it, epoch ms. */
  receivedMs: number;
  payload: Buffer;
}

/**
 * What has become of a publish. `stored`: it is committed. `moved`: another worker admits its lock. `stopping`: this worker takes
 * nothing any more. `failed`: it cannot be stored; the connection of the lock is to be closed.
 */
export type ReportAnswer = 'stored' | 'moved' | 'stopping' | 'failed';

export interface AnswerTo {
  id: number;
  answer: ReportAnswer;
}

const ANSWERS: readonly ReportAnswer[] = ['stored', 'moved', 'stopping', 'failed'];
const VERSION = 1;
/** u8 version, u32 count */
const HEAD_BYTES = 5;
/** u32 id, u8 length of the lock's id, f64 receivedMs, u32 length of the payload */
const REPORT_BYTES = 17;
/** u32 id, u8 answer */
const ANSWER_BYTES = 5;
const MOST_LOCK_ID_BYTES = 255;

/** What a publish takes in a frame, bytes. */
export const frameBytesOf = ({ lockId, payload }: Pick<SentReport, 'lockId' | 'payload'>): number =>
  REPORT_BYTES + Buffer.byteLength(lockId) + payload.length;

/** Whether it can be in a frame at all. */
export const fitsInFrame = (report: Pick<SentReport, 'lockId' | 'payload'>): boolean =>
  Buffer.byteLength(report.lockId) <= MOST_LOCK_ID_BYTES && HEAD_BYTES + frameBytesOf(report) <= MAX_BODY_BYTES;

/** @param reports each `fitsInFrame` */
export function writeReports(reports: readonly SentReport[]): Buffer {
  const bytes = reports.reduce((sum, report) => sum + frameBytesOf(report), HEAD_BYTES);
  const frame = Buffer.allocUnsafe(bytes);
  let at = writeHead(frame, reports.length);
  for (const { id, lockId, receivedMs, payload } of reports) {
    at = frame.writeUInt32BE(id, at);
    const written = frame.write(lockId, at + 1);
    frame.writeUInt8(written, at);
    at = frame.writeDoubleBE(receivedMs, at + 1 + written);
    at = frame.writeUInt32BE(payload.length, at);
    at += payload.copy(frame, at);
  }
  return frame;
}

/** Never throws. @returns undefined: this is no frame of reports */
export function readReports(frame: Buffer): SentReport[] | undefined {
  const count = readCount(frame, REPORT_BYTES);
  if (count === undefined) return undefined;
  const reports: SentReport[] = [];
  let at = HEAD_BYTES;
  for (let i = 0; i < count; i++) {
    if (at + REPORT_BYTES > frame.length) return undefined;
    const id = frame.readUInt32BE(at);
    const lockBytes = frame.readUInt8(at + 4);
    if (at + REPORT_BYTES + lockBytes > frame.length) return undefined;
    at += 5;
    const lockId = frame.toString('utf8', at, at + lockBytes);
    at += lockBytes;
    const receivedMs = frame.readDoubleBE(at);
    const payloadBytes = frame.readUInt32BE(at + 8);
    at += 12;
    if (at + payloadBytes > frame.length || !Number.isFinite(receivedMs)) return undefined;
    reports.push({ id, lockId, receivedMs, payload: frame.subarray(at, at + payloadBytes) });
    at += payloadBytes;
  }
  return at === frame.length ? reports : undefined;
}

export function writeAnswers(answers: readonly AnswerTo[]): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + answers.length * ANSWER_BYTES);
  let at = writeHead(frame, answers.length);
  for (const { id, answer } of answers) {
    at = frame.writeUInt32BE(id, at);
    at = frame.writeUInt8(ANSWERS.indexOf(answer), at);
  }
  return frame;
}

/** Never throws. @returns undefined: this is no frame of answers */
export function readAnswers(frame: Buffer): AnswerTo[] | undefined {
  const count = readCount(frame, ANSWER_BYTES);
  if (count === undefined || frame.length !== HEAD_BYTES + count * ANSWER_BYTES) return undefined;
  const answers: AnswerTo[] = [];
  for (let at = HEAD_BYTES; at < frame.length; at += ANSWER_BYTES) {
    const answer = ANSWERS[frame.readUInt8(at + 4)];
    if (answer === undefined) return undefined;
    answers.push({ id: frame.readUInt32BE(at), answer });
  }
  return answers;
}

function writeHead(frame: Buffer, count: number): number {
  frame.writeUInt8(VERSION, 0);
  return frame.writeUInt32BE(count, 1);
}

/** @param least bytes that each of them takes at least */
function readCount(frame: Buffer, least: number): number | undefined {
  if (frame.length < HEAD_BYTES || frame.length > MAX_BODY_BYTES || frame[0] !== VERSION) return undefined;
  const count = frame.readUInt32BE(1);
  return HEAD_BYTES + count * least > frame.length ? undefined : count;
}
