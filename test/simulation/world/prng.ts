// Seeded randomness for the simulation: everything that a seed decides comes from here, so that a seed is a whole run.

/** sfc32, seeded by the text of its name: small, fast and good enough for simulations (PractRand). */
export class Prng {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number | string) {
    this.#name = String(seed);
    [this.#a, this.#b, this.#c] = hashText(this.#name);
    for (let round = 0; round < 12; round += 1) this.next();
  }

  /** Uniform in [0, 1). A property, so that it can be handed out as a `Random`. */
  readonly random = (): number => this.next();

  next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4_294_967_296;
  }

  /** True with probability `p`; draws nothing for 0, so that a fault that is off costs nothing. */
  chance(p: number): boolean {
    return p > 0 && this.next() < p;
  }

  /** An integer in [low, high], both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  /** A real number in [low, high). */
  between([low, high]: readonly [number, number]): number {
    return low + this.next() * (high - low);
  }

  /** @throws RangeError for an empty list. */
  pick<T>(list: readonly T[]): T {
    for (const item of list.slice(this.int(0, list.length - 1))) return item;
    throw new RangeError('nothing to pick from');
  }

  /** A stream of its own: it depends on the seed and `label` only, so that a draw more in one part of the world shifts no other. */
  fork(label: string): Prng {
    return new Prng(`${this.#name}/${label}`);
  }
}

/** Three words from a text: FNV-1a with murmur3's finalizer, each word with its own offset. */
function hashText(text: string): [number, number, number] {
  const hash = (offset: number): number => {
    let word = offset;
    for (let index = 0; index < text.length; index += 1) {
      word = Math.imul(word ^ text.charCodeAt(index), 0x01000193);
    }
    word = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
    word = Math.imul(word ^ (word >>> 13), 0xc2b2ae35);
    return word ^ (word >>> 16);
  };
  return [hash(0x811c9dc5), hash(0x9e3779b9), hash(0x2545f491)];
}
