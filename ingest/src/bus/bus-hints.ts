import { PassageAnswer } from '@sealwatch/schemas';
import { z } from 'zod';
import type { Hint, HintOf, Hints } from '../ports.ts';
import { Numbered, type NumberedDeps } from './numbered.ts';

const Ids = z.array(z.string().max(200)).max(100_000);
const MemberId = z.int().min(1);

const Passage = z.object({
  ...PassageAnswer.shape,
  gateId: z.string(),
  gateName: z.string(),
  gateLane: z.string().exactOptional(),
  direction: z.enum(['in', 'out']),
  at: z.string(),
  plate: z.string().exactOptional(),
});

const HintMessage = z.discriminatedUnion('hint', [
  z.object({
    hint: z.literal('changed'),
    tripIds: Ids.optional(),
    alarmIds: Ids.optional(),
    lockIds: Ids.optional(),
  }),
  z.object({ hint: z.literal('passage'), passage: Passage, office: z.string().optional() }),
  z.object({ hint: z.literal('toJudge') }),
  z.object({ hint: z.literal('judged'), tripIds: Ids, lockIds: Ids }),
  z.object({ hint: z.literal('commands'), lockIds: Ids }),
  z.object({ hint: z.literal('locks'), lockIds: Ids }),
  z.object({ hint: z.literal('places') }),
  z.object({ hint: z.literal('owners') }),
  z.object({ hint: z.literal('back'), memberId: MemberId }),
  z.object({
    hint: z.literal('sessions'),
    memberId: MemberId,
    sessions: z.array(z.tuple([z.string().max(200), z.number()])).max(100_000),
  }),
  z.object({ hint: z.literal('access') }),
]) satisfies z.ZodType<Hint>;

type Take = (hint: Hint) => Promise<void> | void;

export interface BusHintsDeps extends Omit<NumberedDeps, 'topic'> {}

/** Hints to every member of a cluster. Listeners of this process are called as in one process; those of others a little later. */
export class BusHints implements Hints {
  readonly #deps: BusHintsDeps;
  readonly #numbered: Numbered;
  readonly #listeners = new Map<Hint['hint'], Take[]>();
  readonly #gapListeners: (() => void)[] = [];

  private constructor(deps: BusHintsDeps) {
    this.#deps = deps;
    this.#numbered = new Numbered({ ...deps, topic: 'hints' });
  }

  /** Resolves once hints of others are heard. */
  static async open(deps: BusHintsDeps): Promise<BusHints> {
    const hints = new BusHints(deps);
    await hints.#numbered.follow(
      (body, from) => hints.#heard(body, from),
      () => hints.#gap(),
    );
    return hints;
  }

  on<K extends Hint['hint']>(kind: K, take: (hint: HintOf<K>) => Promise<void> | void): void {
    this.#listeners.set(kind, [...(this.#listeners.get(kind) ?? []), take as Take]);
  }

  onGap(listener: () => void): void {
    this.#gapListeners.push(listener);
  }

  async publish(hint: Hint): Promise<void> {
    this.#numbered.publish(hint);
    await this.#tell(hint);
  }

  stop(): void {
    this.#numbered.stop();
  }

  async #tell(hint: Hint): Promise<void> {
    await Promise.all((this.#listeners.get(hint.hint) ?? []).map((take) => take(hint)));
  }

  #heard(body: unknown, from: number): void {
    const { log } = this.#deps;
    const hint = HintMessage.safeParse(body);
    if (!hint.success) {
      // One of a later version too: what it says is read from the store.
      log.warn({ from, issues: hint.error.issues.slice(0, 3) }, 'a hint of another member cannot be read');
      this.#gap();
      return;
    }
    void this.#tell(hint.data).catch((error) => log.warn({ err: error, from }, 'a hint was not taken'));
  }

  #gap(): void {
    for (const listener of this.#gapListeners) listener();
  }
}
