/** The platform cannot listen on an address; `hint` says what to do. */
export class ListenError extends Error {
  override name = 'ListenError';
  readonly hint: string;

  private constructor(message: string, hint: string, cause: unknown) {
    super(message, { cause });
    this.hint = hint;
  }

  /** @returns a ListenError for EADDRINUSE, EACCES and EADDRNOTAVAIL, else `error` itself */
  static from(error: unknown, what: string, port: number, variable: string): unknown {
    switch ((error as NodeJS.ErrnoException).code) {
      case 'EADDRINUSE':
        return new ListenError(
          `${what} port ${port} is taken by another program.`,
          `Stop that program, or choose another port with ${variable} (0 takes any free one).`,
          error,
        );
      case 'EACCES':
        return new ListenError(
          `${what} port ${port} may not be used by this account.`,
          `Choose a port above 1023 with ${variable}.`,
          error,
        );
      case 'EADDRNOTAVAIL':
        return new ListenError(
          `${what}: this machine does not have the address in SEALWATCH_HOST.`,
          'Set SEALWATCH_HOST to an address of this machine, 127.0.0.1 or 0.0.0.0.',
          error,
        );
      default:
        return error;
    }
  }
}
