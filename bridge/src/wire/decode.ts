import { type BinaryRecord, decodeBinary } from '../jointech/binary.ts';
import { decodeLine, type Line } from '../jointech/text.ts';
import { decodeFrame, type Header, IS_ENCRYPTED, SHORT_IDS } from '../jt808/frame.ts';
import { type Message, readMessage } from '../jt808/messages.ts';
import type { Fault } from './bytes.ts';
import type { Family, RawFrame } from './splitter.ts';

/** A frame as read. With `faults` it holds what could be read nevertheless. */
export type Decoded =
  | { family: 'jt808'; header: Header; message: Message; body: Uint8Array; faults: Fault[] }
  | { family: 'jointech-binary'; record: BinaryRecord; faults: Fault[] }
  | { family: 'jointech-text'; line: Line; faults: Fault[] }
  | { family: Family; unreadable: true; faults: Fault[] };

/** Reads one frame of any family; never throws. */
export function decode({ family, bytes }: RawFrame): Decoded {
  if (family === 'jointech-binary') {
    const { record, faults } = decodeBinary(bytes);
    return record ? { family, record, faults } : { family, unreadable: true, faults };
  }
  if (family === 'jointech-text') {
    const { line, faults } = decodeLine(bytes);
    return line ? { family, line, faults } : { family, unreadable: true, faults };
  }
  const frame = decodeFrame(bytes);
  if (!('header' in frame)) return { family, unreadable: true, faults: frame.faults };
  const { header, body } = frame;
  if (!SHORT_IDS.has(header.id) && (header.flags & IS_ENCRYPTED) !== 0) {
    const fault = { field: 'encryption', value: header.flags.toString(16), expected: 'a body that is not encrypted' };
    return { family, header, message: { type: 'raw', body }, body, faults: [...frame.faults, fault] };
  }
  // One part of a message is no message yet.
  if (header.part && header.part.total > 1) {
    return { family, header, message: { type: 'raw', body }, body, faults: frame.faults };
  }
  const { message, faults } = readMessage(header.id, body, header.shape);
  return { family, header, message, body, faults: [...frame.faults, ...faults] };
}
