// Measures from outside: from a deed to the moment when its correction can be seen on the disk or among the processes.
import { type FSWatcher, watch } from 'node:fs';

/** Between two looks, beside those that a change in a watched folder asks for at once. */
const LOOK_INTERVAL_MS = 1;

export interface Sight {
  readonly isSeen: () => boolean;
  /** Where a change may bring it about; all must be there. */
  readonly folders: readonly string[];
}

/**
 * From the deed to each sight, ms; undefined for one that is not seen within `limitMs`.
 * @param act does the deed and returns when it began to count, on performance.now()'s clock.
 */
export async function measure(
  act: () => number | Promise<number>,
  sights: readonly Sight[],
  limitMs: number,
): Promise<readonly (number | undefined)[]> {
  // Armed before the deed: what follows it at once is not missed.
  const looks = sights.map((sight) => new Looking(sight));
  try {
    const startedMs = await act();
    return await Promise.all(looks.map((looking) => looking.from(startedMs, limitMs)));
  } finally {
    for (const looking of looks) looking.close();
  }
}

class Looking {
  readonly #isSeen: () => boolean;
  readonly #watchers: readonly FSWatcher[];
  #look: () => void = () => undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor({ isSeen, folders }: Sight) {
    this.#isSeen = isSeen;
    this.#watchers = folders.map((folder) => watch(folder, () => this.#look()));
  }

  from(startedMs: number, limitMs: number): Promise<number | undefined> {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    this.#look = () => {
      const isSeen = this.#isSeen();
      const elapsedMs = performance.now() - startedMs;
      if (isSeen) resolve(elapsedMs);
      else if (elapsedMs > limitMs) resolve(undefined);
    };
    this.#timer = setInterval(this.#look, LOOK_INTERVAL_MS);
    this.#look();
    return promise.finally(() => this.close());
  }

  close(): void {
    clearInterval(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }
}
