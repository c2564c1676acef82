// The little of node:sqlite that the embedded store uses, so that a test can fail any statement of it, and what its errors mean.
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { LockstepError, messageOf } from '../../errors.ts';
import { describeLockHolder } from './lock-holder.ts';

export interface SqlStatement {
  get(...values: SQLInputValue[]): unknown;
  all(...values: SQLInputValue[]): unknown[];
  run(...values: SQLInputValue[]): unknown;
}

export interface SqlDatabase {
  readonly isTransaction: boolean;
  exec(sql: string): void;
  /** @param options returnArrays: rows come as the array of their values, else as objects. */
  prepare(sql: string, options?: { readonly returnArrays?: boolean }): SqlStatement;
  close(): void;
}

export type OpenDatabase = (path: string, options: { readonly readOnly: boolean }) => SqlDatabase;

/** How long an open waits for a predecessor that is just ending, in ms. It blocks the process, so it is short. */
const BUSY_TIMEOUT_MS = 1_000;

/** Opens the file with node:sqlite. @throws what SQLite throws. */
export const openDatabase: OpenDatabase = (path, { readOnly }) =>
  new DatabaseSync(path, { readOnly, timeout: BUSY_TIMEOUT_MS });

/** SQLite's primary result codes, https://sqlite.org/rescode.html. */
const SQLITE = { busy: 5, corrupt: 11, full: 13, notADatabase: 26 } as const;

/**
 * What went wrong with the database at `path`, in our classes: `Failed` where only a person can help, else `Unavailable`.
 * A LockstepError stays itself.
 */
export function storeError(error: unknown, path: string): LockstepError {
  if (error instanceof LockstepError) return error;
  const options = { cause: error };
  switch (primaryCodeOf(error)) {
    case SQLITE.busy:
      return new LockstepError(
        'Unavailable',
        `${path}: in use by ${describeLockHolder(path)}; only one controller can use a data folder: end that one, or give this one a folder of its own`,
        options,
      );
    case SQLITE.notADatabase:
    case SQLITE.corrupt:
      return damaged(path, messageOf(error), options);
    case SQLITE.full:
      return new LockstepError(
        'Unavailable',
        `${path}: the disk is full; nothing of this change was stored: free some space and retry`,
        options,
      );
    default:
      return new LockstepError('Unavailable', `${path}: ${messageOf(error)}`, options);
  }
}

/** The file is not what a store must be, and nobody may write to it before a person looked. */
export function damaged(path: string, what: string, options?: { cause?: unknown }): LockstepError {
  return new LockstepError(
    'Failed',
    `${path}: expected a sound Lockstep database, found: ${what.replaceAll(/\s+/g, ' ')}. Nothing was changed. Move the file and those beside it with its name (-wal, -shm) away, keep them, and put a backup in its place; without one the hosts' agents register again with what they remember`,
    options,
  );
}

function primaryCodeOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}
