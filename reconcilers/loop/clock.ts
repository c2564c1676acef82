// Time as it comes in from outside: production passes Node's, the simulation its own.

export interface Clock {
  /** Wall clock, ms since the epoch: for stamps that people read. It may jump. */
  now(): number;
  /** Monotonic, ms: for durations and deadlines. */
  monotonicMs(): number;
  /** Calls `fire` once after `ms`, and after 1 ms at least, as Node does: what is due in a rounding error comes later, not now for ever. The returned function cancels it. */
  setTimer(ms: number, fire: () => void): () => void;
}

/** Randomness as it comes in from outside: uniform in [0, 1). */
export type Random = () => number;

/** The wall clock's time as RFC 3339 UTC. */
export function nowIso(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}

/** Resolves after `ms`, or at once when `signal` aborts: look at the signal afterwards. */
export function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      cancel();
      signal.removeEventListener('abort', done);
      resolve();
    };
    const cancel = clock.setTimer(ms, done);
    signal.addEventListener('abort', done, { once: true });
  });
}
