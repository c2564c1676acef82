// What a control loop tells of its passes to whoever measures it.
import type { Outcome } from './control-loop.ts';

/** Called in the middle of the loop's work: no method may throw, wait or do I/O. Times are the monotonic clock's, ms. */
export interface LoopMonitor<K extends string> {
  /** A look at `key` is asked for, and none waited. */
  passAsked(key: K): void;
  /** The look that waited begins. */
  passBegan(key: K, atMs: number): void;
  passEnded(key: K, outcome: Outcome['kind'], atMs: number): void;
}
