// The Store in memory, for tests and the simulation: nothing survives it but a snapshot. Deterministic: a call has its whole effect
// before it returns its promise; no timers, no clock.
import type { HostEvent, StoredEvent } from '../events.ts';
import { deepFreeze } from './freeze.ts';
import type { Fence, HostRecord, SpecWrite, StatusWrite, Store, WriteOptions, WriteResult } from './store.ts';
import { closedStore, comparePlaces, Watches, type WatchPlace } from './watch.ts';
import {
  checkEventLimit,
  checkEvents,
  checkFence,
  checkSpecWrites,
  checkStatusWrites,
  firstKeptEvent,
  recordAfterSpecWrite,
  recordAfterStatusWrite,
} from './write-rules.ts';

/** All that a store holds at one moment: a backup. Plain data, never changed by the store it came from. */
export interface MemorySnapshot {
  readonly revision: number;
  readonly records: readonly HostRecord[];
  readonly lastEventId: number;
  /** In order of id. */
  readonly events: readonly StoredEvent[];
  readonly fences: ReadonlyMap<string, number>;
}

export class MemoryStore implements Store {
  readonly #records = new Map<string, HostRecord>();
  /** The same records in the order that watches tell them. */
  readonly #ordered: HostRecord[] = [];
  /** Per host, in order of id. */
  readonly #events = new Map<string, StoredEvent[]>();
  readonly #fences = new Map<string, number>();
  readonly #watches = new Watches((place) => this.#nextAfter(place));
  #revision = 0;
  #lastEventId = 0;
  #closed = false;

  /** A new store that holds what `snapshot` holds: a restored backup, or the disk that a restarted controller finds. */
  static restore(snapshot: MemorySnapshot): MemoryStore {
    const store = new MemoryStore();
    store.#revision = snapshot.revision;
    for (const record of snapshot.records) store.#put(record);
    store.#lastEventId = snapshot.lastEventId;
    for (const event of snapshot.events) store.#keepEvent(event);
    for (const [name, token] of snapshot.fences) store.#fences.set(name, token);
    return store;
  }

  /** What the store holds now; works on a closed store too. */
  snapshot(): MemorySnapshot {
    return {
      revision: this.#revision,
      records: [...this.#ordered],
      lastEventId: this.#lastEventId,
      events: [...this.#events.values()].flat().sort((a, b) => a.id - b.id),
      fences: new Map(this.#fences),
    };
  }

  async get(name: string): Promise<HostRecord | undefined> {
    this.#checkOpen();
    return this.#records.get(name);
  }

  async list(): Promise<{ readonly revision: number; readonly records: readonly HostRecord[] }> {
    this.#checkOpen();
    const records = [...this.#records.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    return { revision: this.#revision, records };
  }

  async writeSpecs(writes: readonly SpecWrite[], options?: WriteOptions): Promise<WriteResult> {
    this.#checkOpen();
    return this.#write(checkSpecWrites(writes), recordAfterSpecWrite, options);
  }

  async writeStatuses(writes: readonly StatusWrite[], options?: WriteOptions): Promise<WriteResult> {
    this.#checkOpen();
    return this.#write(checkStatusWrites(writes), recordAfterStatusWrite, options);
  }

  async appendEvents(events: readonly HostEvent[], options?: { readonly fence?: Fence }): Promise<void> {
    this.#checkOpen();
    const checked = checkEvents(events);
    this.#checkFence(options?.fence);
    this.#append(checked);
  }

  async listEvents(query: {
    readonly host?: string;
    readonly limit: number;
    readonly afterId?: number;
  }): Promise<readonly StoredEvent[]> {
    this.#checkOpen();
    const limit = checkEventLimit(query.limit);
    const { host, afterId = 0 } = query;
    const events = host === undefined ? [...this.#events.values()].flat() : (this.#events.get(host) ?? []);
    const wanted = events.filter((event) => event.id > afterId).sort((a, b) => a.id - b.id);
    return wanted.slice(Math.max(0, wanted.length - limit));
  }

  watch(afterRevision: number, signal: AbortSignal): AsyncIterable<HostRecord> {
    return this.#watches.watch(afterRevision, signal);
  }

  async advanceFence(name: string): Promise<number> {
    this.#checkOpen();
    const token = (this.#fences.get(name) ?? 0) + 1;
    this.#fences.set(name, token);
    return token;
  }

  async check(): Promise<'kept'> {
    this.#checkOpen();
    return 'kept';
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#watches.close();
  }

  #write<W extends { readonly name: string }>(
    writes: readonly W[],
    recordAfter: (write: W, current: HostRecord | undefined, revision: number) => HostRecord,
    options: WriteOptions = {},
  ): WriteResult {
    const events = checkEvents(options.events ?? []);
    this.#checkFence(options.fence);
    const revision = this.#revision + 1;
    const records = writes.map((write) => recordAfter(write, this.#records.get(write.name), revision));
    this.#revision = revision;
    for (const record of records) this.#put(deepFreeze(record));
    this.#append(events);
    this.#watches.wake();
    return { revision, records };
  }

  #put(record: HostRecord): void {
    const old = this.#records.get(record.name);
    if (old !== undefined) this.#ordered.splice(this.#indexAfter(old) - 1, 1);
    this.#ordered.splice(this.#indexAfter(record), 0, record);
    this.#records.set(record.name, record);
  }

  #append(events: readonly HostEvent[]): void {
    for (const event of events) {
      this.#lastEventId += 1;
      this.#keepEvent(deepFreeze({ ...event, id: this.#lastEventId }));
    }
  }

  #keepEvent(event: StoredEvent): void {
    const kept = this.#events.get(event.host) ?? [];
    this.#events.set(event.host, kept);
    const newest = kept.push(event);
    kept.splice(0, firstKeptEvent(newest) - 1);
  }

  #nextAfter(place: WatchPlace): HostRecord | undefined {
    return this.#ordered[this.#indexAfter(place)];
  }

  /** Where in `#ordered` the first record beyond `place` stands, or would. */
  #indexAfter(place: WatchPlace): number {
    let low = 0;
    let high = this.#ordered.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const record = this.#ordered[middle];
      if (record !== undefined && comparePlaces(record, place) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #checkFence(fence: Fence | undefined): void {
    checkFence(fence, fence === undefined ? undefined : this.#fences.get(fence.name));
  }

  #checkOpen(): void {
    if (this.#closed) throw closedStore();
  }
}
