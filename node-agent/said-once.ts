// What is worth a log line only when it is new: remembers what was there at the last look, and nothing older.

export class SaidOnce {
  #last: ReadonlySet<string> = new Set();

  /** Those of `things` that were not there when this was asked last, told apart by `keyOf`. */
  news<T>(things: readonly T[], keyOf: (thing: T) => string): readonly T[] {
    const before = this.#last;
    this.#last = new Set(things.map(keyOf));
    return things.filter((thing) => !before.has(keyOf(thing)));
  }
}
