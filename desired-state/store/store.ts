// The Store port: where desired state, reported status and events are kept. Adapters: memory.ts, sqlite.ts; conformance suite: test/conformance.
// An adapter keeps what it is given and numbers it; it decides nothing about hosts.
import type { HostEvent, StoredEvent } from '../events.ts';
import type { Labels, Spec, Status } from '../host.ts';

/** Hosts in one write at most: an etcd transaction takes 128 operations by default (--max-txn-ops). */
export const MAX_HOSTS_PER_WRITE = 128;
/** Events kept per host: the newest that many. */
export const MAX_EVENTS_PER_HOST = 1_000;

export interface HostRecord {
  readonly name: string;
  /** +1 per spec change (or above a write's floor, see SpecWrite); survives deletion, so a name never goes backwards. */
  readonly generation: number;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
  readonly spec: Spec;
  /** A tombstone: the host was deleted at this generation and is shown to nobody. */
  readonly deleted: boolean;
  readonly status: Status | undefined;
  /** The highest generation that the host's agent ever reported: the next explicit change is numbered above it. */
  readonly reportedGeneration: number;
  /** The store's revision of the last write to this host's spec side (spec, labels, annotations, deletion): what compare-and-set compares. */
  readonly specRevision: number;
  /** The store's revision of the last write to this host, status included. */
  readonly revision: number;
}

/** Refuses the whole write unless the store's fence `name` still stands at `token` (a leader's, say). */
export interface Fence {
  readonly name: string;
  readonly token: number;
}

export interface SpecWrite {
  readonly name: string;
  /** The record's specRevision that the writer saw; 0: no record, not even a tombstone. */
  readonly expectedSpecRevision: number;
  readonly spec: Spec;
  readonly labels: Labels;
  readonly annotations: Readonly<Record<string, string>>;
  readonly deleted: boolean;
  /**
   * The generation becomes max(record's generation, record's reportedGeneration, floor) + 1 when the spec differs, the host is
   * new, or its tombstone is lifted; else it stays. Leave it out for no floor.
   */
  readonly generationFloor?: number;
  /**
   * true: the generation rises by the same rule even when the spec is the same. An operator who asks again for what a store that is
   * behind its agent already says must get through to that agent.
   */
  readonly renumber?: boolean;
}

export interface StatusWrite {
  readonly name: string;
  /** Left out: stays as it is. */
  readonly status?: Status;
  /** Raises reportedGeneration to at least this; never lowers it. */
  readonly reportedGeneration?: number;
}

export interface WriteOptions {
  readonly fence?: Fence;
  /** Appended in the same transaction. */
  readonly events?: readonly HostEvent[];
}

export interface WriteResult {
  readonly revision: number;
  /** The written hosts as they now are, in the order of the write. */
  readonly records: readonly HostRecord[];
}

/** Revisions count the store's writes: each successful write has one, higher than all before, and all its hosts share it. */
export interface Store {
  /** The record, tombstones included; undefined when there never was one. */
  get(name: string): Promise<HostRecord | undefined>;
  /** All records by name, tombstones included, as of one revision. */
  list(): Promise<{ readonly revision: number; readonly records: readonly HostRecord[] }>;
  /**
   * Compare-and-set of 1 to 128 hosts, all or nothing, durable when it returns.
   * @throws LockstepError `Conflict` when a record's specRevision is not the expected one or the fence moved, `Invalid` for 0, over 128 or the same host twice.
   */
  writeSpecs(writes: readonly SpecWrite[], options?: WriteOptions): Promise<WriteResult>;
  /**
   * Status of 1 to 128 hosts, all or nothing. The last writer wins.
   * @throws LockstepError `NotFound` for a host without a record (a tombstone counts as one), `Conflict` when the fence moved, `Invalid` as above.
   */
  writeStatuses(writes: readonly StatusWrite[], options?: WriteOptions): Promise<WriteResult>;
  /** Appends events of hosts; those beyond the newest 1,000 of a host are dropped. Raises no revision. @throws LockstepError `Conflict` when the fence moved. */
  appendEvents(events: readonly HostEvent[], options?: { readonly fence?: Fence }): Promise<void>;
  /** Newest last; of one host or of all, at most `limit` of the newest, only those with an id above `afterId`. */
  listEvents(query: {
    readonly host?: string;
    readonly limit: number;
    readonly afterId?: number;
  }): Promise<readonly StoredEvent[]>;
  /**
   * Every record whose revision is above `afterRevision`, in order of revision: first what is there, then as it is written, until `signal` aborts
   * (then it ends without an error). Several writes to a host may be seen as the last one only. Bounded: a slow reader skips, it never queues up.
   * The hosts of one write share its revision: to go on after an interruption, start below the revision of the last record seen.
   */
  watch(afterRevision: number, signal: AbortSignal): AsyncIterable<HostRecord>;
  /** Moves the fence `name` to its next token (1 at first) and returns it: whoever holds an older token can no longer write with it. */
  advanceFence(name: string): Promise<number>;
  /**
   * Would what is written now last? What keeps it from that is mended, if it can be: `mended`.
   * @throws LockstepError `Unavailable` saying why not, and what to do about it.
   */
  check(): Promise<'kept' | 'mended'>;
  /** Ends watches and releases what it holds; every later call rejects with `Unavailable`. */
  close(): Promise<void>;
}
