// The ManifestFiles on the disk. It looks at what may be anything: only regular files are opened, and everything has a bound.
// The folder may be a link that is swapped as a whole (git-sync): it is resolved anew at each look, and one look sees one folder.
import { constants } from 'node:fs';
import { type FileHandle, open, realpath, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { errnoOf, LockstepError, messageOf } from '../../desired-state/errors.ts';
import { BOUNDS, type Bounds, FolderWalk, isMissing, versionOf } from './folder-walk.ts';
import type {
  FileContent,
  FolderListing,
  FolderProblem,
  ListedFile,
  ManifestFiles,
} from './manifest-files.ts';

/** Not blocking, should a pipe have come into its place since it was listed, and not following what may be a link by now. */
const OPEN_FLAGS = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW;

export class DiskManifestFiles implements ManifestFiles {
  readonly #folder: string;
  readonly #bounds: Bounds;

  /** @param folder it need not be there. */
  constructor(folder: string, bounds: Bounds = BOUNDS) {
    this.#folder = resolve(folder);
    this.#bounds = bounds;
  }

  async list(signal: AbortSignal): Promise<FolderListing | FolderProblem> {
    try {
      const walk = new FolderWalk(await this.#root(), this.#bounds, signal);
      return await walk.run();
    } catch (error) {
      signal.throwIfAborted();
      return { kind: 'problem', why: describeFolderError(error) };
    }
  }

  async read(listed: ListedFile): Promise<FileContent> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(listed.path, OPEN_FLAGS);
      const stats = await handle.stat({ bigint: true });
      if (versionOf(stats) !== listed.version) return { kind: 'changed' };
      const bytes = await readAll(handle, Number(stats.size));
      // What was written while it was read is nothing that somebody wrote.
      const isSame = versionOf(await stat(listed.path, { bigint: true })) === listed.version;
      return isSame ? { kind: 'bytes', bytes } : { kind: 'changed' };
    } catch (error) {
      if (isMissing(error) || errnoOf(error) === 'ELOOP') return { kind: 'changed' };
      return {
        kind: 'unreadable',
        why: `${listed.file}: expected a readable file, found ${messageOf(error)}`,
      };
    } finally {
      await handle?.close().catch(() => undefined);
    }
  }

  async #root(): Promise<string> {
    const root = await realpath(this.#folder);
    if (!(await stat(root)).isDirectory())
      throw new LockstepError('Invalid', 'expected a folder, found a file');
    return root;
  }
}

/** At most `size` bytes, which the walk has bounded: a file that grew meanwhile is another version. */
async function readAll(handle: FileHandle, size: number): Promise<Uint8Array> {
  const buffer = Buffer.alloc(size);
  let length = 0;
  while (length < size) {
    const { bytesRead } = await handle.read(buffer, length, size - length, length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return buffer.subarray(0, length);
}

const FOLDER_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'expected a folder, found nothing',
  ENOTDIR: 'expected a folder, found a file in its path',
  EACCES: 'expected a folder that may be read, found that it may not (permission denied)',
  ELOOP: 'expected a folder, found links that lead in a circle',
};

function describeFolderError(error: unknown): string {
  if (error instanceof LockstepError) return error.message;
  return (
    FOLDER_ERRORS[errnoOf(error) ?? ''] ?? `expected a folder that can be read, found ${messageOf(error)}`
  );
}
