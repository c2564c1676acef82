// For what a pass does at each resync and not at each event. It only says when that is due.
import type { Clock } from '../reconcilers/loop/clock.ts';

/** Somewhat below the resync: one that comes a moment early must not leave it to the one after it. */
const SHARE = 0.9;

export class OnceAResync {
  readonly #clock: Clock;
  readonly #afterMs: number;
  #doneMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, resyncIntervalMs: number) {
    this.#clock = clock;
    this.#afterMs = resyncIntervalMs * SHARE;
  }

  get isDue(): boolean {
    return this.#clock.monotonicMs() - this.#doneMs >= this.#afterMs;
  }

  /** It is done now. */
  done(): void {
    this.#doneMs = this.#clock.monotonicMs();
  }
}
