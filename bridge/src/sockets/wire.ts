import type { Command, Report } from '@sealwatch/schemas';

/** How one lock speaks, and what is known of it on its connection. */
export interface Bound {
  lockId: string;
  wireId: string;
  profile: string;
  /** The interval that the lock has last confirmed, s; undefined: none since it connected. */
  intervalS?: number | undefined;
}

/** What a frame says to the bridge. */
export interface Message {
  protocol: string;
  /** Undefined: it cannot be told whose it is. */
  wireId: string | undefined;
  /** To be written at once: nothing is lost with it. */
  answers: readonly Buffer[];
  /** The lock says goodbye. */
  closes?: boolean;
  /** Records, oldest first; `ack` is written when all of them are stored. */
  records?: { items: readonly Report[]; ack: Buffer | undefined };
  /** Records of locks behind this one, which is their hub; acknowledged with its own. */
  behind?: readonly { wireId: string; report: Report }[];
  /** What it answers to a command that was written as `key`. */
  reply?: { key: string; result: 'done' | 'accepted' | 'refused' | 'failed'; reason?: string; intervalS?: number };
  /** It holds a password: it is shown and kept nowhere. */
  isSecret?: boolean;
  /** Proves that the lock was opened, whoever asked for it. */
  opened?: boolean;
  /**
   * It cannot be read, and why. `ack` is written when its bytes are in quarantine; absent: the lock is to send it again, as
   * for a checksum that is wrong.
   */
  unreadable?: { why: string; ack?: Buffer; isDamaged?: boolean };
}

/** A command as it is written to a lock. */
export interface Written {
  bytes: readonly Buffer[];
  /** What the lock's answer is known by. */
  key: string;
  /** The lock moves: written once, whatever becomes of the answer. */
  isPhysical: boolean;
  /** The answer alone does not say that it was done; `Message.opened` does. */
  isProvenByEvent?: boolean;
  /** The lock answers nothing to it. */
  isDoneWhenWritten?: boolean;
}

export interface Splitter {
  /** Frames that are complete; what is none is left out. */
  push(chunk: Buffer): readonly Buffer[];
  /** Bytes that were no part of a frame, so far. */
  readonly skippedBytes: number;
}

/** The protocols, as sockets see them: pure, and stateless but for a splitter. */
export interface Wire {
  splitter(): Splitter;
  /** Whose frame it is, where that can be told without a profile. */
  wireIdOf(frame: Buffer): { protocol: string; wireId: string | undefined };
  read(frame: Buffer, bound: Bound, receivedMs: number): Message;
  /** @param serial of the connection: another one for each command */
  write(command: Command, bound: Bound, serial: number): Written | { refused: string };
}
