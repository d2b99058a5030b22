import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';

/**
 * A backup: one gzip stream of
 *
 *   sealwatch-backup 1\n
 *   {manifest}\n
 *   for each table of the manifest: (u32 length, bytes of COPY text)*, u32 0
 *   end {sha256 of all before}\n
 */
const MAGIC = 'sealwatch-backup 1';
const FRAME_LIMIT = 64 * 1024 * 1024;
const LINE_LIMIT = 1024 * 1024;

export interface TableManifest {
  name: string;
  columns: string[];
  rows: number;
  /** Sum of a 64-bit hash of every row, decimal: does not depend on their order. */
  checksum: string;
}

export interface Manifest {
  createdAt: string;
  migrations: string[];
  tables: TableManifest[];
  /** Days of reports, e.g. `2026-11-21`, so that a restore has their partitions ready. Older backups have none. */
  reportDays?: string[];
}

/** The file is no backup, is cut short or was changed; or it does not fit the database. */
export class BackupError extends Error {
  override name = 'BackupError';
  readonly hint: string;

  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}

const DAMAGED = 'Use another copy of the file: nothing was written to the database.';

export class BackupWriter {
  readonly #out: Writable;
  readonly #hash = createHash('sha256');

  constructor(out: Writable) {
    this.#out = out;
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#hash.update(bytes);
    if (!this.#out.write(bytes)) {
      await new Promise<void>((resolve, reject) => {
        const done = (error?: Error) => {
          this.#out.off('drain', done).off('error', done);
          if (error) reject(error);
          else resolve();
        };
        this.#out.once('drain', done).once('error', done);
      });
    }
  }

  async manifest(manifest: Manifest): Promise<void> {
    await this.#write(Buffer.from(`${MAGIC}\n${JSON.stringify(manifest)}\n`));
  }

  async table(rows: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of rows) {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(chunk.length);
      await this.#write(length);
      await this.#write(chunk);
    }
    await this.#write(Buffer.alloc(4));
  }

  /** Ends the content; the caller ends the stream. */
  async end(): Promise<void> {
    await this.#write(Buffer.from(`end ${this.#hash.copy().digest('hex')}\n`));
  }
}

/** Reads what BackupWriter wrote, in the same order. Throws BackupError on anything else. */
export class BackupReader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #hash = createHash('sha256');
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  async #more(): Promise<void> {
    const next = await this.#source.next().catch((error: unknown) => {
      const detail = error instanceof Error ? error.message : String(error);
      throw new BackupError(`The backup cannot be read: ${detail}.`, DAMAGED);
    });
    if (next.done) throw new BackupError('The backup is cut short.', DAMAGED);
    this.#held = this.#held.length === 0 ? next.value : Buffer.concat([this.#held, next.value]);
  }

  async #take(length: number): Promise<Buffer> {
    while (this.#held.length < length) await this.#more();
    const bytes = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return bytes;
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#held.indexOf(10);
      if (end >= 0) return (await this.#take(end + 1)).toString('utf8', 0, end);
      if (this.#held.length > LINE_LIMIT) throw new BackupError('This file is not a Sealwatch backup.', DAMAGED);
      await this.#more();
    }
  }

  async manifest(): Promise<Manifest> {
    const magic = await this.#line();
    if (magic !== MAGIC) throw new BackupError('This file is not a Sealwatch backup of this version.', DAMAGED);
    const text = await this.#line();
    this.#hash.update(`${magic}\n${text}\n`);
    return JSON.parse(text) as Manifest;
  }

  async *table(): AsyncGenerator<Buffer> {
    for (;;) {
      const head = await this.#take(4);
      const length = head.readUInt32BE();
      this.#hash.update(head);
      if (length === 0) return;
      if (length > FRAME_LIMIT) throw new BackupError('The backup is damaged: a frame is too long.', DAMAGED);
      const bytes = await this.#take(length);
      this.#hash.update(bytes);
      yield bytes;
    }
  }

  async end(): Promise<void> {
    const expected = `end ${this.#hash.digest('hex')}`;
    if ((await this.#line()) !== expected) {
      throw new BackupError('The backup was changed: its checksum does not fit its content.', DAMAGED);
    }
  }
}
