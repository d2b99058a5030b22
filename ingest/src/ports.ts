import type { Alarm, FeedPassage, LockSignIn, WallStatus } from '@sealwatch/schemas';
import type { Pool } from 'pg';
import type { Logger } from 'pino';
import type { TrackedReport } from './record/report.ts';
import type { SecretBox } from './secret-box.ts';

/** What a certificate is recognised by: its serial number, or the SHA-256 of it or of its public key; hexadecimal, lower case. */
export interface CertificateMark {
  kind: 'serial' | 'sha256';
  value: string;
}

/** With what a lock may sign in. */
export interface LockAccess {
  signIn: LockSignIn;
  secretHash: Buffer;
  /** Until when that secret is good, epoch ms; absent: no end is set. */
  secretUntilMs?: number;
  /** Of a new secret that the lock has not signed in with yet. */
  nextSecretHash?: Buffer;
  /** Its certificate, or the key of it, is one of these; empty: whichever names the lock. */
  pins: string[];
  revoked: CertificateMark[];
}

/** Where reports enter. One process: the intake itself. */
export interface ReportDoor {
  /**
   * Takes one publish of `locks/{lockId}/report`. `done()` is called after the COMMIT that holds it, in order per lock;
   * with an error the connection of the lock is to be closed, or with `MovedError` another worker to be asked.
   * @param receivedMs when it was received, epoch ms; absent: now
   */
  receive(lockId: string, payload: Buffer, done: (error?: Error) => void, receivedMs?: number): void;
  /** Why reports are not accepted now; empty: they are. */
  ready(): string[];
  /** What is wrong while they are accepted, e.g. the platform's clock. */
  warnings?(): string[];
}

/** Another worker admits the records of this lock; nothing of the publish was stored. */
export class MovedError extends Error {
  override name = 'MovedError';
}

/** The platform stops, and takes nothing any more; what it has not stored is sent again elsewhere. */
export class StoppingError extends Error {
  override name = 'StoppingError';
}

/**
 * The slots that one member owns, of the 256 that the fleet is in: it admits the records of locks in them and folds the trips in
 * them. Nobody else does either until it has released them, or its membership was ended.
 */
export interface Slots {
  readonly memberId: number;
  has(slot: number): boolean;
  /**
   * `follow` is called with every slot that is owned now, and with each that is claimed later, after the COMMIT of the claim.
   * Resolves once it has followed those of now.
   */
  onClaimed(follow: (slots: readonly number[]) => Promise<void>): Promise<void>;
  /** `drain` resolves once nothing of these slots is in hand or in memory; they are released then. */
  onReleasing(drain: (slots: readonly number[]) => Promise<void>): void;
  /** Nothing is claimed any more; for a worker that cannot be asked, or is about to stop and others are there. */
  releaseAll(): Promise<void>;
}

/** Who owns which slot, as last read from the store; it may be old. */
export interface Directory {
  /** memberId; undefined: nobody owns the slot now. */
  ownerOf(slot: number): number | undefined;
  unowned(): number[];
  /** The listener is called with the slots that another member owns now, or nobody. */
  onChanged(listener: (slots: number[]) => void): void;
  /** Reads the store now. Never rejects. */
  look(): Promise<void>;
}

/** Judges trips again whose plan a use case has changed. */
export interface Judging {
  /**
   * After the COMMIT of the change. Resolves once the trips are judged by their new plans; false: not yet, but they will be.
   * @param withinMs how long to wait, 3 s unless said; 0: asks for it and does not wait
   */
  judged(tripIds: string[], withinMs?: number): Promise<boolean>;
}

/** What screens show of a report. */
export type SeenReport = Pick<TrackedReport, 'lockId' | 'boot' | 'seq' | 'kind' | 'timeMs' | 'position' | 'battery'>;

/** What one transaction of the intake made true. */
export interface Committed {
  reports: { report: SeenReport; lockId: string; tripId?: string | undefined; wallStatus: WallStatus }[];
  /** As the store holds them; withdrawn ones come once more, no longer active. */
  alarms: Alarm[];
  tripIds: string[];
  /** Trips whose colour may have changed by an alarm of another trip. */
  inheriting?: string[] | undefined;
}

/** The stream of what the intake commits. */
export interface Live {
  publish(committed: Committed): void;
  /** Resolves once nothing that is published from then on is missed without a call of `onGap`. */
  follow(take: (committed: Committed) => void, onGap: () => void): Promise<void>;
}

/** Says that something in the store has changed; the store holds what. A lost hint costs time, never correctness. */
export type Hint =
  /** To be read again by whoever shows them. */
  | {
      hint: 'changed';
      tripIds?: string[] | undefined;
      alarmIds?: string[] | undefined;
      lockIds?: string[] | undefined;
    }
  /** A gate has decided. `office`: that of the gate; its people see a passage that matches no trip. */
  | { hint: 'passage'; passage: FeedPassage; office?: string | undefined }
  /** Trips wait in the store to be judged again. */
  | { hint: 'toJudge' }
  /** They were, and the unlocks that wait for these locks are due. */
  | { hint: 'judged'; tripIds: string[]; lockIds: string[] }
  /** Commands wait in the queues of these locks. */
  | { hint: 'commands'; lockIds: string[] }
  /** These locks were retired or have another secret. */
  | { hint: 'locks'; lockIds: string[] }
  | { hint: 'places' }
  /** Who owns which slots. */
  | { hint: 'owners' }
  /** The connection of this member to the others stands again; what was sent to it before may be lost. */
  | { hint: 'back'; memberId: number }
  /** These locks have connected to a gateway, at these times by its clock, epoch ms: a connection to another one is old. */
  | { hint: 'sessions'; memberId: number; sessions: [lockId: string, connectedMs: number][] }
  /** The access of people or keys has changed or ended. */
  | { hint: 'access' };

export type HintOf<K extends Hint['hint']> = Extract<Hint, { hint: K }>;

export interface Hints {
  /** After the COMMIT. Resolves once the listeners of this process are done; rejects with the first of their errors. */
  publish(hint: Hint): Promise<void>;
  on<K extends Hint['hint']>(kind: K, take: (hint: HintOf<K>) => Promise<void> | void): void;
  /** Called when hints of others may have been lost: what they would have said is to be read from the store. */
  onGap(listener: () => void): void;
}

/** What the platform knows of locks that a bridge speaks for. */
export interface Bridged {
  /** With what the bridge signs in to MQTT for a lock: derived, so that it is nowhere kept. */
  secretOf(lockId: string, generation: number): string;
  /** Names of the profiles that locks can be registered with. */
  profiles: readonly string[];
  /** Reads a frame in hexadecimal as the bridge would. @param profile absent: what can be read without one */
  decode(hex: string, profile: string | undefined): unknown;
}

/** What the use cases reach: the store, and what follows a COMMIT. */
export interface UseCaseDeps {
  pool: Pool;
  /** Connections of the gates' own, so that no other work keeps a truck waiting. */
  gatePool: Pool;
  judging: Judging;
  hints: Hints;
  /** Seals secrets that wait to be sent; its key is not in the database. */
  secrets: SecretBox;
  bridged: Bridged;
  log: Logger;
  config: {
    /** How long a step waits for its lock to confirm before it answers, ms. */
    confirmWithinMs?: number;
    /** How long a gate on the way out waits for a lock to confirm its interval, ms. */
    gateWaitMs?: number;
  };
  /** Calls people for alarms that nobody takes; absent: nobody is called. */
  escalation?: { watchTrip(tripId: string): void };
  /** The id of a passage came again with another question; absent: nobody counts it. */
  passageReused?: (gateId: string) => void;
  /** Words of an alarm's rule, for the gate's reasons. */
  ruleText?: (rule: string) => { zh: string; en: string } | undefined;
}
