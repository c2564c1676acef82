// When a command gives up: one limit for all that it asks and waits for.
import { formatDuration } from '../../desired-state/duration.ts';
import { LockstepError } from '../../desired-state/errors.ts';

export interface Deadline {
  readonly timeoutMs: number;
  /** Aborts when it is over. */
  readonly signal: AbortSignal;
}

/** @param timeoutMs from now on. */
export function deadlineIn(timeoutMs: number): Deadline {
  return { timeoutMs, signal: AbortSignal.timeout(timeoutMs) };
}

/** @param what is left undone: `still waiting for ...`. */
export function timedOut({ timeoutMs }: Deadline, what: string): LockstepError {
  return new LockstepError('TimedOut', `timed out after ${formatDuration(timeoutMs)}, ${what}`);
}
