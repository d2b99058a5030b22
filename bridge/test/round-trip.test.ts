import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, Splitter } from '../src/index.ts';
import { decodeBinary, encodeBinary } from '../src/jointech/binary.ts';
import { decodeLine, encodeLine } from '../src/jointech/text.ts';
import { encodeFrame } from '../src/jt808/frame.ts';
import { messageIds, writeMessage } from '../src/jt808/messages.ts';
import { binary, header, message, shaped, subLock } from './arbitraries.ts';
import { bytesOf, FRAMES } from './frames.ts';

const oneFrame = (bytes: Uint8Array) => {
  const splitter = new Splitter();
  const frames = [...splitter.push(bytes), ...splitter.end()];
  expect(frames).toHaveLength(1);
  return frames[0]!;
};

/** Frames with a flag that their firmware did not escape. */
const UNESCAPED = new Set([17, 21]);

const framed = fc.oneof(
  fc
    .tuple(message, fc.constantFrom('2013' as const, '2019' as const))
    .filter(([{ message: m }, shape]) => !(m.type === 'authenticate' && shape === '2019'))
    .chain(([{ id, message: own }, shape]) => fc.record({ own: fc.constant(own), head: header(id, shape) })),
  shaped.chain(({ id, shape, message: own }) => fc.record({ own: fc.constant(own), head: header(id, shape) })),
);

describe('a message that is written', () => {
  it('of JT/T 808 is read as itself, whatever the version bit says', () => {
    const seen = new Set<number>();
    fc.assert(
      fc.property(framed, ({ own, head }) => {
        seen.add(head.id);
        const frame = oneFrame(encodeFrame(head, writeMessage(head.id, own, head.shape)));
        expect(decode(frame)).toMatchObject({ header: head, message: own, faults: [] });
      }),
      { numRuns: 1_500 },
    );
    expect(messageIds().filter((id) => !seen.has(id))).toEqual([]);
  });

  it('of a part of a message keeps its number', () => {
    fc.assert(
      fc.property(header(0x0704, '2013'), fc.integer({ min: 2, max: 9 }), (head, total) => {
        const given = { ...head, flags: head.flags | 0x2000, part: { total, index: 1 } };
        expect(decode(oneFrame(encodeFrame(given, Uint8Array.of(1, 2))))).toMatchObject({ header: given, faults: [] });
      }),
    );
  });

  it('of $ is read as itself in each of its three lengths', () => {
    fc.assert(
      fc.property(binary, (record) => {
        expect(decodeBinary(oneFrame(encodeBinary(record)).bytes)).toEqual({ record, faults: [] });
      }),
    );
  });

  it('of a sub-lock is read as itself, with brackets, commas and zero bytes inside', () => {
    fc.assert(
      fc.property(subLock, (record) => {
        const line = { type: 'sub-lock' as const, deviceId: '8130630001', protocol: '1', serial: '110', record };
        expect(decodeLine(oneFrame(encodeLine(line)).bytes)).toEqual({ line, faults: [] });
      }),
    );
  });

  it.each(FRAMES.filter(({ expect: wanted }) => wanted.frames !== 0 && wanted.believed !== false))(
    'as the real frame $n $name has its bytes',
    (known) => {
      const frame = oneFrame(bytesOf(known));
      const decoded = decode(frame);
      if ('header' in decoded) {
        const body = writeMessage(decoded.header.id, decoded.message, decoded.header.shape);
        const again = encodeFrame(decoded.header, body);
        if (UNESCAPED.has(known.n)) expect(decode(oneFrame(again))).toEqual(decoded);
        else expect(again).toEqual(frame.bytes);
      } else if ('record' in decoded) expect(encodeBinary(decoded.record)).toEqual(frame.bytes);
      else if ('line' in decoded) expect(encodeLine(decoded.line)).toEqual(frame.bytes);
    },
  );
});
