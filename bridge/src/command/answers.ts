import { lineTo } from '../jointech/text.ts';
import { answerHeader, encodeFrame, type Header } from '../jt808/frame.ts';
import { type Message, writeMessage } from '../jt808/messages.ts';
import type { Profile } from '../profile/profile.ts';
import { isSound } from '../report/map.ts';
import type { Decoded } from '../wire/decode.ts';

/** What is written to a lock because of its frame. */
export interface Answers {
  /** At once: nothing is lost by them. */
  now: Uint8Array[];
  /** To be written when all records of the frame are stored: the lock deletes its own copy then. */
  afterCommit: Uint8Array[];
  /** The lock says good-bye. */
  isEnd: boolean;
  /** A new dynamic password of the lock, which must not be logged. `afterCommit` would make the lock stop sending it. */
  password?: string;
}

/** What the connection knows. */
export interface Asked {
  nowMs: number;
  /** The next number of the platform on this connection: each answer takes one. */
  serial: () => number;
  /** The code that a registration is answered with, and that an authentication has to bring; it says nothing secret. */
  code: string;
}

const NOTHING: Answers = { now: [], afterCommit: [], isEnd: false };
const now = (...bytes: Uint8Array[]): Answers => ({ ...NOTHING, now: bytes });
const afterCommit = (...bytes: Uint8Array[]): Answers => ({ ...NOTHING, afterCommit: bytes });

/** Writes a message to the lock that sent `to`. */
export function messageTo(to: Header, id: number, message: Message, serial: number): Uint8Array {
  const header = answerHeader(to, id, serial);
  return encodeFrame(header, writeMessage(id, message, header.shape));
}

const OK = 0;
const UNSUPPORTED = 3;
const two = (value: number) => String(value).padStart(2, '0');
const partsOf = (ms: number) => {
  const at = new Date(ms);
  const digits = [at.getUTCMonth() + 1, at.getUTCDate(), at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()];
  return { year: at.getUTCFullYear(), digits };
};
/** DDMMYYhhmmss of UTC. */
function dayFirst(ms: number): string {
  const { year, digits } = partsOf(ms);
  const [month = 0, day = 0, ...clock] = digits;
  return [day, month, year % 100, ...clock].map(two).join('');
}

const ATTRIBUTE_ACK = 0x8000;
/** Replies of the lock to what the platform asked: they are answered by nobody. */
const REPLIES = new Set(['terminal-reply', 'parameters', 'platform-reply']);

function to808(header: Header, message: Message, { nowMs, serial, code }: Asked): Answers {
  const general = (result: number) =>
    messageTo(header, 0x8001, { type: 'platform-reply', serial: header.serial, id: header.id, result }, serial());
  if (header.id >= 0x8000 || REPLIES.has(message.type)) return NOTHING;
  switch (message.type) {
    case 'register': {
      const registered = { type: 'registered', serial: header.serial, result: OK, code } as const;
      return now(messageTo(header, 0x8100, registered, serial()));
    }
    case 'authenticate':
    case 'heartbeat':
    case 'zone-sync':
      return now(general(OK));
    case 'logout':
      return { ...now(general(OK)), isEnd: true };
    case 'time-request': {
      const { year, digits } = partsOf(nowMs);
      const time = [year % 100, ...digits].map(two).join('');
      return now(messageTo(header, 0x8004, { type: 'server-time', time }, serial()));
    }
    case 'clock-request':
      return now(messageTo(header, 0x8109, { type: 'clock', ...partsOf(nowMs), result: OK }, serial()));
    case 'location':
    case 'locate-reply':
    case 'control-reply':
    case 'batch':
    case 'batch-hhd':
    case 'pass-up':
      return afterCommit(general(OK));
    case 'jt705': {
      if ((header.flags & ATTRIBUTE_ACK) === 0) return NOTHING;
      const reply = { type: 'jt705-reply', id: header.id, result: OK } as const;
      return afterCommit(messageTo(header, 0x4401, reply, header.serial));
    }
    // A body that is no message of its id is kept in quarantine like a record, then acknowledged: it would come again for ever.
    default:
      return header.id === 0x0200 || header.id === 0x0704 ? afterCommit(general(OK)) : now(general(UNSUPPORTED));
  }
}

const STATUS_ACK = 1 << 5;

function toLine(decoded: Extract<Decoded, { line: unknown }>, profile: Profile, { nowMs }: Asked): Answers {
  const { line } = decoded;
  if (line.type === 'p45') {
    return afterCommit(profile.acknowledge === 'P35' ? lineTo('P46') : lineTo('P69', 0, line.event.serial));
  }
  if (line.type === 'sub-lock') {
    const serial = profile.subLockSerial === 'sensor' ? line.record.sensorSerial : line.serial;
    return afterCommit(lineTo('P69', 0, serial));
  }
  const [word, kind, password = ''] = line.words;
  if (word === 'P22' && kind === '2') return now(lineTo('P22', dayFirst(nowMs)));
  if (word === 'P52' && kind === '2' && /^\d{4,12}$/.test(password)) {
    return { ...afterCommit(lineTo('P52', 2, password)), password };
  }
  if (line.deviceId !== undefined && line.words[2] === 'BASE' && line.words[3] === '2') {
    const { year, digits } = partsOf(nowMs);
    return now(lineTo(line.deviceId, ...line.words.slice(0, 4), `${year}${digits.map(two).join('')}`));
  }
  return NOTHING;
}

/** What a frame is answered with. A frame that may not be believed has no answer: the lock sends it again. */
export function answersTo(decoded: Decoded, profile: Profile, asked: Asked): Answers {
  if ('unreadable' in decoded || !isSound(decoded, profile)) return NOTHING;
  if (decoded.family === 'jt808') return to808(decoded.header, decoded.message, asked);
  if (decoded.family === 'jointech-text') return toLine(decoded, profile, asked);
  const { status, serial } = decoded.record;
  if (profile.acknowledge !== 'P35') return afterCommit(lineTo('P69', 0, serial));
  return (status & STATUS_ACK) === 0 ? NOTHING : afterCommit(lineTo('P35'));
}
