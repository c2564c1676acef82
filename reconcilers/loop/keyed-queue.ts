// A queue of keys, never of events: at most one run per key at a time and at most one waiting. It decides nothing about outcomes.
import PQueue from 'p-queue';

export class KeyedQueue<K extends string> {
  readonly #queue: PQueue;
  readonly #run: (key: K) => Promise<void>;
  readonly #running = new Set<K>();
  readonly #waiting = new Set<K>();
  #closed = false;

  /** @param run never rejects. @param concurrency how many different keys may run at once. */
  constructor(run: (key: K) => Promise<void>, concurrency: number) {
    this.#run = run;
    this.#queue = new PQueue({ concurrency });
  }

  /** Asks for a run of `key`. One that already waits serves this request too. */
  add(key: K): void {
    if (this.#closed || this.#waiting.has(key)) return;
    this.#waiting.add(key);
    if (!this.#running.has(key)) this.#dispatch(key);
  }

  /** Takes nothing more, drops what waits and resolves when what runs has ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#queue.clear();
    await this.#queue.onIdle();
  }

  #dispatch(key: K): void {
    void this.#queue.add(async () => {
      this.#waiting.delete(key);
      this.#running.add(key);
      await this.#run(key);
      this.#running.delete(key);
      if (this.#waiting.has(key) && !this.#closed) this.#dispatch(key);
    });
  }
}
