// Opens the embedded store's file so that nothing is ever lost by opening it: looked at read-only first, created whole or not at all,
// locked for this process alone, and durable from the first write on.
import { closeSync, fsyncSync, linkSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { errnoOf, LockstepError, messageOf } from '../../errors.ts';
import { damaged, type OpenDatabase, type SqlDatabase, storeError } from './sql-database.ts';
import { APPLICATION_ID, migrate, SCHEMA_VERSION } from './sqlite-migrations.ts';

/** PRAGMA synchronous = FULL reads back as 2. */
const SYNCHRONOUS_FULL = 2;

/**
 * The database at `path`, checked, locked, durable and of the newest version; created when there is nothing.
 * @throws LockstepError as SqliteStore.open.
 */
export function openStoreDatabase(path: string, open: OpenDatabase): SqlDatabase {
  try {
    if (!exists(path)) createWhole(path, open);
    const version = inspect(path, open);
    const database = openDurable(path, open);
    try {
      migrate(database, version);
      return database;
    } catch (error) {
      database.close();
      throw error;
    }
  } catch (error) {
    throw storeError(error, path);
  }
}

/**
 * Is there a database? An empty file is none of ours: createWhole never leaves one, so it was cut off.
 * Only stat is used: closing any descriptor of the file would drop the locks that this process holds on it (POSIX, fcntl(2)).
 */
function exists(path: string): boolean {
  const file = statSync(path, { throwIfNoEntry: false });
  if (file === undefined) {
    // SQLite would delete a log without its database, and with it the changes that are in nothing else.
    if (statSync(`${path}-wal`, { throwIfNoEntry: false }) === undefined) return false;
    throw damaged(path, 'no such file, but its write-ahead log (-wal)');
  }
  if (!file.isFile()) throw damaged(path, file.isDirectory() ? 'a folder' : 'neither a file nor a folder');
  if (file.size === 0) throw damaged(path, 'an empty file');
  return true;
}

function createWhole(path: string, open: OpenDatabase): void {
  placeWhole(path, (draft) => {
    const database = openDurable(draft, open);
    try {
      migrate(database, 0);
    } finally {
      database.close();
    }
  });
}

/**
 * Puts all that `database` holds at `path` again, durably, where its file was deleted: the open database has it still. To be opened anew there.
 * @throws what SQLite or the file system throws; then nothing stands at `path`.
 */
export function putBack(path: string, database: SqlDatabase): void {
  placeWhole(path, (draft) => {
    database.prepare('VACUUM INTO ?').run(draft);
    // SQLite leaves that to its caller (lang_vacuum.html, "VACUUM with an INTO clause").
    sync(draft);
    // The log of a file that is gone would be taken for the new one's.
    rmSync(`${path}-wal`, { force: true });
  });
}

/** Moves all that stands in the log into the database itself. @throws what SQLite throws, or an error when it did not move all. */
export function checkpoint(database: SqlDatabase): void {
  const busy = pragma(database, 'wal_checkpoint(TRUNCATE)');
  if (busy !== 0) throw new Error(`the log could not be moved into the database (busy: ${busy})`);
}

/** Has a database made in a folder beside `path` and links it into place: a crash leaves all of it or none. */
function placeWhole(path: string, make: (draft: string) => void): void {
  const folder = mkdtempSync(`${path}.new-`);
  try {
    const draft = join(folder, 'draft');
    make(draft);
    link(draft, path);
    sync(dirname(path));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Like rename, but what another process created meanwhile stays: it may have been written to. */
function link(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
  }
}

/** A folder's entries, or the content of a file that nobody has locked: closing a descriptor would drop the locks on it. */
function sync(path: string): void {
  const descriptor = openSync(path, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * The version of a database that is sound and ours. Read-only: closing a writable connection would write the log into the file, and
 * a damaged file, or one of a newer version, must stay as it is.
 */
function inspect(path: string, open: OpenDatabase): number {
  const database = open(path, { readOnly: true });
  try {
    const applicationId = pragma(database, 'application_id');
    if (applicationId !== APPLICATION_ID) throw damaged(path, "another program's SQLite database");
    const version = z.int().parse(pragma(database, 'user_version'));
    if (version > SCHEMA_VERSION) {
      throw new LockstepError(
        'Failed',
        `${path}: expected a database of version ${SCHEMA_VERSION} or older, found version ${version}. Nothing was changed. Run the newer Lockstep that wrote it, or put a backup in its place`,
      );
    }
    const finding = pragma(database, 'quick_check(1)');
    if (finding !== 'ok') throw damaged(path, `damage (quick_check: ${messageOf(finding)})`);
    return version;
  } finally {
    database.close();
  }
}

/** The lock is held from here until close or the end of the process: there is no file that could go stale. */
function openDurable(path: string, open: OpenDatabase): SqlDatabase {
  const database = open(path, { readOnly: false });
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE');
    const journal = pragma(database, 'journal_mode = WAL');
    // A reopened WAL database may be at NORMAL, which loses the last commits in a power cut (design.md, "Libraries").
    database.exec('PRAGMA synchronous = FULL');
    const synchronous = pragma(database, 'synchronous');
    if (journal !== 'wal' || synchronous !== SYNCHRONOUS_FULL) {
      throw new LockstepError(
        'Failed',
        `${path}: expected journal_mode wal and synchronous ${SYNCHRONOUS_FULL}, found ${journal} and ${synchronous}; the file system can't keep a store`,
      );
    }
    database.exec('BEGIN IMMEDIATE; COMMIT');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

const pragmaRowSchema = z.record(z.string(), z.union([z.string(), z.number()]));

/** The one value that a pragma answers with. */
function pragma(database: SqlDatabase, text: string): string | number | undefined {
  return Object.values(pragmaRowSchema.parse(database.prepare(`PRAGMA ${text}`).get()))[0];
}
