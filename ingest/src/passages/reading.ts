import type { PassageQuestion } from '@sealwatch/schemas';
import type { Reading } from '../custody/checks.ts';

/** What a gate read, as the checks of a step compare it. */
export function readingOf(question: PassageQuestion): Reading {
  return {
    ...(question.plate === undefined ? {} : { plate: question.plate.text }),
    ...(question.containers.length === 0 ? {} : { containers: question.containers.map(({ no }) => no) }),
    ...(question.lockIds.length === 0 ? {} : { lockIds: question.lockIds }),
  };
}
