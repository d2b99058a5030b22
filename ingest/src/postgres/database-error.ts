export type DatabaseFault =
  | 'in-use'
  | 'wrong-major'
  | 'not-a-cluster'
  | 'no-permission'
  | 'disk'
  | 'no-binaries'
  | 'no-account'
  | 'machine-busy'
  | 'initdb-failed'
  | 'start-failed'
  | 'not-answering'
  | 'password-refused'
  | 'unreachable'
  | 'no-such-database'
  | 'too-old'
  | 'wrong-encoding'
  | 'newer-schema'
  | 'pooled'
  | 'another-webhook-key';

/** The database could not be opened. `hint` says in one or two sentences what a person can do about it. */
export class DatabaseStartError extends Error {
  readonly code: DatabaseFault;
  readonly hint: string;

  constructor(code: DatabaseFault, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DatabaseStartError';
    this.code = code;
    this.hint = hint;
  }
}

/** `code` of a Node or Postgres error (`EACCES`, `57P03`), or '' where there is none. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** 55P03: no lock within lock_timeout; 40P01: a deadlock was given up. The same statement may work in a moment. */
export function isLockRefusal(error: unknown): boolean {
  return ['55P03', '40P01'].includes(errorCode(error));
}

const CHOOSE_ANOTHER =
  'Choose another data folder with SEALWATCH_DATA_DIR, or use a server of your own with DATABASE_URL.';

/** Says what a file error on the way to the database means. Errors that are already explained pass through. */
export function explainFileError(error: unknown, what: string, path: string): DatabaseStartError {
  if (error instanceof DatabaseStartError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  switch (errorCode(error)) {
    case 'EACCES':
    case 'EPERM':
      return new DatabaseStartError(
        'no-permission',
        `No permission to ${what} ${path} (${detail}).`,
        `Start Sealwatch as the owner of that folder. ${CHOOSE_ANOTHER}`,
        error,
      );
    case 'EROFS':
      return new DatabaseStartError(
        'no-permission',
        `Cannot ${what} ${path}: the file system is read-only.`,
        CHOOSE_ANOTHER,
        error,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new DatabaseStartError(
        'not-a-cluster',
        `Cannot ${what} ${path}: a file stands where a folder is needed (${detail}).`,
        `Move that file away. ${CHOOSE_ANOTHER}`,
        error,
      );
    case 'ENOSPC':
    case 'EDQUOT':
      return new DatabaseStartError(
        'disk',
        `Cannot ${what} ${path}: no space left on the disk.`,
        `Free some space. ${CHOOSE_ANOTHER}`,
        error,
      );
    default:
      return new DatabaseStartError('disk', `Cannot ${what} ${path}: ${detail}`, CHOOSE_ANOTHER, error);
  }
}
