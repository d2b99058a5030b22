import type { FixProblem, Mark } from './fix.ts';
import type { Located } from './locate.ts';

/** A fix as the judge remembers it. */
export interface Seen extends Mark {
  boot: number;
  /** Number of the record that would follow directly: records without a usable fix in between are known and counted. */
  nextSeq: number;
  outside: boolean;
  /** Time of the first of the run of outside fixes, each the record after the one before, that ends with this one. */
  runFromMs: number;
  /** Metres from the route. */
  awayM: number;
  /** Metres beyond the edge of every pass, the admitted error taken off; 0 where not outside. */
  depthM: number;
  /** Not an impossible jump when it came. */
  believed: boolean;
  /** The receiver says that it moves. */
  moves: boolean;
  /** The error that it admits, without a cap, reaches the corridor. */
  covered: boolean;
  /** Farther beyond the edge than `leapM`, and no drive to it from the road is known. */
  leapt: boolean;
  /** For a leapt fix: time of the first of the leapt fixes that can be driven from one to the next up to this one. */
  leapFromMs: number;
  /** For a leapt fix: two of these are a pair. */
  leapPair: boolean;
}

/** One time off the route, of one lock. All times are fix times, epoch ms. */
export interface Excursion {
  lockId: string;
  lastInsideMs?: number;
  /** Progress at the last inside fix, metres. */
  leftAtM?: number;
  firstOutsideMs: number;
  firstOutside: { lon: number; lat: number };
  /** When the corridor's edge was crossed, by the straight line from the last inside to the first outside fix. */
  crossedMs?: number;
  /** Absent while provisional. */
  confirmedMs?: number;
  lastOutsideMs: number;
  outsideFixes: number;
  /**
   * Why no outside fix of it can be proof, if none can: each admits an error that reaches the corridor (`accuracy`), or was
   * a jump that no vehicle can have driven (`leap`).
   */
  doubt?: 'accuracy' | 'leap';
  /** Greatest distance from the route's line, metres, and where that was. */
  maxDistanceM: number;
  farthest: { timeMs: number; lon: number; lat: number };
  /** The first fix well inside again; absent while it lasts. */
  returnedMs?: number;
  returnedAtM?: number;
  /** The longest time without a fix from the last inside fix to the return: what it hides cannot be known. */
  longestGapMs: number;
}

/** Two fixes with time or road between them that the route does not explain. */
export interface Gap {
  lockId: string;
  fromMs: number;
  toMs: number;
  fromM: number;
  toM: number;
  /** `too-slow`: time is unaccounted for. `too-fast`: the route cannot have been followed, a straight line can. */
  kind: 'too-slow' | 'too-fast';
  /** Time beyond what the section needs, ms; 0 for `too-fast`. */
  unaccountedMs: number;
  averageKmh: number;
}

export interface Opposite {
  /** The farthest point reached, and when. */
  peakM: number;
  peakMs: number;
  /** Set while the vehicle goes back. */
  sinceMs?: number;
  lowestM: number;
}

export interface LockRoute {
  lockId: string;
  /** Outside and doubted fixes of the last `pairMostMs`, and the last fix whatever it was. */
  recent: readonly Seen[];
  /** The last believed fix: what the next one must be possible from. */
  trusted?: Seen | undefined;
  /** Its position relative to the route; `beyondM` from the corridor's edge, negative within. */
  at?:
    | { timeMs: number; segment: number; progressM: number; beyondM: number; inside: boolean; stop: boolean }
    | undefined;
  /** The last inside fix, if it is not the one in `at`. */
  lastInside?: { timeMs: number; progressM: number; beyondM: number } | undefined;
  /** Oldest first; those never confirmed are dropped once no later fix can confirm them. The last may be open. */
  excursions: readonly Excursion[];
  /** Outside fixes that turned out to be alone. */
  glitches: number;
  opposite?: Opposite | undefined;
  gaps: readonly Gap[];
}

/** Everything the judge knows of a trip: plain JSON. Never changed in place. */
export interface RouteState {
  locks: readonly LockRoute[];
}

export type RouteChange = 'provisional' | 'confirmed' | 'returned' | 'glitch' | 'opposite' | 'forward' | 'gap';

/** What one fix meant. */
export interface RouteVerdict {
  /** `unknown`: the fix says nothing about the route (see `problems`). `edge`: neither outside nor back inside. */
  where: 'inside' | 'edge' | 'outside' | 'unknown';
  problems: readonly FixProblem[];
  changes: readonly RouteChange[];
  located?: Located;
  /** Id of the allowed stop or end of the route that holds the fix. */
  stop?: string;
  /** The lock's excursion that lasts, or that this fix ended. */
  excursion?: Excursion;
  oppositeSinceMs?: number;
  gap?: Gap;
}
