// A clock that moves only when a test says so. Wall and monotonic time move together, except when the wall clock is told to jump.
import type { Clock } from '../../reconcilers/loop/clock.ts';

/** 2026-01-01T00:00:00Z. */
const START_MS = Date.UTC(2026, 0, 1);

export class FakeClock implements Clock {
  #elapsedMs = 0;
  #wallOffsetMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly fire: () => void }>();

  now(): number {
    return START_MS + this.#elapsedMs + this.#wallOffsetMs;
  }

  monotonicMs(): number {
    return this.#elapsedMs;
  }

  setTimer(ms: number, fire: () => void): () => void {
    const timer = { atMs: this.#elapsedMs + ms, fire };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Timers that are set now. */
  get timers(): number {
    return this.#timers.size;
  }

  /** Somebody sets the wall clock. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /** Fires what falls due within `ms`, in order, and lets each have its effects. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    await settle();
    for (let next = this.#nextUntil(untilMs); next !== undefined; next = this.#nextUntil(untilMs)) {
      this.#timers.delete(next);
      this.#elapsedMs = next.atMs;
      next.fire();
      await settle();
    }
    this.#elapsedMs = untilMs;
  }

  #nextUntil(untilMs: number) {
    return [...this.#timers].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
  }
}

/** Lets everything happen that waits for no time to pass: an immediate runs only once no microtask is left. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Randomness without surprises: the middle of every range. */
export const middle = () => 0.5;
