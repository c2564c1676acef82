// A simulated operating system process: a scope for timers and I/O that ends at once, at any instant, and leaves nothing running.
import type { Clock } from '../../../reconcilers/loop/clock.ts';
import type { SimClock } from './sim-clock.ts';

/** `killed`: the process alone (its kernel closes its sockets and ends its system calls); `power-cut`: the machine below it. */
export type Death = 'killed' | 'power-cut';

/** As in Node, and as the Clock port promises. */
const MIN_TIMER_MS = 1;

export class SimProcess {
  readonly name: string;
  /** The process' own clock: its timers end with it. */
  readonly clock: Clock;
  readonly #world: SimClock;
  readonly #deathListeners = new Set<(death: Death) => void>();
  #alive = true;
  #wallOffsetMs = 0;

  constructor(name: string, world: SimClock) {
    this.name = name;
    this.#world = world;
    this.clock = {
      now: () => world.now() + this.#wallOffsetMs,
      monotonicMs: () => world.monotonicMs(),
      setTimer: (ms, fire) =>
        this.#alive ? world.setTimer(Math.max(ms, MIN_TIMER_MS), fire, this) : () => {},
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Ends it: no timer fires any more, no I/O of it resolves; what it still runs in this very turn has no effect on the world. Idempotent. */
  kill(death: Death = 'killed'): void {
    if (!this.#alive) return;
    this.#alive = false;
    const listeners = [...this.#deathListeners];
    this.#deathListeners.clear();
    for (const listener of listeners) listener(death);
  }

  /** Calls `listener` once, at its death. Returns what takes that back. */
  onDeath(listener: (death: Death) => void): () => void {
    if (this.#alive) this.#deathListeners.add(listener);
    return () => this.#deathListeners.delete(listener);
  }

  /** Somebody sets the wall clock: it jumps by `ms`, for this process; the monotonic one does not. */
  jumpWall(ms: number): void {
    this.#wallOffsetMs += ms;
  }

  /**
   * One system call: `effect` happens at one instant, in `latencyMs`, and its result is the promise's. Dead before that: `atDeath` says
   * what the kernel made of it, and the promise stays pending for ever. `gate` may keep the effect back by taking `proceed` and returning true.
   */
  io<T>(latencyMs: number, effect: () => T, options: IoOptions = {}): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!this.#alive) return;
      const forget = this.onDeath((death) => options.atDeath?.(death));
      const proceed = () => {
        if (!this.#alive || options.gate?.(proceed)) return;
        forget();
        try {
          resolve(effect());
        } catch (error) {
          reject(error);
        }
      };
      this.#world.setTimer(latencyMs, proceed, this);
    });
  }
}

export interface IoOptions {
  readonly atDeath?: (death: Death) => void;
  readonly gate?: (proceed: () => void) => boolean;
}
