// The Store in one SQLite file, for a controller that has it to itself. Owns the file, its lock and its transactions; what a write means
// is in write-rules.ts, how a database is opened safely in sqlite-open.ts. Each call has its whole effect before it returns its promise.
import type { HostEvent, StoredEvent } from '../../events.ts';
import type {
  Fence,
  HostRecord,
  SpecWrite,
  StatusWrite,
  Store,
  WriteOptions,
  WriteResult,
} from '../store.ts';
import { closedStore, Watches, type WatchPlace } from '../watch.ts';
import {
  checkEventLimit,
  checkEvents,
  checkFence,
  checkSpecWrites,
  checkStatusWrites,
  firstKeptEvent,
  recordAfterSpecWrite,
  recordAfterStatusWrite,
} from '../write-rules.ts';
import { KeptDatabase } from './kept-database.ts';
import { RecordCache } from './record-cache.ts';
import { type OpenDatabase, openDatabase, type SqlDatabase, storeError } from './sql-database.ts';
import { parseEventRow, parseNumberRow, RECORD_COLUMNS } from './sqlite-rows.ts';

export class SqliteStore implements Store {
  readonly #path: string;
  readonly #database: KeptDatabase<ReturnType<typeof prepareStatements>>;
  readonly #records: RecordCache;
  readonly #watches: Watches;
  #closed = false;

  private constructor(path: string, open: OpenDatabase) {
    this.#path = path;
    this.#database = new KeptDatabase(path, open, prepareStatements);
    this.#records = new RecordCache(path);
    this.#watches = new Watches((place) => this.#nextAfter(place));
  }

  /**
   * Opens the store at `path`, creating it when there is nothing; its folder must exist. Waits at most 1 s for another holder to end.
   * @throws LockstepError `Unavailable` when another process holds it or it can't be reached, `Failed` when the file is damaged, not
   * Lockstep's or of a newer version; it is then left untouched.
   */
  static async open(path: string, open: OpenDatabase = openDatabase): Promise<SqliteStore> {
    return new SqliteStore(path, open);
  }

  /** Files that somebody deleted are put back with all that they held; their folder must be there. */
  async check(): Promise<'kept' | 'mended'> {
    return this.#read(() => this.#database.keep());
  }

  async get(name: string): Promise<HostRecord | undefined> {
    return this.#read(() => this.#record(name));
  }

  async list(): Promise<{ readonly revision: number; readonly records: readonly HostRecord[] }> {
    return this.#read(() => ({
      revision: this.#revision(),
      records: this.#sql.listHosts.all().map((row) => this.#records.recordOf(row)),
    }));
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
    this.#transaction(() => {
      this.#checkFence(options?.fence);
      this.#append(checked);
    });
  }

  async listEvents(query: {
    readonly host?: string;
    readonly limit: number;
    readonly afterId?: number;
  }): Promise<readonly StoredEvent[]> {
    this.#checkOpen();
    const limit = checkEventLimit(query.limit);
    const { host, afterId = 0 } = query;
    return this.#read(() => {
      const newestFirst =
        host === undefined
          ? this.#sql.listEvents.all(afterId, limit)
          : this.#sql.listEventsOfHost.all(host, afterId, limit);
      return newestFirst.map((row) => parseEventRow(row, this.#path)).reverse();
    });
  }

  watch(afterRevision: number, signal: AbortSignal): AsyncIterable<HostRecord> {
    return this.#watches.watch(afterRevision, signal);
  }

  async advanceFence(name: string): Promise<number> {
    this.#checkOpen();
    return this.#transaction(() => {
      this.#sql.advanceFence.run(name);
      return parseNumberRow(this.#sql.getFence.get(name), this.#path) ?? 0;
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watches.close();
    try {
      this.#database.close();
    } catch (error) {
      throw storeError(error, this.#path);
    }
  }

  #write<W extends { readonly name: string }>(
    writes: readonly W[],
    recordAfter: (write: W, current: HostRecord | undefined, revision: number) => HostRecord,
    options: WriteOptions = {},
  ): WriteResult {
    const events = checkEvents(options.events ?? []);
    const result = this.#transaction(() => {
      this.#checkFence(options.fence);
      const revision = this.#revision() + 1;
      const records = writes.map((write) => recordAfter(write, this.#record(write.name), revision));
      this.#sql.setRevision.run(revision);
      for (const record of records) this.#put(record);
      this.#append(events);
      return { revision, records };
    });
    this.#watches.wake();
    return result;
  }

  get #sql() {
    return this.#database.statements;
  }

  #record(name: string): HostRecord | undefined {
    const row = this.#sql.getHost.get(name);
    return row === undefined ? undefined : this.#records.recordOf(row);
  }

  #nextAfter(place: WatchPlace): HostRecord | undefined {
    return this.#read(() => {
      const row = this.#sql.nextHost.get(place.revision, place.name);
      return row === undefined ? undefined : this.#records.recordOf(row);
    });
  }

  #revision(): number {
    return parseNumberRow(this.#sql.getRevision.get(), this.#path) ?? 0;
  }

  #put(record: HostRecord): void {
    this.#sql.putHost.run(
      record.name,
      record.generation,
      JSON.stringify(record.labels),
      JSON.stringify(record.annotations),
      JSON.stringify(record.spec),
      record.deleted ? 1 : 0,
      record.status === undefined ? null : JSON.stringify(record.status),
      record.reportedGeneration,
      record.specRevision,
      record.revision,
    );
  }

  #append(events: readonly HostEvent[]): void {
    for (const event of events) {
      const number = (parseNumberRow(this.#sql.newestEvent.get(event.host), this.#path) ?? 0) + 1;
      this.#sql.addEvent.run(event.host, number, JSON.stringify(event));
      this.#sql.dropEvents.run(event.host, firstKeptEvent(number));
    }
  }

  #checkFence(fence: Fence | undefined): void {
    if (fence === undefined) return;
    checkFence(fence, parseNumberRow(this.#sql.getFence.get(fence.name), this.#path));
  }

  #read<T>(body: () => T): T {
    this.#checkOpen();
    try {
      this.#rollBack();
      return body();
    } catch (error) {
      throw storeError(error, this.#path);
    }
  }

  #transaction<T>(body: () => T): T {
    try {
      this.#rollBack();
      this.#sql.begin.run();
      const result = body();
      this.#database.checkFiles();
      this.#sql.commit.run();
      return result;
    } catch (error) {
      try {
        this.#rollBack();
      } catch {
        // The next call tries again, before it reads or writes anything; what the caller must hear is `error`.
      }
      throw storeError(error, this.#path);
    }
  }

  /** Ends what a failed write may have left open; some errors make SQLite itself do so. */
  #rollBack(): void {
    if (this.#database.isTransaction) this.#sql.rollback.run();
  }

  #checkOpen(): void {
    if (this.#closed) throw closedStore();
  }
}

const HOST_COLUMNS = RECORD_COLUMNS.join(', ');
const HOST_VALUES = RECORD_COLUMNS.map(() => '?').join(', ');
const REPLACED_COLUMNS = RECORD_COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ');

function prepareStatements(database: SqlDatabase) {
  const prepare = (sql: string) => database.prepare(sql);
  // Objects cost more than all else of a list: node:sqlite makes them without a prototype, which V8 keeps as dictionaries.
  const prepareHosts = (sql: string) => database.prepare(sql, { returnArrays: true });
  return {
    begin: prepare('BEGIN IMMEDIATE'),
    commit: prepare('COMMIT'),
    rollback: prepare('ROLLBACK'),
    getRevision: prepare('SELECT revision AS number FROM store'),
    setRevision: prepare('UPDATE store SET revision = ?'),
    getHost: prepareHosts(`SELECT ${HOST_COLUMNS} FROM hosts WHERE name = ?`),
    listHosts: prepareHosts(`SELECT ${HOST_COLUMNS} FROM hosts ORDER BY name`),
    nextHost: prepareHosts(
      `SELECT ${HOST_COLUMNS} FROM hosts WHERE (revision, name) > (?, ?) ORDER BY revision, name LIMIT 1`,
    ),
    putHost: prepare(
      `INSERT INTO hosts (${HOST_COLUMNS}) VALUES (${HOST_VALUES}) ON CONFLICT (name) DO UPDATE SET ${REPLACED_COLUMNS}`,
    ),
    newestEvent: prepare('SELECT max(number) AS number FROM events WHERE host = ?'),
    addEvent: prepare('INSERT INTO events (host, number, body) VALUES (?, ?, ?)'),
    dropEvents: prepare('DELETE FROM events WHERE host = ? AND number < ?'),
    listEvents: prepare('SELECT id, host, body FROM events WHERE id > ? ORDER BY id DESC LIMIT ?'),
    listEventsOfHost: prepare(
      'SELECT id, host, body FROM events WHERE host = ? AND id > ? ORDER BY number DESC LIMIT ?',
    ),
    getFence: prepare('SELECT token AS number FROM fences WHERE name = ?'),
    advanceFence: prepare(
      'INSERT INTO fences (name, token) VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET token = token + 1',
    ),
  };
}
