// The newest N of something, for failure reports: a run keeps its tail, never all of it.

export class Ring<T> {
  readonly #capacity: number;
  readonly #items: T[] = [];
  #pushed = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  push(item: T): void {
    this.#items[this.#pushed % this.#capacity] = item;
    this.#pushed += 1;
  }

  /** Oldest first. */
  items(): T[] {
    const oldest = this.dropped % this.#capacity;
    return [...this.#items.slice(oldest), ...this.#items.slice(0, oldest)];
  }

  /** How many older ones are gone. */
  get dropped(): number {
    return Math.max(0, this.#pushed - this.#capacity);
  }
}
