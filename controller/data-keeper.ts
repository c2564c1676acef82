// Keeps what a running controller has in its data folder, whoever deletes it: looks every second, has it mended, and says so once. What there is to keep, and how it
// is mended, is said by its parts.
import { messageOf } from '../desired-state/errors.ts';
import type { Clock } from '../reconcilers/loop/clock.ts';
import type { Log } from '../reconcilers/loop/log.ts';

export interface KeptPart {
  /** For the log: `store`. */
  readonly what: string;
  /** @returns mended: it was gone, and is there again. @throws what keeps it from being so, and what to do about it. */
  readonly keep: () => Promise<'kept' | 'mended'>;
}

/** Well within the 5 s of the promise, and the controller wakes that often anyway, ms. */
const LOOK_INTERVAL_MS = 1_000;

export class DataKeeper {
  readonly #parts: readonly KeptPart[];
  readonly #clock: Clock;
  readonly #log: Log;
  /** By `what`: the failure that was said last. */
  readonly #failures = new Map<string, string>();
  #cancel = () => {};
  #looking: Promise<void> = Promise.resolve();
  #isStopped = false;

  /** @param parts in the order in which they need each other. */
  constructor(parts: readonly KeptPart[], clock: Clock, log: Log) {
    this.#parts = parts;
    this.#clock = clock;
    this.#log = log;
  }

  /** The first look comes one interval from now. */
  start(): void {
    this.#cancel = this.#clock.setTimer(LOOK_INTERVAL_MS, () => {
      this.#looking = this.#lookAtAll().then(() => {
        if (!this.#isStopped) this.start();
      });
    });
  }

  /** Resolves when no look is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#looking;
  }

  async #lookAtAll(): Promise<void> {
    for (const part of this.#parts) await this.#lookAt(part);
  }

  async #lookAt({ what, keep }: KeptPart): Promise<void> {
    try {
      const found = await keep();
      if (found === 'mended') this.#log.warn({ what }, 'deleted while the controller ran, and put back');
      else if (this.#failures.has(what)) this.#log.info({ what }, 'as it must be again');
      this.#failures.delete(what);
    } catch (error) {
      const why = messageOf(error);
      if (this.#failures.get(what) === why) return;
      this.#failures.set(what, why);
      this.#log.error(
        { what, why },
        'not as it must be, and not to be mended now: looked at again every second',
      );
    }
  }
}
