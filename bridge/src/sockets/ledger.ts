import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';

/** The newest are kept. */
const KEPT = 20_000;
/** Lines after which the file is written anew, without what is no longer kept. */
const REWRITE_AFTER = 4 * KEPT;

type Entry = ['sent', string];

/** What the bridge has to know after it was killed: which physical commands it has written to a lock; on disk before it is. */
export class Ledger {
  readonly #path: string | undefined;
  readonly #sent = new Set<string>();
  #file: number | undefined;
  #lines = 0;

  /** @param path absent: nothing is kept beyond the process @throws fs errors, with the path */
  constructor(path: string | undefined) {
    this.#path = path;
    if (path === undefined) return;
    mkdirSync(dirname(path), { recursive: true });
    this.#read(path);
    this.#rewrite(path);
  }

  /** Notes that a command is written to its lock now. @returns false: it was written before */
  begin(commandId: string): boolean {
    if (this.#sent.has(commandId)) return false;
    this.#write(['sent', commandId]);
    bounded(this.#sent).add(commandId);
    return true;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #write(entry: Entry): void {
    if (this.#file === undefined) return;
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
    fsyncSync(this.#file);
    if (++this.#lines > REWRITE_AFTER && this.#path !== undefined) this.#rewrite(this.#path);
  }

  #read(path: string): void {
    for (const line of linesOf(path)) {
      const entry = entryOf(line);
      if (entry?.[0] === 'sent') bounded(this.#sent).add(entry[1]);
    }
  }

  #rewrite(path: string): void {
    this.close();
    const next = `${path}.new`;
    const file = openSync(next, 'w', 0o600);
    const entries = [...this.#sent].map((id): Entry => ['sent', id]);
    writeSync(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    fsyncSync(file);
    renameSync(next, path);
    this.#file = file;
    this.#lines = entries.length;
  }
}

/** Makes room for one more. */
function bounded(kept: Set<string>): Set<string> {
  if (kept.size >= KEPT) kept.delete(kept.keys().next().value as string);
  return kept;
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Undefined for the last line of a process that was killed while it wrote. */
function entryOf(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch {
    return undefined;
  }
}
