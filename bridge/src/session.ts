import { type Answers, answersTo } from './command/answers.ts';
import { readMessage } from './jt808/messages.ts';
import { Parts } from './jt808/parts.ts';
import type { Profile } from './profile/profile.ts';
import { reportsOf } from './report/map.ts';
import type { Context, Mapping } from './report/record.ts';
import { type Decoded, decode } from './wire/decode.ts';
import type { RawFrame } from './wire/splitter.ts';

/** What follows from one frame: publish `records`, then write `afterCommit` when each of them has its PUBACK. */
export type Step = Answers & Mapping & { decoded: Decoded };

const NO_STEP = { now: [], afterCommit: [], isEnd: false, records: [], notes: [] };

/** The bridge's side of one connection after the lock is known: no socket, no clock. It holds the parts of messages alone. */
export class Session {
  readonly #profile: Profile;
  readonly #code: string;
  readonly #parts = new Parts();
  #serial = 0;

  /** @param code that the lock is registered with on the wire */
  constructor(profile: Profile, code: string) {
    this.#profile = profile;
    this.#code = code;
  }

  get heldBytes(): number {
    return this.#parts.heldBytes;
  }

  /** The next number of the platform on this connection. */
  readonly nextSerial = (): number => {
    const serial = this.#serial;
    this.#serial = (serial + 1) % 65_536;
    return serial;
  };

  /** @param nowMs epoch ms */
  take(frame: RawFrame, nowMs: number, context: Context = {}): Step {
    const one = decode(frame);
    const decoded = this.#whole(one, nowMs);
    if (decoded === undefined) return { ...NO_STEP, decoded: one };
    const asked = { nowMs, serial: this.nextSerial, code: this.#code };
    return { ...answersTo(decoded, this.#profile, asked), ...reportsOf(decoded, this.#profile, context), decoded };
  }

  /** @returns undefined while parts are missing */
  #whole(decoded: Decoded, nowMs: number): Decoded | undefined {
    if (!('header' in decoded) || decoded.header.part === undefined || decoded.header.part.total <= 1) return decoded;
    if (decoded.faults.length > 0) return decoded;
    const { header, body, faults } = decoded;
    const joined = this.#parts.take({ header, body, faults }, nowMs);
    if (joined === undefined) return undefined;
    const read = readMessage(joined.header.id, joined.body, joined.header.shape);
    return { family: 'jt808', header: joined.header, body: joined.body, ...read };
  }
}
