// Keeps a second agent off the same folders: a lock in each of them that the kernel itself drops when this process ends, kill -9 included.
// Node has no flock, so the lock is SQLite's, an fcntl lock held by a transaction that never ends. Such locks die when the process closes ANY
// descriptor of the file: nothing else in this process may ever open the lock file, which is why the pid has a file of its own.
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';
import type { Log } from '../../reconcilers/loop/log.ts';
import { writeAtomically } from '../atomic-write.ts';
import type { Disk } from '../disk.ts';
import { TEMPORARY_SUFFIX } from '../drafts.ts';

const LOCK_NAME = 'agent.lock';
const PID_NAME = 'agent.pid';

/** What taking the locks puts into each folder: no trace of an earlier agent's decisions. */
export const LOCK_FILE_NAMES: readonly string[] = [LOCK_NAME, PID_NAME, PID_NAME + TEMPORARY_SUFFIX];

export interface InstanceLock {
  /** Lets another agent in. The end of the process does the same. */
  release(): void;
}

export interface SingleInstanceOptions {
  readonly disk: Disk;
  /** stateDir and runDir; made if missing. */
  readonly folders: readonly string[];
  readonly pid: number;
  readonly log: Log;
}

/**
 * Takes the lock of each folder. A folder whose lock can't be made or opened (full, read-only) is logged and gone without: a broken disk must not
 * keep the agent from the flags.
 * @throws LockstepError `Conflict` when another process holds one: which folder, and whose.
 */
export async function takeInstanceLocks(options: SingleInstanceOptions): Promise<InstanceLock> {
  const taken: DatabaseSync[] = [];
  const release = () => {
    for (const lock of taken.splice(0)) {
      heldLocks.delete(lock);
      lock.close();
    }
  };
  try {
    for (const folder of options.folders) {
      const lock = await takeLock(options, folder);
      if (lock === undefined) continue;
      taken.push(lock);
      heldLocks.add(lock);
    }
  } catch (error) {
    release();
    throw error;
  }
  return { release };
}

/** Kept until released: a database that is collected is closed, and its lock gone. */
const heldLocks = new Set<DatabaseSync>();

async function takeLock(options: SingleInstanceOptions, folder: string): Promise<DatabaseSync | undefined> {
  const { disk, log } = options;
  try {
    await disk.makeFolder(folder);
    const lock = await openLock(disk, join(folder, LOCK_NAME));
    await writePid(options, folder);
    return lock;
  } catch (error) {
    if (isBusy(error)) throw await describeHolder(disk, folder, error);
    log.warn({ folder, why: messageOf(error) }, 'no lock against a second agent on this folder');
    return undefined;
  }
}

async function openLock(disk: Disk, path: string): Promise<DatabaseSync> {
  const kind = await disk.kindOf(path);
  if (kind !== 'file' && kind !== 'absent') {
    throw new LockstepError('Failed', `expected a regular file at ${path}, found a ${kind}`);
  }
  try {
    return lockDatabase(path);
  } catch (error) {
    if (!isNoDatabase(error)) throw error;
    // Nobody can hold a lock on such a file. Emptied, not replaced: two agents that start at once must meet at the same inode.
    await truncate(path);
    return lockDatabase(path);
  }
}

function lockDatabase(path: string): DatabaseSync {
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

/** For the message only, so without it we are locked all the same. */
async function writePid({ disk, pid, log }: SingleInstanceOptions, folder: string): Promise<void> {
  try {
    await writeAtomically(disk, join(folder, PID_NAME), `${pid}\n`, { mode: 0o644 });
  } catch (error) {
    log.debug({ folder, why: messageOf(error) }, 'the pid beside the lock was not written');
  }
}

async function describeHolder(disk: Disk, folder: string, cause: unknown): Promise<LockstepError> {
  const pid = await disk.read(join(folder, PID_NAME), 32).then(
    (text) => /^\d+$/.exec(text.trim())?.[0],
    () => undefined,
  );
  const holder = pid === undefined ? 'another agent' : `another agent (pid ${pid})`;
  return new LockstepError(
    'Conflict',
    `${folder}: expected to be the only agent on this folder, found that ${holder} holds ${LOCK_NAME}: stop that one first, or give this one a --root of its own`,
    { cause },
  );
}

/** Primary result codes, the low byte of errcode: https://www.sqlite.org/rescode.html */
const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

function isBusy(error: unknown): boolean {
  return resultCodeOf(error) === SQLITE_BUSY;
}

function isNoDatabase(error: unknown): boolean {
  return resultCodeOf(error) === SQLITE_NOTADB;
}

function resultCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
