import { Report } from '@sealwatch/schemas';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decode, describe as describeFrame, MAX_FRAME_BYTES, reportsOf, Session, Splitter } from '../src/index.ts';
import { MOST_BYTES } from '../src/jt808/parts.ts';
import { bytes } from './arbitraries.ts';
import { bytesOf, FRAMES } from './frames.ts';
import { PROFILES } from './profiles.ts';

const INPUTS = process.env.SEALWATCH_DEEP === '1' ? 1_000_000 : 100_000;
const SEED = Number(process.env.SEALWATCH_SEED ?? 808);
const profiles = [...PROFILES.values()];
const known = FRAMES.map(bytesOf);

/** Numbers from 0 below 2^32, the same for the same seed (xorshift). */
function numbers(seed: number): () => number {
  let state = seed || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/** A real frame that was cut, flipped, repeated, mirrored, or has flags and escapes in odd places; or bytes of no kind. */
function spoilt(next: () => number): Uint8Array {
  const frame = Uint8Array.from(known[next() % known.length]!);
  const at = next() % frame.length;
  switch (next() % 8) {
    case 0:
      return frame.slice(0, at);
    case 1:
      return frame.slice(at);
    case 2:
      frame[at] = (frame[at] ?? 0) ^ (1 << (next() % 8));
      return frame;
    case 3:
      return Uint8Array.from([...frame, ...frame.slice(0, at)]);
    case 4:
      return frame.reverse();
    case 5:
      frame[at] = [0x7e, 0x7d, 0x24, 0x28, 0x29, 0x3d][next() % 6] ?? 0;
      return frame;
    case 6:
      return Uint8Array.from({ length: next() % 60 }, () => next() % 256);
    default:
      return Uint8Array.from([...frame.slice(0, at), ...known[next() % known.length]!.slice(at % 7)]);
  }
}

describe('bytes that are no frames', () => {
  it(`never throw and never pile up: ${INPUTS} of them, on one connection per thousand`, () => {
    const next = numbers(SEED);
    let [splitter, session] = [new Splitter(), new Session(profiles[0]!, 'x')];
    let [frames, reports, most] = [0, 0, 0];
    for (let i = 0; i < INPUTS; i++) {
      if (i % 1_000 === 0) {
        splitter = new Splitter();
        session = new Session(profiles[(i / 1_000) % profiles.length]!, 'x');
      }
      for (const frame of splitter.push(spoilt(next))) {
        frames++;
        const step = session.take(frame, i);
        reports += step.records.length;
        // The schema is slow, so it judges a sample.
        if (i % 50 === 0) for (const { report } of step.records) Report.parse(report);
      }
      most = Math.max(most, splitter.heldBytes, session.heldBytes - MOST_BYTES);
    }
    expect(most).toBeLessThanOrEqual(MAX_FRAME_BYTES);
    // What it tries is not refused at the door.
    expect(frames).toBeGreaterThan(INPUTS / 4);
    expect(reports).toBeGreaterThan(INPUTS / 20);
  });

  it('are described whatever they are, by every profile', () => {
    const next = numbers(SEED + 1);
    for (let i = 0; i < 2_000; i++) {
      const splitter = new Splitter();
      for (const frame of [...splitter.push(spoilt(next)), ...splitter.end()]) {
        const profile = profiles[i % profiles.length]!;
        expect(JSON.parse(JSON.stringify(describeFrame(frame, decode(frame), profile)))).toBeTypeOf('object');
        for (const { report } of reportsOf(decode(frame), profile).records) Report.parse(report);
      }
    }
  });

  it('of an endless frame are held up to the bound and no further, and what follows is found', () => {
    for (const start of [
      [0x7e, 1],
      [0x28, 0x41],
      [0x24, 0x10, 0x10, 0x10, 0x10, 0x10, 0x19, 0x11, 0, 52],
    ]) {
      const splitter = new Splitter();
      splitter.push(Uint8Array.from(start));
      for (let i = 0; i < 20; i++) {
        splitter.push(new Uint8Array(1_000).fill(0x41));
        expect(splitter.heldBytes).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      }
      const heartbeat = bytesOf(FRAMES.find(({ n }) => n === 44)!);
      const found = [...splitter.push(heartbeat), ...splitter.push(heartbeat), ...splitter.end()];
      expect(found.map(({ bytes: cut }) => Buffer.from(cut).toString('hex'))).toContain(
        Buffer.from(heartbeat).toString('hex'),
      );
    }
  });
});

describe('a stream', () => {
  const cutAt = (stream: Uint8Array, cuts: readonly number[]) => {
    const splitter = new Splitter();
    const ends = [...cuts.map((cut) => cut % (stream.length + 1)), stream.length].sort((a, b) => a - b);
    let from = 0;
    const frames = ends.flatMap((end) => {
      const chunk = stream.slice(from, end);
      from = end;
      return splitter.push(chunk);
    });
    return [...frames, ...splitter.end()];
  };
  const pieces = fc.array(fc.oneof(fc.constantFrom(...known), bytes(30)), { maxLength: 6 });

  it('is cut into the same frames however it comes', () => {
    fc.assert(
      fc.property(pieces, fc.array(fc.nat(), { maxLength: 12 }), (parts, cuts) => {
        const stream = Uint8Array.from(parts.flatMap((part) => [...part]));
        expect(cutAt(stream, cuts)).toEqual(cutAt(stream, []));
      }),
      { numRuns: 500 },
    );
  });

  it('of whole frames, joined or with a shared flag, loses none', () => {
    const whole = FRAMES.filter(({ expect: wanted }) => wanted.frames !== 0 && wanted.believed !== false).map(bytesOf);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...whole), { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        (frames, isShared) => {
          const stream = frames.flatMap((frame, i) => {
            const isSecond = isShared && i > 0 && frame[0] === 0x7e && frames[i - 1]?.[0] === 0x7e;
            return [...(isSecond ? frame.slice(1) : frame)];
          });
          expect(cutAt(Uint8Array.from(stream), []).map((one) => one.bytes)).toEqual(frames);
        },
      ),
      { numRuns: 300 },
    );
  });
});
