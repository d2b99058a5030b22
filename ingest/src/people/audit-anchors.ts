import { createReadStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Pool } from 'pg';
import { z } from 'zod';
import { type Anchor, anchorOf, hasAnchor } from '../store/people/audit-check.ts';

/** Where the platform keeps the anchors of the audit: beside its database, not in it. */
export const anchorFileOf = (dataDir: string): string => join(dataDir, 'audit.anchors');

/** A line of the file, or of the platform's log, in which `at` is the log's `time`. */
const Line = z.object({
  at: z.string().max(40).optional(),
  time: z.union([z.string(), z.number()]).optional(),
  linkNo: z.int().min(1),
  hash: z.string().regex(/^[0-9a-f]{64}$/),
});

function anchorIn(line: string): Anchor | undefined {
  if (!line.includes('"linkNo"')) return undefined;
  try {
    const { at, time, linkNo, hash } = Line.parse(JSON.parse(line));
    return { at: at ?? String(time ?? 'an unknown time'), linkNo, hash };
  } catch {
    return undefined;
  }
}

const AT_ONCE = 1_000;

/**
 * The anchors of a file, or of log lines of the platform, in batches; lines that hold none are passed over.
 * @throws an error of the file system
 */
export async function* readAnchors(path: string): AsyncGenerator<Anchor[]> {
  const stream = createReadStream(path);
  let some: Anchor[] = [];
  for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    const anchor = anchorIn(line);
    if (anchor === undefined) continue;
    some.push(anchor);
    if (some.length < AT_ONCE) continue;
    yield some;
    some = [];
  }
  if (some.length > 0) yield some;
}

/** The same of the platform's own file, which is not there before its first anchor. */
export async function* ownAnchors(path: string | undefined): AsyncGenerator<Anchor[]> {
  if (path === undefined) return;
  try {
    yield* readAnchors(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function newestIn(path: string | undefined): Promise<Anchor | undefined> {
  let newest: Anchor | undefined;
  for await (const some of ownAnchors(path)) newest = some.at(-1);
  return newest;
}

async function append(path: string, anchor: Anchor): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const file = await open(path, 'a', 0o600);
  try {
    await file.write(`${JSON.stringify(anchor)}\n`);
    await file.datasync();
  } finally {
    await file.close();
  }
}

interface AnchorLog {
  info(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/**
 * Writes the end of the chain to a file and to the log, if it has grown since the last time. Before, the anchor written last is
 * looked up: a chain that has lost it was cut or written again, and the log says so.
 * @param path absent: to the log alone
 * @returns answers whether it has written one
 */
export function anchorWriter(pool: Pool, log: AnchorLog, path: string | undefined): () => Promise<boolean> {
  let newest: Pick<Anchor, 'linkNo' | 'hash'> | undefined;
  let isRead = false;
  return async () => {
    if (!isRead) newest = await newestIn(path);
    isRead = true;
    const anchor = await anchorOf(pool);
    if (anchor === undefined ? newest === undefined : anchor.hash === newest?.hash) return false;
    if (newest !== undefined && !(await hasAnchor(pool, newest))) {
      const { linkNo, hash } = newest;
      log.error({ anchor: `${linkNo} ${hash}` }, 'the audit has lost its last anchor: run sealwatch audit verify');
    }
    newest = anchor;
    if (anchor === undefined) return false;
    if (path !== undefined) await append(path, { at: new Date().toISOString(), ...anchor });
    log.info(anchor, 'audit anchored');
    return true;
  };
}
