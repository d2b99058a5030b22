import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type AnswerTo,
  readAnswers,
  readReports,
  type SentReport,
  writeAnswers,
  writeReports,
} from '../../src/bus/report-frames.ts';

const id = fc.nat({ max: 0xffff_ffff });
const report: fc.Arbitrary<SentReport> = fc.record({
  id,
  lockId: fc.string({ unit: 'grapheme', maxLength: 40 }).filter((text) => Buffer.byteLength(text) <= 255),
  receivedMs: fc.double({ noNaN: true, noDefaultInfinity: true }),
  payload: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
});
const answer: fc.Arbitrary<AnswerTo> = fc.record({
  id,
  answer: fc.constantFrom('stored', 'moved', 'stopping', 'failed'),
});

test('reports and answers are read as they were written', () => {
  fc.assert(
    fc.property(fc.array(report), fc.array(answer), (reports, answers) => {
      expect(readReports(writeReports(reports))).toEqual(reports);
      expect(readAnswers(writeAnswers(answers))).toEqual(answers);
    }),
  );
});

test('a frame that was cut, lengthened or changed is another frame or none, and never throws', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }).map((some) => Buffer.from(some)),
    fc.array(report, { maxLength: 4 }).map(writeReports),
    fc.array(answer, { maxLength: 4 }).map(writeAnswers),
  );
  fc.assert(
    fc.property(bytes, fc.nat(), fc.nat({ max: 255 }), fc.integer({ min: -9, max: 9 }), (frame, at, byte, more) => {
      const changed = Buffer.concat([frame, Buffer.alloc(Math.max(0, more))]).subarray(0, frame.length + more);
      if (changed.length > 0) changed[at % changed.length] = byte;
      expect(() => [readReports(changed), readAnswers(changed)]).not.toThrow();
    }),
    { numRuns: 2_000 },
  );
  const whole = writeReports([{ id: 1, lockId: 'JT1', receivedMs: 1, payload: Buffer.from('x') }]);
  for (let end = 0; end < whole.length; end++) expect(readReports(whole.subarray(0, end))).toBeUndefined();
  expect(readReports(Buffer.concat([whole, Buffer.of(0)]))).toBeUndefined();
  // A count that claims more than can be there is refused before anything is made of it.
  expect(readReports(Buffer.from([1, 0xff, 0xff, 0xff, 0xff, 0, 0]))).toBeUndefined();
  expect(readAnswers(Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 4]))).toBeUndefined();
});
