// Watching a store, for every adapter. A watch holds a place in the order of revisions and nothing else, so a slow reader skips to
// the newest state of each host instead of queueing up. No timers.
import { LockstepError } from '../errors.ts';
import type { HostRecord } from './store.ts';

/** A place in the order of (revision, name): the hosts of one write share its revision. */
export interface WatchPlace {
  readonly revision: number;
  readonly name: string;
}

/** Orders records, and places among them, as a watch tells them: by revision, then by name. */
export function comparePlaces(a: WatchPlace, b: WatchPlace): number {
  if (a.revision !== b.revision) return a.revision - b.revision;
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}

/** The watches of one store. The adapter calls `wake` after each write, and `close` when it closes. */
export class Watches {
  readonly #nextAfter: (place: WatchPlace) => HostRecord | undefined;
  readonly #sleepers = new Set<() => void>();
  #closed = false;

  /** @param nextAfter the first record beyond a place, as it now is. What it throws ends the watch with that error. */
  constructor(nextAfter: (place: WatchPlace) => HostRecord | undefined) {
    this.#nextAfter = nextAfter;
  }

  /** Store.watch. @throws LockstepError `Unavailable` at the first read when the store is closed by then. */
  async *watch(afterRevision: number, signal: AbortSignal): AsyncGenerator<HostRecord, void, undefined> {
    if (this.#closed) throw closedStore();
    // No name is empty: this place lies before every record of the next revision and behind all of this one.
    let place: WatchPlace = { revision: afterRevision + 1, name: '' };
    while (!signal.aborted && !this.#closed) {
      const record = this.#nextAfter(place);
      if (record === undefined) {
        await this.#sleep(signal);
      } else {
        place = record;
        yield record;
      }
    }
  }

  /** Tells every watch to look again. */
  wake(): void {
    const sleepers = [...this.#sleepers];
    this.#sleepers.clear();
    for (const rouse of sleepers) rouse();
  }

  /** Ends every watch. */
  close(): void {
    this.#closed = true;
    this.wake();
  }

  #sleep(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const rouse = () => {
        this.#sleepers.delete(rouse);
        signal.removeEventListener('abort', rouse);
        resolve();
      };
      this.#sleepers.add(rouse);
      signal.addEventListener('abort', rouse, { once: true });
    });
  }
}

/** What every call on a closed store rejects with. */
export function closedStore(): LockstepError {
  return new LockstepError('Unavailable', 'the store is closed');
}
