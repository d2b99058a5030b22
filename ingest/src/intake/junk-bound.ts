import { createHash } from 'node:crypto';
import type { Pool } from 'pg';
import { Counter, Gauge } from 'prom-client';
import type { RecordRefusal } from '../record/record.ts';
import { isJunk, JUNK_BYTES_OF_LOCK, junkHeld, QUARANTINE_ROW_BYTES } from '../store/reports/quarantine.ts';
import type { IntakeDeps } from './contract.ts';

/** Junk of all locks that is kept. */
const MOST_BYTES = 64 * 2 ** 20;
/** People may have discarded junk of other locks meanwhile: all is read again before more is declined, at most this often. */
const READ_AGAIN_AFTER_MS = 10_000;

interface Refused {
  lockId: string;
  refusal: RecordRefusal;
}

/** What becomes of the refusals of a batch. */
export interface SortedRefusals {
  /** To be written to the quarantine. */
  kept: readonly Refused[];
  /** Of a lock that has no room left: neither kept nor acknowledged. */
  declined: readonly Refused[];
}

/**
 * What can be read as a record is always kept. Junk is kept up to a bound for each lock and for all: nothing that was
 * acknowledged leaves, so beyond the bound new junk is not acknowledged. Bytes that are kept already are acknowledged, so
 * a lock that repeats itself gets on.
 */
export class JunkBound {
  readonly #pool: Pool;
  readonly #mostBytes: number;
  readonly #mostOfLock: number;
  readonly #nowMs: () => number;
  readonly #repeated: Counter;
  readonly #declined: Counter;
  #held = new Map<string, { bytes: number; hashes: Set<string> }>();
  #bytes = 0;
  #readMs = 0;

  constructor(deps: Pick<IntakeDeps, 'pool' | 'registry' | 'quarantineBytes' | 'nowMs'>) {
    this.#pool = deps.pool;
    this.#mostBytes = deps.quarantineBytes ?? MOST_BYTES;
    this.#mostOfLock = Math.min(JUNK_BYTES_OF_LOCK, this.#mostBytes);
    this.#nowMs = deps.nowMs ?? Date.now;
    const registers = [deps.registry];
    const held = () => this.#bytes;
    new Gauge({
      name: 'sealwatch_quarantine_bytes',
      help: 'Bytes of unreadable payloads held in quarantine, roughly; at the bound further ones are not acknowledged',
      registers,
      collect() {
        this.set(held());
      },
    });
    const counter = (name: string, help: string) =>
      new Counter({ name: `sealwatch_intake_${name}_total`, help, registers });
    this.#repeated = counter('junk_repeated', 'Unreadable payloads that stand in quarantine already, acknowledged');
    this.#declined = counter('junk_declined', 'Unreadable payloads beyond the bound, not acknowledged');
  }

  /** Reads what is held. */
  async start(): Promise<void> {
    const rows = await junkHeld(this.#pool);
    this.#readMs = this.#nowMs();
    this.#held = new Map();
    this.#bytes = 0;
    for (const { lock_id, bytes, hash } of rows) this.#add(lock_id, bytes, hash);
  }

  async sort(refusals: readonly Refused[]): Promise<SortedRefusals> {
    if (!refusals.some(({ refusal }) => isJunk(refusal.reason))) return { kept: refusals, declined: [] };
    await this.#readAgain(refusals.filter((one) => this.#isHeld(one)));
    const first = this.#sort(refusals);
    await this.#readAgain(first.declined);
    const sorted = first.declined.length === 0 ? first : this.#sort(refusals);
    if (sorted.declined.length === 0 || this.#nowMs() - this.#readMs < READ_AGAIN_AFTER_MS) return sorted;
    await this.start();
    return this.#sort(refusals);
  }

  #isHeld({ lockId, refusal }: Refused): boolean {
    const hashes = this.#held.get(lockId)?.hashes;
    return hashes !== undefined && isJunk(refusal.reason) && hashes.has(hashOf(refusal.raw));
  }

  /** What seems to be held may have been discarded or replayed since. */
  async #readAgain(refused: readonly Refused[]): Promise<void> {
    if (refused.length === 0) return;
    const lockIds = [...new Set(refused.map(({ lockId }) => lockId))];
    const rows = await junkHeld(this.#pool, lockIds);
    for (const lockId of lockIds) {
      this.#bytes -= this.#held.get(lockId)?.bytes ?? 0;
      this.#held.delete(lockId);
    }
    for (const { lock_id, bytes, hash } of rows) this.#add(lock_id, bytes, hash);
  }

  #sort(refusals: readonly Refused[]): SortedRefusals {
    const kept: Refused[] = [];
    const declined: Refused[] = [];
    const fresh = new Map<string, number>();
    const seen = new Set<string>();
    let all = this.#bytes;
    for (const one of refusals) {
      const { lockId, refusal } = one;
      if (!isJunk(refusal.reason)) {
        kept.push(one);
        continue;
      }
      const hash = hashOf(refusal.raw);
      const held = this.#held.get(lockId);
      if (held?.hashes.has(hash) || seen.has(`${lockId} ${hash}`)) continue;
      const bytes = refusal.raw.length + QUARANTINE_ROW_BYTES;
      const ofLock = (held?.bytes ?? 0) + (fresh.get(lockId) ?? 0) + bytes;
      if (ofLock > this.#mostOfLock || all + bytes > this.#mostBytes) {
        declined.push(one);
        continue;
      }
      fresh.set(lockId, (fresh.get(lockId) ?? 0) + bytes);
      seen.add(`${lockId} ${hash}`);
      all += bytes;
      kept.push(one);
    }
    return { kept, declined };
  }

  /** To be called once what is kept is committed. @param all how many refusals were sorted */
  committed({ kept, declined }: SortedRefusals, all: number): void {
    this.#repeated.inc(all - kept.length - declined.length);
    this.#declined.inc(declined.length);
    for (const { lockId, refusal } of kept) {
      if (isJunk(refusal.reason)) {
        this.#add(lockId, refusal.raw.length + QUARANTINE_ROW_BYTES, hashOf(refusal.raw));
      }
    }
  }

  #add(lockId: string, bytes: number, hash: string): void {
    const held = this.#held.get(lockId) ?? { bytes: 0, hashes: new Set<string>() };
    this.#held.set(lockId, held);
    held.bytes += bytes;
    held.hashes.add(hash);
    this.#bytes += bytes;
  }
}

const hashOf = (raw: Buffer): string => createHash('sha256').update(raw).digest('hex');

/** Whether a refusal came out of these bytes. */
export function isPartOf({ raw }: RecordRefusal, whole: Buffer): boolean {
  const from = raw.byteOffset - whole.byteOffset;
  return raw.buffer === whole.buffer && from >= 0 && from + raw.length <= whole.length;
}
