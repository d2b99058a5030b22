import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';

/** A log of every level that is kept, to be searched. */
export function keptLog(): { log: Logger; text: () => string } {
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  return { log: pino({ level: 'trace' }, sink), text: () => lines.join('') };
}
