import { type Logger, pino } from 'pino';

export type { Logger };

/**
 * Logs are JSON lines with the level as a word where standard output is not a terminal, and short readable lines where
 * it is (contract §1). Secrets have no business in a log; the fields that could carry one are struck out all the same.
 */
export function createLog(level: string, { pretty = process.stdout.isTTY === true } = {}): Logger {
  return pino({
    level,
    base: null,
    formatters: { level: (label) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    redact: [
      'password',
      'secret',
      'key',
      'token',
      'authorization',
      '*.password',
      '*.secret',
      '*.key',
      '*.authorization',
    ],
    ...(pretty
      ? {
          transport: {
            target: 'pino-pretty',
            options: { ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss', singleLine: true },
          },
        }
      : {}),
  });
}
