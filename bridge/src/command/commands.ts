import type { Command, LockEvent } from '@sealwatch/schemas';
import { lineTo } from '../jointech/text.ts';
import type { Header } from '../jt808/frame.ts';
import type { Message } from '../jt808/messages.ts';
import type { Profile } from '../profile/profile.ts';
import type { Mapped } from '../report/record.ts';
import { Writer } from '../wire/bytes.ts';
import type { Decoded } from '../wire/decode.ts';
import { messageTo } from './answers.ts';

/** The lock that a command is for, as its connection knows it. */
export interface Target {
  /** Of its last frame of 0x7e: the layout of the header and its number. Absent of a lock that speaks lines alone. */
  header?: Header;
  deviceId: string;
  /** Of the platform on this connection; the answer names it. */
  serial: number;
  /** Static or dynamic, by what the profile opens with. */
  password?: string;
}

/** What a command waits for. */
export type Expected =
  | { by: 'reply'; id: number; serial: number }
  | { by: 'line'; word: string; values: string[] }
  | { by: 'report' }
  | { by: 'nothing' };

export type Written = { bytes: Uint8Array; expects: Expected } | { refused: string };

/** `accepted`: the lock has it, and an event of its own will show whether it was done. */
export interface Outcome {
  result: 'done' | 'accepted' | 'refused' | 'failed';
  reason?: string;
}

const refused = (reason: string): Written => ({ refused: reason });
const REBOOT = 4;
const VENDOR_REBOOT = { id: 0x23, value: Uint8Array.of(3) };

function to808(id: number, message: Message, { header, serial }: Target): Written {
  if (header === undefined) return refused('the lock has sent no frame of JT/T 808 on this connection yet');
  return { bytes: messageTo(header, id, message, serial), expects: { by: 'reply', id, serial } };
}

function toLine(words: (string | number)[], values: string[] = []): Written {
  const word = String(words[0]);
  return { bytes: lineTo(...words), expects: { by: 'line', word, values } };
}

function writeInterval({ intervalS }: Command, { commands }: Profile, target: Target): Written {
  const { interval } = commands;
  if (interval === undefined) return refused('this model has no command for its interval');
  if (intervalS === undefined) return refused('intervalS is absent: expected seconds');
  const { leastS, mostS } = interval;
  if (intervalS < leastS || intervalS > mostS) {
    return refused(`intervalS ${intervalS}: this model takes ${leastS} to ${mostS} s`);
  }
  const value = new Writer().u32(intervalS).done();
  const parameters = interval.parameters.map((id) => ({ id: Number.parseInt(id, 16), value }));
  switch (interval.as) {
    case 'P04': {
      const asleepMin = interval.asleepMin ?? 5;
      return toLine(['P04', 1, intervalS, asleepMin], [String(intervalS), String(asleepMin)]);
    }
    case '0x0310':
      return to808(0x0310, { type: 'set-vendor-parameters', parameters }, target);
    default:
      return to808(0x8103, { type: 'set-parameters', parameters }, target);
  }
}

/** 2013 has a bit, 1: locked. 2019 has items; type 1 is the door, 0: locked. */
function writeDoor(isLocked: boolean, target: Target): Written {
  const message: Message =
    target.header?.shape === '2019'
      ? { type: 'control', form: '2019', items: [{ type: 1, value: isLocked ? 0 : 1 }] }
      : { type: 'control', form: '2013', bits: isLocked ? 1 : 0 };
  return to808(0x8500, message, target);
}

function writeUnlock({ commands }: Profile, target: Target): Written {
  const { unlock } = commands;
  if (unlock === undefined) return refused('this model has no command that opens it');
  if (unlock.as === '0x8500') return writeDoor(false, target);
  const { password, deviceId } = target;
  if (password === undefined) return refused('no password of this lock is known');
  if (!/^\d{4,12}$/.test(password)) return refused('the password of this lock is not 4 to 12 digits');
  if (unlock.as === 'P43') return toLine(['P43', password]);
  if (unlock.as === 'P52') return toLine(['P52', 3, password], ['3']);
  const bytes = lineTo(deviceId, 1, '001', 'ELOCK', 3, password);
  return { bytes, expects: { by: 'line', word: 'ELOCK', values: [] } };
}

/** A command of the platform in the language of a lock, or why that lock cannot do it. */
export function writeCommand(command: Command, profile: Profile, target: Target): Written {
  const { commands } = profile;
  switch (command.type) {
    case 'interval':
      return writeInterval(command, profile, target);
    case 'unlock':
      return writeUnlock(profile, target);
    case 'seal':
      if (commands.seal) return writeDoor(true, target);
      return refused('this model has no command that locks it: it locks itself when its rope is inserted');
    case 'locate':
      if (commands.locate === undefined) return refused('this model cannot be asked where it is');
      if (commands.locate.as === 'P02') return { bytes: lineTo('P02'), expects: { by: 'report' } };
      return to808(0x8201, { type: 'locate', rest: new Uint8Array(0) }, target);
    case 'reboot':
      if (commands.reboot === undefined) return refused('this model has no command that restarts it');
      if (commands.reboot.as === 'P15') return { bytes: lineTo('P15'), expects: { by: 'nothing' } };
      if (commands.reboot.as === '0x0310') {
        return to808(0x0310, { type: 'set-vendor-parameters', parameters: [VENDOR_REBOOT] }, target);
      }
      return to808(0x8105, { type: 'terminal-control', command: REBOOT, text: '' }, target);
    default:
      return refused('the bridge signs in for this lock, which has no secret of its own');
  }
}

const RESULTS = new Map<number, Outcome>([
  [0, { result: 'done' }],
  [1, { result: 'failed', reason: 'the lock answers: failed' }],
  [2, { result: 'failed', reason: 'the lock answers: message wrong' }],
  [3, { result: 'refused', reason: 'the lock answers: not supported' }],
]);
/** Commands whose reply says only that they came. */
const PHYSICAL = new Set([0x8500]);

function read808(decoded: Extract<Decoded, { family: 'jt808'; header: Header }>, id: number, serial: number) {
  const { message } = decoded;
  if (message.type === 'terminal-reply' && message.id === id && message.serial === serial) {
    const outcome = RESULTS.get(message.result) ?? { result: 'failed', reason: `the lock answers: ${message.result}` };
    if (outcome.result !== 'done') return outcome;
    return { result: PHYSICAL.has(id) || id === 0x8201 ? 'accepted' : 'done' } as Outcome;
  }
  if (message.type === 'locate-reply' && id === 0x8201 && message.serial === serial)
    return { result: 'done' } as Outcome;
  if (message.type === 'control-reply' && id === 0x8500 && message.serial === serial) {
    return { result: 'accepted' } as Outcome;
  }
  return undefined;
}

function readLine(words: readonly string[], { word, values }: { word: string; values: string[] }): Outcome | undefined {
  const at = words.indexOf(word);
  if (at < 0) return undefined;
  const rest = words.slice(at + 1);
  if (word === 'P04') {
    if (values.every((value, i) => rest[i] === value)) return { result: 'done' };
    return { result: 'refused', reason: `the lock keeps ${rest.slice(0, 2).join(' s, ')} min` };
  }
  if (word === 'ELOCK') return { result: 'accepted' };
  const result = word === 'P52' ? (rest[0] === '3' ? rest[1] : undefined) : rest[0];
  if (result === undefined) return undefined;
  return result === '1' ? { result: 'accepted' } : { result: 'refused', reason: 'the lock answers: wrong password' };
}

/** What a frame says of a command that was written; undefined: nothing. The first answer counts, locks may send it twice. */
export function readAnswer(decoded: Decoded, expects: Expected): Outcome | undefined {
  if (decoded.faults.length > 0) return undefined;
  if (expects.by === 'reply' && 'header' in decoded) return read808(decoded, expects.id, expects.serial);
  if (expects.by === 'line' && 'line' in decoded && decoded.line.type === 'line') {
    return readLine(decoded.line.words, expects);
  }
  const BLIND = 3;
  return expects.by === 'report' && 'record' in decoded && decoded.record.data !== BLIND
    ? { result: 'done' }
    : undefined;
}

const opened = (event: LockEvent) => event.type === 'unlock' && event.verified !== false;

/** Whether records prove that their lock was opened, by what its profile takes for a proof. */
export function provesOpening(lockId: string, records: readonly Mapped[], { openingProof }: Profile): boolean {
  return records.some(({ lockId: of, report }) => {
    if (of !== lockId) return false;
    if (report.events?.some(opened)) return openingProof.some((proof) => proof !== 'state');
    return openingProof.includes('state') && (report.seal?.motor === 'unlocked' || report.seal?.rope === 'pulled');
  });
}
