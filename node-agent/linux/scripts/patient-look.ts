// Looks at files that may lie on a file system that hangs (NFS): one at a time, given up in time, and none is begun while the last one hangs. Each that hangs
// keeps a thread of the four that libuv has for files, and flags need them too.
import PQueue from 'p-queue';
import type { Clock } from '../../../reconcilers/loop/clock.ts';

/** A listing of 300 scripts takes some 30 ms. */
const LIMIT_MS = 2_000;

export const HANGS = `it did not answer within ${LIMIT_MS} ms`;

export class PatientLook {
  readonly #clock: Clock;
  readonly #queue = new PQueue({ concurrency: 1 });
  #isHanging = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What came of the look; undefined when it hangs. @throws what `look` throws in time. */
  within<T>(look: () => Promise<T>): Promise<T | undefined> {
    return this.#queue.add(() => this.#begin(look));
  }

  async #begin<T>(look: () => Promise<T>): Promise<T | undefined> {
    if (this.#isHanging) return undefined;
    const looking = look();
    let cancel = () => {};
    const limit = new Promise<undefined>((resolve) => {
      cancel = this.#clock.setTimer(LIMIT_MS, () => {
        this.#isHanging = true;
        const end = () => {
          this.#isHanging = false;
        };
        looking.then(end, end);
        resolve(undefined);
      });
    });
    try {
      return await Promise.race([looking, limit]);
    } finally {
      cancel();
    }
  }
}
