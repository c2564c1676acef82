// How long a failing thing waits before it is tried again. Pure: randomness is passed in.
import type { Random } from './clock.ts';

export interface BackoffLimits {
  /** Wait after the first failure, ms, before jitter. */
  readonly baseMs: number;
  /** Longest wait, ms: never above the resync period, so that a failing host is no slower than the promise. */
  readonly capMs: number;
}

/**
 * Milliseconds to wait after `failures` failures in a row (1 or more): doubling from `baseMs`, between half and the whole of it, at most `capMs`.
 * Half stays fixed so that a retry is never immediate ("equal jitter", AWS Architecture Blog, Exponential Backoff And Jitter, 2015).
 */
export function backoffMs(failures: number, limits: BackoffLimits, random: Random): number {
  const exponent = Math.min(Math.max(failures, 1) - 1, 30);
  const ceiling = Math.min(limits.capMs, limits.baseMs * 2 ** exponent);
  return ceiling / 2 + (ceiling / 2) * random();
}
