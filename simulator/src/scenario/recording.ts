import { appendFileSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import type { TripScript } from './perform.ts';

const Span = z.object({ fromMs: z.number(), toMs: z.number() });

const Sending = z.object({ lockId: z.string(), payload: z.string(), held: z.boolean() });

const Script: z.ZodType<TripScript> = z.object({
  lockIds: z.array(z.string()),
  papers: z.object({
    declarationNo: z.string(),
    tractorPlate: z.string(),
    trailerPlate: z.string(),
    containerNo: z.string(),
    mechanicalSealNo: z.string(),
  }),
  secondContainerNo: z.string().exactOptional(),
  departedMs: z.number().exactOptional(),
  sendings: z.array(Sending),
  liveNow: z.array(Sending),
  truth: z.object({
    scenario: z.string(),
    expected: z.array(z.object({ rule: z.string(), span: Span })),
    tolerated: z.array(z.string()),
    verdict: z.enum(['release', 'manual', 'alarm', 'unasked']),
    acknowledged: z.array(z.string()),
    quarantined: z.number(),
  }),
});

/** One line for the scripts of one truck: everything that is declared, sent and true, to be played again. */
export function appendRecording(file: string, scripts: readonly TripScript[]): void {
  appendFileSync(file, `${JSON.stringify(scripts)}\n`);
}

/** @throws Error with the line that cannot be read */
export function readRecording(file: string): { lockIds: string[]; scripts(): TripScript[] }[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line, index) => {
    try {
      const scripts = z.array(Script).min(1).parse(JSON.parse(line));
      return { lockIds: [...new Set(scripts.flatMap((script) => script.lockIds))], scripts: () => scripts };
    } catch (error) {
      throw new Error(
        `${file}, line ${index + 1}: not a recorded trip (${error instanceof Error ? error.message : error})`,
      );
    }
  });
}
