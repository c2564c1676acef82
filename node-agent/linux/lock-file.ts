// One file that this process holds locked, until the kernel itself drops the lock when the process ends, kill -9 included. Node has no flock, so the lock
// is SQLite's, an fcntl lock held by a transaction that never ends. Such locks die when the process closes ANY descriptor of the file: nothing else in
// this process may ever open it, and whether it still stands in its place is told by its attributes alone. Nor may other users: a lock for reading, which
// anybody takes who can read it, keeps SQLite's off.
import { type BigIntStats, closeSync, openSync } from 'node:fs';
import { chmod, lstat, truncate } from 'node:fs/promises';
import { DatabaseSync } from 'node:sqlite';
import { errnoOf, LockstepError } from '../../desired-state/errors.ts';
import { CREATE_FLAGS, kindOfStats, MODE_BITS } from './disk.ts';

/** How often a file may be made or replaced by somebody else while it is being locked. */
const MAX_TRIES = 5;
/** SQLite's own would be 0644. */
const LOCK_MODE = 0o600;

/** Kept until released: a database that is collected is closed, and its lock gone. */
const heldDatabases = new Set<DatabaseSync>();

export class LockFile {
  readonly #path: string;
  readonly #inode: string;
  readonly #database: DatabaseSync;

  /**
   * Makes the file, if there is none, and locks it.
   * @throws an error for which `isLockedElsewhere`, LockstepError `Failed` where no regular file stands, or as SQLite and the disk do.
   */
  static async take(path: string): Promise<LockFile> {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      await makePrivate(path);
      const before = await inodeAt(path);
      const database = await lockDatabase(path);
      const after = await inodeAt(path).catch(() => undefined);
      // Only what stood there before it was opened and after it was locked is known to be what is locked.
      if (before !== undefined && before === after) return new LockFile(path, before, database);
      database.close();
    }
    throw new LockstepError(
      'Failed',
      `expected a file that stays at ${path}, found another one at each of ${MAX_TRIES} tries`,
    );
  }

  private constructor(path: string, inode: string, database: DatabaseSync) {
    this.#path = path;
    this.#inode = inode;
    this.#database = database;
    heldDatabases.add(database);
  }

  /**
   * What stands at its path is what is locked: as long as that is held, its number is given to no other file.
   * @throws LockstepError `Failed` where something else than a file stands, or as the disk does: then it can't be told.
   */
  async isInPlace(): Promise<boolean> {
    return (await inodeAt(this.#path)) === this.#inode;
  }

  release(): void {
    if (heldDatabases.delete(this.#database)) this.#database.close();
  }
}

/** Another process holds the lock, or another LockFile of this one. */
export function isLockedElsewhere(error: unknown): boolean {
  return resultCodeOf(error) === SQLITE_BUSY;
}

/** Makes the file, if there is none, for its owner alone; one that is there becomes so, or stays as it is where it may not be changed. */
async function makePrivate(path: string): Promise<void> {
  const stats = await statsAt(path);
  if (stats === undefined) return createPrivate(path);
  const isPrivate = (Number(stats.mode) & MODE_BITS) === LOCK_MODE;
  if (!isPrivate) await chmod(path, LOCK_MODE).catch(() => undefined);
}

/** In one go and before anybody can have locked it: a descriptor that is closed later would take a lock with it. */
function createPrivate(path: string): void {
  try {
    closeSync(openSync(path, CREATE_FLAGS, LOCK_MODE));
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** undefined: there is none. @throws as statsAt. */
async function inodeAt(path: string): Promise<string | undefined> {
  const stats = await statsAt(path);
  return stats === undefined ? undefined : `${stats.dev}:${stats.ino}`;
}

/** undefined: there is none. @throws LockstepError `Failed` when something else than a regular file stands there. */
async function statsAt(path: string): Promise<BigIntStats | undefined> {
  try {
    const stats = await lstat(path, { bigint: true });
    if (stats.isFile()) return stats;
    throw new LockstepError('Failed', `expected a regular file at ${path}, found a ${kindOfStats(stats)}`);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function lockDatabase(path: string): Promise<DatabaseSync> {
  try {
    return openLocked(path);
  } catch (error) {
    if (resultCodeOf(error) !== SQLITE_NOTADB) throw error;
    // Nobody can hold a lock on such a file. Emptied, not replaced: two agents that start at once must meet at the same inode.
    await truncate(path);
    return openLocked(path);
  }
}

function openLocked(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  try {
    // The journal in memory: nothing is ever written, and without this SQLite leaves an agent.lock-journal beside it.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** Primary result codes, the low byte of errcode: https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
