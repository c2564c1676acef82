// node:sqlite with failing statements: each one executed counts, and the Nth throws before it does anything, once or until healed.
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type {
  OpenDatabase,
  SqlDatabase,
  SqlStatement,
} from '../../../desired-state/store/sqlite/sql-database.ts';

/** Shared by all databases that `open` opens, so that a failure can also hit the opening itself. */
export class Faults {
  /** The newest database that was opened for writing, for pragmas and rows made by hand. */
  database: DatabaseSync | undefined;
  #failAt = Number.POSITIVE_INFINITY;
  #persistent = false;
  #executed = 0;

  readonly open: OpenDatabase = (path, { readOnly }) => {
    const database = new DatabaseSync(path, { readOnly });
    if (!readOnly) this.database = database;
    return new FaultyDatabase(database, this);
  };

  /** From now on the `n`th statement fails (1 is the next), and with `persistent` all after it too. */
  failAt(n: number, persistent: boolean): void {
    this.#failAt = this.#executed + n;
    this.#persistent = persistent;
  }

  /** Ends the failing; true when a statement did fail since failAt. */
  heal(): boolean {
    const failed = this.#executed >= this.#failAt;
    this.#failAt = Number.POSITIVE_INFINITY;
    return failed;
  }

  /** @throws an error such as SQLite's for an I/O error, when it is this statement's turn. */
  count(): void {
    this.#executed += 1;
    if (this.#executed === this.#failAt || (this.#persistent && this.#executed > this.#failAt)) {
      // SQLITE_IOERR_WRITE, https://sqlite.org/rescode.html
      throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 778 });
    }
  }
}

class FaultyDatabase implements SqlDatabase {
  readonly #database: DatabaseSync;
  readonly #faults: Faults;

  constructor(database: DatabaseSync, faults: Faults) {
    this.#database = database;
    this.#faults = faults;
  }

  get isTransaction(): boolean {
    return this.#database.isTransaction;
  }

  exec(sql: string): void {
    this.#faults.count();
    this.#database.exec(sql);
  }

  prepare(sql: string, options: { readonly returnArrays?: boolean } = {}): SqlStatement {
    const statement = this.#database.prepare(sql, options);
    const counted =
      <T>(execute: (...values: SQLInputValue[]) => T) =>
      (...values: SQLInputValue[]): T => {
        this.#faults.count();
        return execute(...values);
      };
    return {
      get: counted((...values): unknown => statement.get(...values)),
      all: counted((...values): unknown[] => statement.all(...values)),
      run: counted((...values): unknown => statement.run(...values)),
    };
  }

  close(): void {
    this.#database.close();
  }
}
