import type { SortedRefusals } from './junk-bound.ts';
import type { Written } from './write.ts';

/** What a committed batch wrote, and what of it was neither kept nor is acknowledged. */
export interface Settled {
  written: Written;
  declined: SortedRefusals['declined'];
  /** Locks whose records another worker admits. */
  moved: ReadonlySet<string>;
}
