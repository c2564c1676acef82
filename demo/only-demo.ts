// Keeps a second demo off the same sandbox: a lock that the kernel drops when this process ends, kill -9 included.
// As node-agent/linux/single-instance.ts: Node has no flock, so an SQLite transaction that never ends holds it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { LockstepError } from '../desired-state/errors.ts';

/** Kept to the end of the process: a database that is collected is closed, and its lock gone. */
const held: DatabaseSync[] = [];

/** @throws LockstepError `Failed` when another demo has the sandbox, or the lock can't be made. */
export function beOnlyDemo(dir: string): void {
  const pidFile = join(dir, 'demo.pid');
  try {
    const database = new DatabaseSync(join(dir, 'demo.lock'));
    held.push(database);
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    if (!isBusy(cause)) throw cause;
    throw new LockstepError(
      'Failed',
      `another demo (pid ${readPid(pidFile)}) runs in ${dir}: end it first, or give this one a folder of its own with --dir`,
      { cause },
    );
  }
  writeFileSync(pidFile, `${process.pid}\n`);
}

/** SQLITE_BUSY: https://www.sqlite.org/rescode.html */
function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5;
}

function readPid(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8').trim();
  } catch {
    return 'unknown';
  }
}
