import { existsSync, readFileSync } from 'node:fs';
import {
  decode,
  describe,
  type Plain,
  type Profile,
  profileNamed,
  profileNames,
  type RawFrame,
  readProfile,
  Splitter,
} from '@sealwatch/bridge';
import { OperationError, print } from './operation.ts';
import { isChinese } from './words.ts';

const MOST_BYTES = 16 * 1_024 * 1_024;

const WORDS = {
  en: {
    frame: 'frame',
    of: 'of',
    profile: 'profile',
    guessed: 'taken by the first byte; --profile names another one',
    header: 'header',
    content: 'content',
    faults: 'what is wrong',
    notes: 'left out',
    reports: 'reports that come of it',
    none: 'none',
    refused: 'not believed: no report, no acknowledgement',
    dropped: 'bytes that belong to no frame',
  },
  zh: {
    frame: '帧',
    of: '/',
    profile: '机型配置',
    guessed: '按首字节选取；可用 --profile 另选',
    header: '消息头',
    content: '内容',
    faults: '错误',
    notes: '略去',
    reports: '由此产生的报文',
    none: '无',
    refused: '不采信：不产生报文，不应答',
    dropped: '不属于任何帧的字节',
  },
} as const;

/** @param given a name of `bridge/profiles`, or the path of a file */
function profileOf(given: string): Profile {
  if (profileNames().includes(given)) return profileNamed(given);
  if (existsSync(given)) return readProfile(readFileSync(given, 'utf8'), given);
  throw new OperationError(
    `there is no profile "${given}"`,
    `Give the path of a file, or one of ${profileNames().join(', ')}.`,
  );
}

/** Which profile a frame most likely has: for a look at it, never for a lock, which is bound to one when it is registered. */
function likely({ family, bytes }: RawFrame): string {
  if (family === 'jointech-binary') return bytes[6] === 0x19 ? 'jointech-701d' : 'jointech-701';
  if (family === 'jointech-text') return 'jointech-701d';
  return bytes[1] === 0x55 ? 'jointech-705a' : 'jt808';
}

const IS_HEX = /^[0-9a-f]+$/i;
const withoutBlanks = (text: string) => text.replaceAll(/\s|0x/gi, '');

/** Lines of hexadecimal digits or in brackets; undefined where a line is neither. Lines that begin with # are left out. */
function bytesOfLines(text: string): Uint8Array | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '' && !line.startsWith('#'));
  const parts = lines.map((line) => {
    if (/^\s*\(/.test(line)) return Buffer.from(line.trim(), 'latin1');
    const digits = withoutBlanks(line);
    return IS_HEX.test(digits) && digits.length % 2 === 0 ? Buffer.from(digits, 'hex') : undefined;
  });
  return parts.length === 0 || parts.includes(undefined)
    ? undefined
    : Buffer.concat(parts.filter((part) => part !== undefined));
}

/** @throws OperationError where it is neither */
function bytesOf(given: string): Uint8Array {
  const direct = bytesOfLines(given);
  if (direct !== undefined) return direct;
  if (!existsSync(given)) {
    const hint =
      'Give whole bytes, e.g. 7E0002…7E, a line such as "(8000620011,@JT)", or a file of such lines or of raw bytes.';
    throw new OperationError(`"${given.slice(0, 40)}" is neither hexadecimal digits nor a file`, hint);
  }
  const content = readFileSync(given);
  if (content.length > MOST_BYTES) throw new OperationError(`${given} is larger than 16 MiB`, 'Divide it.');
  return bytesOfLines(content.toString('latin1')) ?? content;
}

/** Lines of a value: members with their names, indented. */
function linesOf(value: Plain, indent: string): string[] {
  if (typeof value !== 'object' || value === null) return [`${indent}${value}`];
  const entries = Array.isArray(value) ? value.map((one, i) => [String(i + 1), one] as const) : Object.entries(value);
  return entries.flatMap(([key, own]) => {
    if (typeof own !== 'object' || own === null) return [`${indent}${key}: ${own}`];
    const isFlat = Object.values(own).every((one) => typeof one !== 'object' || one === null);
    if (isFlat && Object.keys(own).length <= 5) {
      const members = Object.entries(own).map(([name, one]) => (Array.isArray(own) ? `${one}` : `${name} ${one}`));
      return [`${indent}${key}: ${members.join(', ') || '-'}`];
    }
    return [`${indent}${key}:`, ...linesOf(own, `${indent}  `)];
  });
}

function printFrame(seen: { [key: string]: Plain }, title: string, words: (typeof WORDS)['en' | 'zh']): void {
  const {
    family = '',
    bytes = 0,
    lockId = '-',
    header,
    message,
    record,
    line,
    faults,
    notes,
    reports,
    believed,
  } = seen;
  print(`${title} · ${family} · ${bytes} B · ${lockId}`);
  const section = (name: string, value: Plain | undefined) => {
    if (value === undefined || (Array.isArray(value) && value.length === 0)) return;
    print(`  ${name}`);
    for (const text of linesOf(value, '    ')) print(text);
  };
  section(words.header, header);
  section(words.content, message ?? record ?? line);
  section(words.faults, faults);
  section(words.notes, notes);
  if (believed !== true) print(`  ${words.refused}`);
  else if (Array.isArray(reports) && reports.length > 0) section(words.reports, reports);
  else print(`  ${words.reports}: ${words.none}`);
}

/** Prints what frames of locks hold and the reports that come of them; the exit code is 1 where one is not as it should be. */
export function decodeFrames(given: string, options: { profile?: string; json?: boolean }): void {
  const words = isChinese(process.env) ? WORDS.zh : WORDS.en;
  const chosen = options.profile === undefined ? undefined : profileOf(options.profile);
  const splitter = new Splitter();
  const frames = [...splitter.push(bytesOf(given)), ...splitter.end()];
  const seen = frames.map((frame): { [key: string]: Plain } => {
    const profile = chosen ?? profileOf(likely(frame));
    const decoded = decode(frame);
    return { profile: profile.profile, ...describe(frame, decoded, profile) };
  });
  if (frames.length === 0 || seen.some((one) => one.believed !== true)) process.exitCode = 1;
  if (options.json) {
    print(JSON.stringify({ frames: seen, droppedBytes: splitter.dropped }, null, 2));
    return;
  }
  seen.forEach((one, i) => {
    printFrame(one, `${words.frame} ${i + 1} ${words.of} ${seen.length}`, words);
    print(`  ${words.profile}: ${one.profile}${chosen ? '' : ` (${words.guessed})`}`);
  });
  if (splitter.dropped > 0 || frames.length === 0) print(`${words.dropped}: ${splitter.dropped}`);
}
