// The controller's data folder and what lies in it: DIR/controller.db and DIR/controller.sock. Only the composition root calls it.
import { chmodSync, existsSync, lstatSync, mkdirSync, statSync, unlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { errnoOf, LockstepError, messageOf } from '../desired-state/errors.ts';
import { MAX_SOCKET_PATH_BYTES } from '../desired-state/socket-path.ts';

export interface DataFolder {
  readonly path: string;
  readonly database: string;
  readonly socket: string;
}

/**
 * Makes `folder` (0700) unless it is there.
 * @throws LockstepError `Failed` when it can't be made, others can get in, or its path is too long for a socket.
 */
export function openDataFolder(folder: string): DataFolder {
  const socket = join(folder, 'controller.sock');
  const length = Buffer.byteLength(socket);
  if (length > MAX_SOCKET_PATH_BYTES) {
    throw new LockstepError(
      'Failed',
      `${socket}: expected a socket path of at most ${MAX_SOCKET_PATH_BYTES} bytes, found ${length}: choose a data folder with a shorter path`,
    );
  }
  keepDataFolder(folder);
  return { path: folder, database: join(folder, 'controller.db'), socket };
}

/**
 * Makes `folder` (0700) where it is missing.
 * @returns mended: it was made. @throws LockstepError `Failed` when it can't be made, or others can get in.
 */
export function keepDataFolder(folder: string): 'kept' | 'mended' {
  const isMade = makeFolder(folder);
  checkPrivate(folder);
  return isMade ? 'mended' : 'kept';
}

/**
 * Removes the socket file that a controller left behind. For the holder of the store only: nobody else can be listening then.
 * @throws LockstepError `Failed` when something else than a socket stands there.
 */
export function removeStaleSocket(socket: string): void {
  const found = lstatSync(socket, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new LockstepError(
      'Failed',
      `${socket}: expected a socket or nothing, found something else: move it away`,
    );
  }
  unlinkSync(socket);
}

/** @returns whether it was not there. */
function makeFolder(folder: string): boolean {
  try {
    makeMissing(dirname(resolve(folder)));
    mkdirSync(folder, { mode: 0o700 });
    // Whatever the umask.
    chmodSync(folder, 0o700);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false;
    throw cannot('make', folder, error);
  }
}

/** Level by level: Node's own recursive mkdir never returns where a parent can't be made, below /proc for one (seen with 24.21.0). */
function makeMissing(folder: string): void {
  if (existsSync(folder)) return;
  makeMissing(dirname(folder));
  mkdirSync(folder);
}

function checkPrivate(folder: string): void {
  const found = statOf(folder);
  if (!found.isDirectory()) {
    throw new LockstepError('Failed', `--data ${folder}: expected a folder, found something else`);
  }
  const mode = found.mode & 0o777;
  if ((mode & 0o077) !== 0) {
    throw new LockstepError(
      'Failed',
      `--data ${folder}: expected a folder that only its owner can enter (0700), found 0${mode.toString(8)}: choose a folder of its own, or take the rights of others away`,
    );
  }
  const user = process.getuid?.();
  if (user !== undefined && user !== 0 && found.uid !== user) {
    throw new LockstepError(
      'Failed',
      `--data ${folder}: expected a folder of user ${user}, found one of user ${found.uid}`,
    );
  }
}

function statOf(folder: string) {
  try {
    return statSync(folder);
  } catch (error) {
    throw cannot('look at', folder, error);
  }
}

function cannot(verb: string, folder: string, cause: unknown): LockstepError {
  return new LockstepError('Failed', `--data ${folder}: can't ${verb} the folder: ${messageOf(cause)}`, {
    cause,
  });
}
