// The 5 s promise, watched: whether each key is really looked at once per resync interval. It only compares times that it is told.
import type { LoopKey } from '../agent-monitor.ts';

/** Part of the interval that a pass may be late: timers of a busy machine are, and longer stalls are counted by themselves. */
const TOLERATED_PART = 0.1;

/** All times are the monotonic clock's, ms. */
export class ResyncDeadlines {
  readonly #limitMs: number;
  readonly #beganAtMs = new Map<LoopKey, number>();
  /** Keys whose newest pass was counted at its end: the late begin of the next one is the same miss. */
  readonly #counted = new Set<LoopKey>();

  constructor(resyncIntervalMs: number) {
    this.#limitMs = resyncIntervalMs * (1 + TOLERATED_PART);
  }

  /** @returns true: it began too late after the one before, and that is news. */
  began(key: LoopKey, atMs: number): boolean {
    const beforeMs = this.#beganAtMs.get(key);
    const wasCounted = this.#counted.delete(key);
    this.#beganAtMs.set(key, atMs);
    return beforeMs !== undefined && !wasCounted && atMs - beforeMs > this.#limitMs;
  }

  /** @returns true: it took longer than a resync interval. */
  ended(key: LoopKey, atMs: number): boolean {
    const isLate = atMs - (this.#beganAtMs.get(key) ?? atMs) > this.#limitMs;
    if (isLate) this.#counted.add(key);
    return isLate;
  }
}
