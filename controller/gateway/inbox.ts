// The messages of one agent that wait for their turn: in order, one at a time, bounded in number and size.
import { MAX_MESSAGE_BYTES } from '../../desired-state/wire.ts';

/** Messages that may wait; a converged agent sends one in 5 s. */
export const MAX_WAITING_MESSAGES = 64;
/** Characters that may wait: four of the largest messages. */
const MAX_WAITING_CHARACTERS = 4 * MAX_MESSAGE_BYTES;

export class Inbox {
  readonly #handle: (text: string) => Promise<void>;
  #waiting: string[] = [];
  #waitingCharacters = 0;
  #working = false;

  /** @param handle called for one message at a time; must not reject. */
  constructor(handle: (text: string) => Promise<void>) {
    this.#handle = handle;
  }

  /** @returns false when it is full: the message was not taken. */
  take(text: string): boolean {
    if (this.#waiting.length >= MAX_WAITING_MESSAGES) return false;
    if (this.#waitingCharacters + text.length > MAX_WAITING_CHARACTERS) return false;
    this.#waiting.push(text);
    this.#waitingCharacters += text.length;
    if (!this.#working) void this.#work();
    return true;
  }

  /** Messages that wait for their turn. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#waiting = [];
    this.#waitingCharacters = 0;
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let text = this.#waiting.shift(); text !== undefined; text = this.#waiting.shift()) {
      this.#waitingCharacters -= text.length;
      await this.#handle(text);
    }
    this.#working = false;
  }
}
