import { type Logger, pino } from 'pino';

export type { Logger };

/**
 * Writes readable lines if standard output is a terminal, else JSON lines with the level as a word (contract §1). No
 * caller logs a secret; fields of these names are redacted nevertheless.
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
