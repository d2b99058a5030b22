import type { Severity } from '@sealwatch/schemas';

/** One stretch of time in which a rule's condition held. Plain JSON; times are epoch milliseconds. */
export interface Episode {
  lockId: string;
  startedMs: number;
  /** When the records proved it; absent: provisional. */
  confirmedMs?: number;
  endedMs?: number;
  lastInsideMs?: number;
  maxDistanceM?: number;
  /** Where it differs from the rule's. */
  severity?: Severity;
  /** The record that proved it came late. */
  late?: boolean;
  position?: { lon: number; lat: number };
  /** Time of the newest proof; a disposal settles the episode up to it. */
  provenMs?: number;
  evidence?: Record<string, unknown>;
  /** Distinguishes episodes of one rule and lock that begin with the same record. */
  of?: string;
}

/** A rule's result after one record: its memory, the episode that is still open, and those that have just ended. */
export interface RuleState<Memory> {
  memory?: Memory | undefined;
  open?: Episode | undefined;
  ended?: Episode[] | undefined;
}
