// The few errors that Lockstep's parts throw at each other: one table of codes, each with its CLI exit code and HTTP status.

/** Exit codes of the CLI: 0 done, 1 failed, 2 wrong usage, 3 timed out, 4 refused, 5 not found, 6 conflict. */
export const ERROR_CODES = {
  Failed: { exitCode: 1, httpStatus: 500 },
  Unavailable: { exitCode: 1, httpStatus: 503 },
  Usage: { exitCode: 2, httpStatus: 400 },
  TimedOut: { exitCode: 3, httpStatus: 504 },
  Invalid: { exitCode: 4, httpStatus: 400 },
  Refused: { exitCode: 4, httpStatus: 403 },
  NotFound: { exitCode: 5, httpStatus: 404 },
  Conflict: { exitCode: 6, httpStatus: 409 },
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An error that a person or a peer can act on. `message` says what was expected, what was found, where, and what to do. */
export class LockstepError extends Error {
  override readonly name = 'LockstepError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (ENOENT, ENOSPC, ...), or undefined. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
