// How many scripts are asked at once: as many as leave room for the flags, and more where they wait rather than compute. It knows no script.
import PQueue from 'p-queue';
import type { Clock } from '../../../reconcilers/loop/clock.ts';

/** Scripts asked at once at most that may compute. */
export const MAX_COMPUTING = 8;
/** Scripts asked at once at most, however many hang: as many as begin in the time that one of them is given. */
export const MAX_ASKED_AT_ONCE = 32;
/** A script that takes longer than that, ms, waits more than it computes, and leaves its processor to the next one. One that runs nothing but itself takes about 3. */
const SLOW_AFTER_MS = 10;
/** A script that takes longer than that, ms, hangs, and is not counted among those that may compute any more: if all hang, 64 are asked in the 4 s of a look. */
export const HANGS_AFTER_MS = 500;

export class QuestionLane {
  readonly #clock: Clock;
  readonly #queue: PQueue;
  #quickAtOnce: number;
  /** Questions under way that have taken longer than SLOW_AFTER_MS, but not than HANGS_AFTER_MS. */
  readonly #slow = new Set<object>();
  /** Questions under way that have taken longer than HANGS_AFTER_MS. */
  readonly #hanging = new Set<object>();

  /** @param quickAtOnce so many at once while none of them takes long. */
  constructor(clock: Clock, quickAtOnce: number) {
    this.#clock = clock;
    this.#quickAtOnce = quickAtOnce;
    this.#queue = new PQueue({ concurrency: quickAtOnce });
  }

  set quickAtOnce(quickAtOnce: number) {
    this.#quickAtOnce = quickAtOnce;
    this.#makeRoom();
  }

  /** Runs it when its turn comes. */
  ask<T>(run: () => Promise<T>): Promise<T> {
    return this.#queue.add(() => this.#makingRoom(run));
  }

  /** Resolves once nothing is asked any more. */
  idle(): Promise<void> {
    return this.#queue.onIdle();
  }

  /** Lets one more be asked beside it once it takes long, and does not count it any more once it hangs. */
  async #makingRoom<T>(run: () => Promise<T>): Promise<T> {
    const question = {};
    let cancel = this.#clock.setTimer(SLOW_AFTER_MS, () => {
      this.#slow.add(question);
      this.#makeRoom();
      cancel = this.#clock.setTimer(HANGS_AFTER_MS - SLOW_AFTER_MS, () => {
        this.#slow.delete(question);
        this.#hanging.add(question);
        this.#makeRoom();
      });
    });
    try {
      return await run();
    } finally {
      cancel();
      if (this.#slow.delete(question) || this.#hanging.delete(question)) this.#makeRoom();
    }
  }

  #makeRoom(): void {
    const atOnce = Math.min(this.#quickAtOnce + this.#slow.size, MAX_COMPUTING) + this.#hanging.size;
    this.#queue.concurrency = Math.min(atOnce, MAX_ASKED_AT_ONCE);
  }
}
