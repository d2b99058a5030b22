import { containerCode, normaliseCode, type PassageQuestion, readContainerNo } from '@sealwatch/schemas';
import { spellings } from '../custody/reading.ts';
import type { GateReading } from '../store/passages/gate.ts';

/** Where what was read on file might be: all spellings of doubtful characters, so that a doubt still finds its trip. */
export function lookUps(question: PassageQuestion): GateReading {
  return {
    plates: question.plate === undefined ? [] : spellings(question.plate.text),
    containers: question.containers.flatMap(({ no }) => {
      const read = readContainerNo(no, { ilu: true });
      return read.ok ? [read.containerNo] : spellings(containerCode(no));
    }),
    lockIds: question.lockIds.map(normaliseCode),
  };
}
