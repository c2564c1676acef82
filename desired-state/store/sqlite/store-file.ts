// Tells whether a database and its log are still the files that were opened. SQLite itself writes on into files that were deleted, and all of that ends with the
// process. It looks at paths and opens nothing: closing a descriptor would drop the locks that are held.
import { statSync } from 'node:fs';

/** gone, replaced: what stands at the database's own path, nothing or another file. log-gone: the database is there, and its write-ahead log is not, or not the same. */
export type StoreFileState = 'there' | 'gone' | 'replaced' | 'log-gone';

export class StoreFile {
  readonly #path: string;
  readonly #logPath: string;
  readonly #database: string | undefined;
  readonly #log: string | undefined;

  /** @param path of a database that was just opened and locked in WAL mode: both files are there. */
  constructor(path: string) {
    this.#path = path;
    this.#logPath = `${path}-wal`;
    this.#database = identityOf(this.#path);
    this.#log = identityOf(this.#logPath);
  }

  /** Two system calls. @throws the Node system error when it can't be looked at. */
  look(): StoreFileState {
    const database = identityOf(this.#path);
    if (database === undefined) return 'gone';
    if (database !== this.#database) return 'replaced';
    return identityOf(this.#logPath) === this.#log ? 'there' : 'log-gone';
  }
}

/** The same for as long as the same file stands there; undefined when there is none. */
function identityOf(path: string): string | undefined {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}
