import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command, LockMode } from '@sealwatch/schemas';
import { answersTo } from './command/answers.ts';
import { type Expected, provesOpening, readAnswer, writeCommand } from './command/commands.ts';
import type { Header } from './jt808/frame.ts';
import { type Profile, readProfile } from './profile/profile.ts';
import { describe, type Plain } from './report/describe.ts';
import { isSound, lockOf } from './report/map.ts';
import { Session, type Step } from './session.ts';
import type { Bound, Message, Wire, Written } from './sockets/wire.ts';
import { type Decoded, decode } from './wire/decode.ts';
import { type Family, type RawFrame, Splitter } from './wire/splitter.ts';

const FOLDER = fileURLToPath(new URL('../profiles/', import.meta.url));
const YAML = '.yaml';

/** Of the profiles that come with the platform, in the order of the alphabet. */
export const profileNames = (): string[] =>
  readdirSync(FOLDER)
    .flatMap((file) => (file.endsWith(YAML) ? [file.slice(0, -YAML.length)] : []))
    .sort();

const read = new Map<string, Profile>();

/** One of `profileNames`. @throws ProfileError, fs errors */
export function profileNamed(name: string): Profile {
  let profile = read.get(name);
  if (profile === undefined) {
    profile = readProfile(readFileSync(`${FOLDER}${name}${YAML}`, 'utf8'), name);
    read.set(name, profile);
  }
  return profile;
}

const FAMILIES: ReadonlyMap<number, Family> = new Map([
  [0x7e, 'jt808'],
  [0x24, 'jointech-binary'],
  [0x28, 'jointech-text'],
]);
const rawOf = (bytes: Uint8Array): RawFrame => ({ family: FAMILIES.get(bytes[0] ?? 0) ?? 'jt808', bytes });

/** What is kept of the talk with a lock: numbers and parts of messages, what a command waits for, a password. */
interface Talk {
  profile: Profile;
  session: Session;
  /** Of its last frame of 0x7e. */
  header?: Header;
  expected?: { key: string; expects: Expected; command: Command };
  /** The newest one that the lock has told; it tells it again each minute, so it is kept nowhere else. */
  password?: string;
}

const talks = new WeakMap<Bound, Talk>();
function talkOf(bound: Bound): Talk {
  let talk = talks.get(bound);
  if (talk === undefined) {
    const profile = profileNamed(bound.profile);
    talk = { profile, session: new Session(profile, bound.wireId) };
    talks.set(bound, talk);
  }
  return talk;
}

/** What the lock's expected interval follows from. */
const SEALED_WITHIN_S = 60;
const modeOf = ({ intervalS }: Bound): LockMode | undefined =>
  intervalS === undefined ? undefined : intervalS <= SEALED_WITHIN_S ? 'sealed' : 'awake';

const buffers = (bytes: readonly Uint8Array[]): Buffer[] => bytes.map((one) => Buffer.from(one));

function replyOf(talk: Talk, decoded: Decoded): Message['reply'] {
  const { expected } = talk;
  const outcome = expected && readAnswer(decoded, expected.expects);
  if (expected === undefined || outcome === undefined) return undefined;
  const { command, key } = expected;
  // What has no event of its own to prove it ends with the answer.
  const result = outcome.result === 'accepted' && command.type !== 'unlock' ? 'done' : outcome.result;
  const { intervalS } = command;
  return { key, result, ...(outcome.reason ? { reason: outcome.reason } : {}), ...(intervalS ? { intervalS } : {}) };
}

/** Why nothing of the frame is stored as records although it has to be kept; undefined: it has not. */
function unreadableOf(talk: Talk, step: Step, bound: Bound, nowMs: number): Message['unreadable'] {
  const { decoded, records, notes, afterCommit } = step;
  const why = notes.map(
    ({ field, value, expected }) => `${field}: ${String(value).slice(0, 60)}, expected ${expected}`,
  );
  if ('unreadable' in decoded) return { why: why.join('; ') || 'no frame', isDamaged: true };
  if (!isSound(decoded, talk.profile)) {
    const asked = { nowMs, serial: talk.session.nextSerial, code: bound.wireId };
    const [ack] = answersTo({ ...decoded, faults: [] }, talk.profile, asked).afterCommit;
    return { why: why.join('; '), isDamaged: true, ...(ack ? { ack: Buffer.from(ack) } : {}) };
  }
  const [ack] = buffers(afterCommit);
  if (records.length > 0 || ack === undefined) return undefined;
  return { why: why.join('; ') || 'a body that is no message of its id', ack };
}

function readFrame(frame: Buffer, bound: Bound, receivedMs: number): Message {
  const talk = talkOf(bound);
  const mode = modeOf(bound);
  const step = talk.session.take(rawOf(frame), receivedMs, mode === undefined ? {} : { mode });
  const { decoded, records, now, isEnd, password } = step;
  if ('header' in decoded && decoded.faults.length === 0) talk.header = decoded.header;
  const base = { protocol: decoded.family, wireId: lockOf(decoded), answers: buffers(now), closes: isEnd };
  if (password !== undefined) {
    talk.password = password;
    return { ...base, isSecret: true };
  }
  const unreadable = unreadableOf(talk, step, bound, receivedMs);
  const own = records.filter(({ lockId }) => lockId === bound.wireId);
  const behind = records.filter(({ lockId }) => lockId !== bound.wireId);
  const [ack] = buffers(step.afterCommit);
  const reply = replyOf(talk, decoded);
  return {
    ...base,
    ...(reply ? { reply } : {}),
    ...(records.length > 0 ? { records: { items: own.map(({ report }) => report), ack } } : {}),
    ...(behind.length > 0 ? { behind: behind.map(({ lockId, report }) => ({ wireId: lockId, report })) } : {}),
    ...(unreadable ? { unreadable } : {}),
    ...(provesOpening(bound.wireId, own, talk.profile) ? { opened: true } : {}),
  };
}

function write(command: Command, bound: Bound): Written | { refused: string } {
  const talk = talkOf(bound);
  const { header, password } = talk;
  const serial = talk.session.nextSerial();
  const written = writeCommand(command, talk.profile, {
    ...{ deviceId: bound.wireId, serial },
    ...(header ? { header } : {}),
    ...(password ? { password } : {}),
  });
  if ('refused' in written) return written;
  const key = `${command.commandId} ${serial}`;
  talk.expected = { key, expects: written.expects, command };
  return {
    bytes: [Buffer.from(written.bytes)],
    key,
    isPhysical: command.type === 'unlock' || command.type === 'seal',
    isProvenByEvent: command.type === 'unlock',
    isDoneWhenWritten: written.expects.by === 'nothing',
  };
}

/** JT/T 808 and Jointech's protocols, told apart by the first byte of a frame. */
export const protocols: Wire = {
  splitter() {
    const splitter = new Splitter();
    return {
      get skippedBytes() {
        return splitter.dropped;
      },
      push: (chunk) => splitter.push(chunk).map(({ bytes }) => Buffer.from(bytes)),
    };
  },
  wireIdOf(frame) {
    const decoded = decode(rawOf(frame));
    return { protocol: decoded.family, wireId: lockOf(decoded) };
  },
  read: readFrame,
  write,
};

/** Reads frames in hexadecimal for people; passwords are hidden. @param profile absent or unknown: a plain JT/T 808 lock */
export function decodeHex(hex: string, profile: string | undefined): Plain {
  const digits = hex.replaceAll(/\s|0x/gi, '');
  if (!/^(?:[0-9a-f]{2})+$/i.test(digits)) return { problem: 'expected whole bytes in hexadecimal, e.g. 7e0002…7e' };
  const known = profile !== undefined && profileNames().includes(profile) ? profile : 'jt808';
  const splitter = new Splitter();
  const frames = [...splitter.push(Buffer.from(digits, 'hex')), ...splitter.end()];
  if (frames.length === 0) return { problem: 'no frame begins with 7e, 24 ($) or 28 (()' };
  return frames.map((frame) => describe(frame, decode(frame), profileNamed(known)));
}
