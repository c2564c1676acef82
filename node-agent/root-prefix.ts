// `--root DIR`: where the host's paths lie when the agent is confined to a sandbox, and the check that links do not lead out of it.
import { dirname, join, relative, resolve } from 'node:path/posix';
import { errnoOf, LockstepError } from '../desired-state/errors.ts';
import type { Disk } from './disk.ts';

/** The host's absolute `path` below `root`. `..` can't climb out: the path is normalised from `/` first. */
export function underRoot(root: string, path: string): string {
  return join(root, resolve('/', path));
}

/**
 * Checks that writing at `path` stays inside `root`: the nearest existing ancestor of its parent, every link resolved, must lie
 * inside `root` resolved. To be called before each write: a link may have been put in the way since. Nothing to check for `/`.
 * @throws LockstepError `Refused` when it leads out or through a link to nowhere, `NotFound` when `root` is not there;
 *   any other failure to look is thrown as the Disk threw it.
 */
export async function resolveInsideRoot(disk: Disk, root: string, path: string): Promise<void> {
  if (root === '/') return;
  const realRoot = await resolveRoot(disk, root);
  const ancestor = await nearestExisting(disk, dirname(path));
  const real = await resolveAncestor(disk, ancestor, path, root);
  if (isInside(realRoot, real)) return;
  throw new LockstepError(
    'Refused',
    `${path}: expected its folder inside the root ${root}, found that ${ancestor} leads to ${real}: replace the link by a folder`,
  );
}

/**
 * The check of {@link resolveInsideRoot} for one root, for every write: one look at a path whose folder is there and inside, the whole of it otherwise.
 */
export function rootGuard(disk: Disk, root: string): (path: string) => Promise<void> {
  if (root === '/') return async () => {};
  let realRoot: string | undefined;
  return async (path) => {
    realRoot ??= await disk.resolve(root).catch(() => undefined);
    const realFolder = await disk.resolve(dirname(path)).catch(() => undefined);
    if (realRoot !== undefined && realFolder !== undefined && isInside(realRoot, realFolder)) return;
    await resolveInsideRoot(disk, root, path);
  };
}

async function resolveRoot(disk: Disk, root: string): Promise<string> {
  try {
    return await disk.resolve(root);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new LockstepError('NotFound', `root: expected a folder at ${root}, found nothing: create it`, {
      cause,
    });
  }
}

/** The deepest of `path` and the folders above it where anything stands, a link to nowhere too. */
async function nearestExisting(disk: Disk, path: string): Promise<string> {
  let at = path;
  while (at !== '/' && (await disk.kindOf(at)) === 'absent') at = dirname(at);
  return at;
}

async function resolveAncestor(disk: Disk, ancestor: string, path: string, root: string): Promise<string> {
  try {
    return await disk.resolve(ancestor);
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause;
    throw new LockstepError(
      'Refused',
      `${path}: expected its folder inside the root ${root}, found that ${ancestor} is a link to nowhere: replace it by a folder`,
      { cause },
    );
  }
}

function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === '' || (way !== '..' && !way.startsWith('../'));
}
