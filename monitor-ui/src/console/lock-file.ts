import { LockId } from '@sealwatch/schemas';
import { CsvFault, type CsvRow, readCsv } from '@sealwatch/schemas/csv';

export interface NewLock {
  lockId: string;
  /** At most 100 characters; empty: not known. */
  model: string;
  /** How it speaks, where a bridge signs in for it. */
  profile?: string;
  /** The id that it bears on the wire, where that is not its lock id. */
  wireId?: string;
}

/** One thing that is wrong with a file of locks; the screens have words for `column` and `expected`. */
export interface LockFault {
  /** From 1. */
  line: number;
  column: 'row' | 'lockId' | 'model' | 'profile' | 'wireId';
  value: string;
  expected: 'quotes' | 'lockId' | 'once' | 'model' | 'profile' | 'wireId';
}

const MODEL_CHARACTERS = 100;

/** A first row that names its columns: it begins with a word for a lock, and ids of locks have digits. */
const isHeading = (cell: string): boolean => /^(lock|锁|关锁)/i.test(cell) && !/\d/.test(cell);

function faultsOf({ lockId, model, profile, wireId }: NewLock, line: number, isRepeated: boolean): LockFault[] {
  const faults: LockFault[] = [];
  if (!LockId.safeParse(lockId).success) faults.push({ line, column: 'lockId', value: lockId, expected: 'lockId' });
  else if (isRepeated) faults.push({ line, column: 'lockId', value: lockId, expected: 'once' });
  if (model.length > MODEL_CHARACTERS) faults.push({ line, column: 'model', value: model, expected: 'model' });
  if (profile !== undefined && !/^[a-z0-9][a-z0-9-]{0,39}$/.test(profile)) {
    faults.push({ line, column: 'profile', value: profile, expected: 'profile' });
  }
  if (wireId !== undefined && (profile === undefined || !/^[0-9A-F]{1,20}$/.test(wireId))) {
    faults.push({ line, column: 'wireId', value: wireId, expected: 'wireId' });
  }
  return faults;
}

/** Parts of a file of locks that are not used. */
export interface LockNotes {
  /** Columns after those that are read, by their heading or by their number from 1. */
  columns: string[];
  emptyLines: number[];
}

const COLUMNS_READ = 4;

/** Names of the columns behind those that are read that hold anything. */
function furtherColumns(rows: CsvRow[]): string[] {
  const heading = rows[0] && isHeading(rows[0].cells[0] ?? '') ? rows[0].cells : [];
  const filled = new Set(
    rows.flatMap(({ cells }) => cells.flatMap((cell, i) => (i >= COLUMNS_READ && cell !== '' ? [i] : []))),
  );
  return [...filled].sort((a, b) => a - b).map((i) => heading[i] || String(i + 1));
}

/**
 * Reads a file of locks: CSV with a lock's id and, if known, its model on each line, and behind these the profile and the id on
 * the wire of a lock that a bridge speaks for; a heading is allowed, letters may be small.
 * @returns the locks, everything that is wrong with the file, and what of it is not used; with any fault the locks are not to
 * be registered
 */
export function readLocks(text: string): { locks: NewLock[]; faults: LockFault[]; notes: LockNotes } {
  const locks: NewLock[] = [];
  const faults: LockFault[] = [];
  let notes: LockNotes = { columns: [], emptyLines: [] };
  const seen = new Set<string>();
  try {
    const { rows, emptyLines } = readCsv(text);
    notes = { columns: furtherColumns(rows), emptyLines };
    for (const [i, { line, cells }] of rows.entries()) {
      const [lockId = '', model = '', profile = '', wireId = ''] = cells;
      if (i === 0 && isHeading(lockId)) continue;
      const lock = {
        lockId: lockId.toUpperCase(),
        model,
        ...(profile === '' ? {} : { profile: profile.toLowerCase() }),
        ...(wireId === '' ? {} : { wireId: wireId.toUpperCase() }),
      };
      faults.push(...faultsOf(lock, line, seen.has(lock.lockId)));
      seen.add(lock.lockId);
      locks.push(lock);
    }
  } catch (error) {
    if (!(error instanceof CsvFault)) throw error;
    faults.push({ line: error.line, column: 'row', value: '', expected: 'quotes' });
  }
  return { locks, faults, notes };
}
