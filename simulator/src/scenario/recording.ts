import { appendFileSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { drawPapers } from '../papers.ts';
import { randomStream } from '../random.ts';
import type { Group } from './groups.ts';
import { lockName } from './groups.ts';
import { LINES } from './line.ts';
import type { TripScript } from './trip-script.ts';

const Span = z.object({ fromMs: z.number(), toMs: z.number() });

const Sending = z.object({
  lockId: z.string(),
  payload: z.string(),
  held: z.boolean(),
  dueMs: z.number().exactOptional(),
  how: z.enum(['ack-lost', 'cloned']).exactOptional(),
});

const Script: z.ZodType<TripScript> = z.object({
  line: z.enum(LINES),
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
    way: z.array(z.tuple([z.number(), z.number()])).exactOptional(),
  }),
});

/** One line for the scripts of one truck: what is declared and sent, and the truth, so that it can be replayed. */
export function appendRecording(file: string, scripts: readonly TripScript[]): void {
  appendFileSync(file, `${JSON.stringify(scripts)}\n`);
}

/** @throws Error with the line that cannot be read */
export function readRecording(file: string): Group[] {
  const lines = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line, index) => {
    try {
      const scripts = z.array(Script).min(1).parse(JSON.parse(line));
      return groupOf(scripts);
    } catch (error) {
      throw new Error(
        `${file}, line ${index + 1}: not a recorded trip (${error instanceof Error ? error.message : error})`,
      );
    }
  });
}

function groupOf(scripts: TripScript[]): Group {
  const lockIds = [...new Set(scripts.flatMap((script) => script.lockIds))];
  return { lockIds, lines: [...new Set(scripts.map(({ line }) => line))], scripts: () => scripts };
}

/** The same trip with other locks, plates and boxes; events and times are unchanged. */
export function renamed(group: Group, seed: number, startMs: number, index: number): Group {
  const names = new Map(group.lockIds.map((lockId, unit) => [lockId, lockName(seed, startMs, index * 2 + unit)]));
  let text = JSON.stringify(group.scripts());
  for (const [before, now] of names) text = text.replaceAll(before, now);
  const scripts = z.array(Script).parse(JSON.parse(text));
  return groupOf(
    scripts.map((script, trip) => {
      const random = randomStream(seed, `${startMs} ${index} ${trip}`);
      const office = script.papers.declarationNo.slice(0, 4);
      const draw = () => drawPapers(random, office, Number(script.papers.declarationNo.slice(4, 8)));
      const second = script.secondContainerNo === undefined ? {} : { secondContainerNo: draw().containerNo };
      return { ...script, papers: draw(), ...second };
    }),
  );
}
