// The open database of a store, kept though somebody deletes its files: what they held is in the open ones still, and is put back whole. Nothing counts as written
// while it would end with the process.
import { LockstepError, messageOf } from '../../errors.ts';
import { damaged, type OpenDatabase, type SqlDatabase } from './sql-database.ts';
import { checkpoint, openStoreDatabase, putBack } from './sqlite-open.ts';
import { StoreFile } from './store-file.ts';

interface Opened<S> {
  readonly database: SqlDatabase;
  readonly statements: S;
  readonly file: StoreFile;
}

export class KeptDatabase<S> {
  readonly #path: string;
  readonly #open: OpenDatabase;
  readonly #prepare: (database: SqlDatabase) => S;
  /** Undefined after its files were put back and could not be opened yet. */
  #opened: Opened<S> | undefined;

  /** @param prepare makes the statements, anew for each database. @throws LockstepError as SqliteStore.open. */
  constructor(path: string, open: OpenDatabase, prepare: (database: SqlDatabase) => S) {
    this.#path = path;
    this.#open = open;
    this.#prepare = prepare;
    this.#opened = this.#openWhole();
  }

  /** @throws LockstepError `Unavailable` while there is none. */
  get statements(): S {
    return this.#current().statements;
  }

  get isTransaction(): boolean {
    return this.#opened?.database.isTransaction ?? false;
  }

  /** To be asked right before a commit. @throws LockstepError `Unavailable` when what is written would not last. */
  checkFiles(): void {
    const found = this.#current().file.look();
    if (found === 'there') return;
    throw found === 'replaced' ? replaced(this.#path) : deleted(this.#path);
  }

  /**
   * Puts deleted files back, with all that they held; its folder must be there. Not within a transaction.
   * @returns mended: they were put back.
   * @throws LockstepError `Unavailable` when another file stands there; what SQLite or the file system throws when it can't be done now: to be tried again.
   */
  keep(): 'kept' | 'mended' {
    const opened = this.#opened;
    switch (opened?.file.look()) {
      case 'there':
        return 'kept';
      case 'replaced':
        throw replaced(this.#path);
      case 'gone':
        if (opened !== undefined) putBack(this.#path, opened.database);
        break;
      case 'log-gone':
        if (opened !== undefined) checkpoint(opened.database);
        break;
      case undefined:
        break;
    }
    // Closed before the new one is opened: SQLite then deletes whatever log has the old one's name.
    this.#opened = undefined;
    opened?.database.close();
    this.#opened = this.#openWhole();
    return 'mended';
  }

  close(): void {
    this.#opened?.database.close();
    this.#opened = undefined;
  }

  #current(): Opened<S> {
    if (this.#opened !== undefined) return this.#opened;
    throw new LockstepError(
      'Unavailable',
      `${this.#path}: its file was deleted and put back, and could not be opened since: that is tried again`,
    );
  }

  #openWhole(): Opened<S> {
    const database = openStoreDatabase(this.#path, this.#open);
    try {
      return { database, statements: this.#prepare(database), file: new StoreFile(this.#path) };
    } catch (error) {
      database.close();
      // Every statement fits the version that was just checked, so a table or column was taken away by hand.
      throw damaged(this.#path, messageOf(error), { cause: error });
    }
  }
}

function deleted(path: string): LockstepError {
  return new LockstepError(
    'Unavailable',
    `${path}: expected the store's own files, found that they were deleted; nothing of this change was stored. They are put back with all that they held: try again`,
  );
}

function replaced(path: string): LockstepError {
  return new LockstepError(
    'Unavailable',
    `${path}: expected the store's own file, found that another one was put in its place while the controller ran; nothing of this change was stored. Restart the controller to use that file, or move it away to have the own one put back`,
  );
}
