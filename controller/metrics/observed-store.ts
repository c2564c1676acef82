// A Store that tells how its writes went and how many watches are open; what it is asked and answers is the wrapped one's.
import type { HostEvent } from '../../desired-state/events.ts';
import type { HostRecord, Store } from '../../desired-state/store/store.ts';
import type { Clock } from '../../reconcilers/loop/clock.ts';

export type StoreOperation = 'specs' | 'statuses' | 'events';

/** Called in the middle of the controller's work: no method may throw or wait. */
export interface StoreObserver {
  wrote(operation: StoreOperation, durationMs: number): void;
  failed(operation: StoreOperation, durationMs: number, error: unknown): void;
  /** The store has these. */
  appended(events: readonly HostEvent[]): void;
  watchBegan(): void;
  watchEnded(): void;
}

export class ObservedStore implements Store {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #observer: StoreObserver;

  constructor(store: Store, clock: Clock, observer: StoreObserver) {
    this.#store = store;
    this.#clock = clock;
    this.#observer = observer;
  }

  readonly get: Store['get'] = (name) => this.#store.get(name);
  readonly list: Store['list'] = () => this.#store.list();
  readonly listEvents: Store['listEvents'] = (query) => this.#store.listEvents(query);
  readonly advanceFence: Store['advanceFence'] = (name) => this.#store.advanceFence(name);
  readonly check: Store['check'] = () => this.#store.check();
  readonly close: Store['close'] = () => this.#store.close();

  readonly writeSpecs: Store['writeSpecs'] = (writes, options) =>
    this.#timed('specs', options?.events, () => this.#store.writeSpecs(writes, options));

  readonly writeStatuses: Store['writeStatuses'] = (writes, options) =>
    this.#timed('statuses', options?.events, () => this.#store.writeStatuses(writes, options));

  readonly appendEvents: Store['appendEvents'] = (events, options) =>
    this.#timed('events', events, () => this.#store.appendEvents(events, options));

  async *watch(afterRevision: number, signal: AbortSignal): AsyncGenerator<HostRecord, void, undefined> {
    this.#observer.watchBegan();
    try {
      yield* this.#store.watch(afterRevision, signal);
    } finally {
      this.#observer.watchEnded();
    }
  }

  async #timed<T>(
    operation: StoreOperation,
    events: readonly HostEvent[] = [],
    write: () => Promise<T>,
  ): Promise<T> {
    const beganMs = this.#clock.monotonicMs();
    try {
      const result = await write();
      this.#observer.wrote(operation, this.#clock.monotonicMs() - beganMs);
      this.#observer.appended(events);
      return result;
    } catch (error) {
      this.#observer.failed(operation, this.#clock.monotonicMs() - beganMs, error);
      throw error;
    }
  }
}
