// How a command ends with an exit code of its own.

/** Thrown by a command that has said all there is to say, or what went wrong as `cause`. */
export class Exit extends Error {
  override readonly name = 'Exit';
  readonly exitCode: number;

  /** @param exitCode 0 to 125: what a shell can tell from a signal. */
  constructor(exitCode: number, options?: { cause?: unknown }) {
    super(`exit code ${exitCode}`, options);
    this.exitCode = exitCode;
  }
}
