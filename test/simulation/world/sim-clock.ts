// Simulated time: a heap of events, run one after the other on no real time at all. It decides when things happen, never what.
import type { Clock } from '../../../reconcilers/loop/clock.ts';
import { EventHeap, type EventOwner, type SimEvent } from './event-heap.ts';

export interface SimClockOptions {
  /** Wall clock at the start, ms since the epoch. */
  readonly startsAt?: number;
  /** Steps in one simulated second; more is a livelock and fails the run. */
  readonly maxStepsPerSecond?: number;
}

const DEFAULT_START = Date.UTC(2030, 0, 1);
/** Some 50 times what two busy hosts do. */
const DEFAULT_MAX_STEPS_PER_SECOND = 100_000;
const SETTLED = Promise.resolve();

export class SimClock implements Clock {
  readonly #startsAt: number;
  readonly #maxStepsPerSecond: number;
  readonly #heap = new EventHeap();
  readonly #stepListeners: (() => void)[] = [];
  #nowMs = 0;
  #scheduled = 0;
  #steps = 0;
  #windowEndsAtMs = 0;
  #stepsAtWindowStart = 0;
  #running = false;
  /** An event has run whose step has not ended. */
  #unsettled = false;

  constructor(options: SimClockOptions = {}) {
    this.#startsAt = options.startsAt ?? DEFAULT_START;
    this.#maxStepsPerSecond = options.maxStepsPerSecond ?? DEFAULT_MAX_STEPS_PER_SECOND;
  }

  now(): number {
    return Math.floor(this.#startsAt + this.#nowMs);
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** Events at the same instant run in the order in which they were set. */
  setTimer(ms: number, fire: () => void, owner?: EventOwner): () => void {
    this.#scheduled += 1;
    const event: SimEvent = { atMs: this.#nowMs + Math.max(0, ms), order: this.#scheduled, fire, owner };
    this.#heap.push(event);
    return () => {
      event.fire = undefined;
      event.owner = undefined;
    };
  }

  /** Events run so far. */
  get steps(): number {
    return this.#steps;
  }

  /** Calls `listener` after each event, once nothing is runnable any more: the place for invariants. Throwing ends the run. */
  onStep(listener: () => void): void {
    this.#stepListeners.push(listener);
  }

  /** Runs `ms` of simulated time. @throws whatever an event or a step listener throws, or Error for a livelock. */
  async runFor(ms: number): Promise<void> {
    await this.#run(this.#nowMs + ms, undefined);
  }

  /** Runs to `atMs` on the monotonic clock; as runFor. */
  async advanceTo(atMs: number): Promise<void> {
    await this.#run(atMs, undefined);
  }

  /** Runs until `condition` holds after a step, for `limitMs` at most. Says whether it did. @throws as runFor. */
  async runUntil(condition: () => boolean, limitMs: number): Promise<boolean> {
    await this.#run(this.#nowMs + limitMs, condition);
    return condition();
  }

  /**
   * Hands the thread to the real event loop for one full turn. A run never does, so whatever waits for real time, a real file or a real socket
   * stands still meanwhile; if such a thing is in the simulation, it moves now and this throws.
   */
  async assertNothingReal(): Promise<void> {
    const before = this.#scheduled;
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (this.#scheduled !== before) throw new Error('something in the simulation waited for the real world');
  }

  /**
   * How a step is known to be over: `proceed` runs as a microtask and queues `step` as a tick. Node runs a tick that was queued from a microtask
   * only when the microtask queue is empty, so everything that the event made runnable, through any number of promises, has run before the
   * next event. The event loop itself is never entered: 4 times faster than a setImmediate per event, and nothing outside can interfere.
   */
  async #run(untilMs: number, condition: (() => boolean) | undefined): Promise<void> {
    if (this.#running) throw new Error('the simulated clock is running already');
    this.#running = true;
    try {
      await new Promise<void>((resolve, reject) => {
        const proceed = () => process.nextTick(step);
        const step = () => {
          try {
            if (this.#step(untilMs, condition)) void SETTLED.then(proceed);
            else resolve();
          } catch (error) {
            reject(error);
          }
        };
        void SETTLED.then(proceed);
      });
    } finally {
      this.#running = false;
    }
  }

  /** Ends the event before (its listeners, the condition) and begins the next; false when there is none to run. */
  #step(untilMs: number, condition: (() => boolean) | undefined): boolean {
    if (this.#unsettled) {
      this.#unsettled = false;
      for (const listener of this.#stepListeners) listener();
    }
    if (condition?.()) return false;
    const event = this.#heap.popUntil(untilMs);
    if (event === undefined) {
      this.#nowMs = Math.max(this.#nowMs, untilMs);
      return false;
    }
    this.#nowMs = event.atMs;
    this.#countStep();
    this.#unsettled = true;
    event.fire?.();
    return true;
  }

  #countStep(): void {
    this.#steps += 1;
    if (this.#nowMs >= this.#windowEndsAtMs) {
      this.#windowEndsAtMs = this.#nowMs + 1_000;
      this.#stepsAtWindowStart = this.#steps;
    }
    if (this.#steps - this.#stepsAtWindowStart > this.#maxStepsPerSecond) {
      throw new Error(
        `livelock: more than ${this.#maxStepsPerSecond} events in the simulated second that ends at ${this.#windowEndsAtMs} ms`,
      );
    }
  }
}
