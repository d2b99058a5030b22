import type { Bus } from '../bus/bus.ts';
import type { Membership } from '../postgres/membership.ts';

/** A worker that cannot be asked for so long gives its slots up: it would own what it cannot hear. */
const WITHOUT_BUS_MS = 3_000;
const LOOK_EVERY_MS = 200;

export interface Fitness {
  /** Whether this member can do what it is for. */
  isFit(): boolean;
  /** For good: the others take over what it has. */
  leave(): void;
  stop(): void;
}

/** Watches whether a member can be asked, and tells the others why it cannot. */
export function watchFitness(
  bus: Pick<Bus, 'ready'>,
  membership: Pick<Membership, 'explain'>,
  withoutBusMs = WITHOUT_BUS_MS,
): Fitness {
  let sinceMs: number | undefined;
  let reasons: readonly string[] = [];
  let isLeaving = false;
  const look = () => {
    const now = bus.ready();
    sinceMs = now.length === 0 ? undefined : (sinceMs ?? performance.now());
    const isAway = sinceMs !== undefined && performance.now() - sinceMs >= withoutBusMs;
    reasons = isLeaving ? ['stopping'] : isAway ? now : [];
    membership.explain(reasons);
  };
  look();
  const timer = setInterval(look, LOOK_EVERY_MS).unref();
  return {
    isFit: () => reasons.length === 0,
    leave() {
      isLeaving = true;
      look();
    },
    stop: () => clearInterval(timer),
  };
}
