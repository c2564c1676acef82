// When a command gives up: one limit for all that it asks and waits for.
import { formatDuration } from '../../desired-state/duration.ts';
import { LockstepError } from '../../desired-state/errors.ts';

/** What is asked gets that long at least, ms: with `--timeout 0s` a command looks once, as kubectl's do. */
const MIN_ANSWER_MS = 1_000;

export interface Limit {
  readonly timeoutMs: number;
  /** Aborts when it is over. */
  readonly signal: AbortSignal;
}

export interface Deadline {
  /** Of waiting: what was asked for. */
  readonly waiting: Limit;
  /** Of answers, the first look at what is waited for among them: no shorter than an answer takes. */
  readonly answers: Limit;
}

/** @param timeoutMs from now on. */
export function deadlineIn(timeoutMs: number): Deadline {
  return { waiting: limitIn(timeoutMs), answers: limitIn(Math.max(timeoutMs, MIN_ANSWER_MS)) };
}

/** @param what is left undone: `still waiting for ...`. */
export function timedOut({ timeoutMs }: Limit, what: string): LockstepError {
  return new LockstepError('TimedOut', `timed out after ${formatDuration(timeoutMs)}, ${what}`);
}

function limitIn(timeoutMs: number): Limit {
  return { timeoutMs, signal: AbortSignal.timeout(timeoutMs) };
}
