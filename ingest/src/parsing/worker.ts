import { parentPort } from 'node:worker_threads';
import { XmlFault } from '../jgs/xml.ts';
import { ApiProblem } from '../problem.ts';
import { type Jobs, type Kind, runJob } from './jobs.ts';

/** An error as plain data: classes do not cross threads. */
export type Failure =
  | { what: 'problem'; statusCode: number; code: string; detail: string; errors: ApiProblem['errors'] }
  | { what: 'fault'; code: string; detail: string }
  | { what: 'bug'; detail: string };
export type Outcome<T> = { value: T } | { failure: Failure };

function failureOf(error: unknown): Failure {
  if (error instanceof ApiProblem) {
    const { statusCode, code, message, errors } = error;
    return { what: 'problem', statusCode, code, detail: message, errors };
  }
  if (error instanceof XmlFault) return { what: 'fault', code: error.code, detail: error.message };
  return { what: 'bug', detail: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

parentPort?.on('message', ({ kind, asked }: { kind: Kind; asked: Jobs[Kind]['asked'] }) => {
  // One message at a time: the next one is sent after the answer to this one.
  void runJob(kind, asked as never).then(
    (value) => parentPort?.postMessage({ value }),
    (error: unknown) => parentPort?.postMessage({ failure: failureOf(error) }),
  );
});
