// Replaces a file in one step, so that a reader sees the old content or the new, never a part; durably where asked.
import { dirname } from 'node:path';
import { errnoOf } from '../desired-state/errors.ts';
import type { Disk } from './disk.ts';
import { type Drafts, TEMPORARY_SUFFIX } from './drafts.ts';
import type { DurableFolders } from './durable-folders.ts';

export interface AtomicWriteOptions {
  readonly mode: number;
}

export interface SyncedWriteOptions extends AtomicWriteOptions {
  readonly drafts: Drafts;
}

export interface DurableWriteOptions extends SyncedWriteOptions {
  readonly folders: DurableFolders;
}

/**
 * Puts a regular file with `content` at `path`, replacing what stands there unless that is a folder; missing parent folders are made.
 * @throws the Node system error of the step that failed; what stood at `path` is then untouched.
 */
export async function writeAtomically(
  disk: Disk,
  path: string,
  content: string,
  { mode }: AtomicWriteOptions,
): Promise<void> {
  await putInPlace(disk, path, { content, mode });
}

/**
 * As writeAtomically, and on the disk when it returns: file, folder and the folders above.
 * @throws as writeAtomically; what stood at `path` is replaced all the same when only the sync of a folder failed.
 */
export async function writeDurably(
  disk: Disk,
  path: string,
  content: string,
  options: DurableWriteOptions,
): Promise<void> {
  await writeSynced(disk, path, content, options);
  await options.folders.sync(dirname(path));
}

/**
 * As writeDurably, but for the folder, whose sync is left to the caller: one serves all that was written in it. Until then a power cut leaves what stood at
 * `path` before, or the whole of the new. @throws as writeAtomically.
 */
export async function writeSynced(
  disk: Disk,
  path: string,
  content: string,
  { mode, drafts }: SyncedWriteOptions,
): Promise<void> {
  const isDrafted = await drafts.take({ path, content, mode });
  await putInPlace(disk, path, { content, mode, isSynced: true, isDrafted });
}

interface NewFile {
  readonly content: string;
  readonly mode: number;
  /** Synced before it takes its place. */
  readonly isSynced?: boolean;
  /** It stands beside its place already, synced. */
  readonly isDrafted?: boolean;
}

async function putInPlace(disk: Disk, path: string, file: NewFile): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX;
  try {
    if (file.isDrafted !== true) await createAnew(disk, temporary, file);
    await disk.rename(temporary, path);
  } catch (error) {
    await disk.remove(temporary).catch(() => undefined);
    throw error;
  }
}

async function createAnew(disk: Disk, path: string, file: NewFile): Promise<void> {
  try {
    await create(disk, path, file);
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        await disk.makeFolder(dirname(path));
        break;
      case 'EEXIST':
        await disk.remove(path);
        break;
      default:
        throw error;
    }
    await create(disk, path, file);
  }
}

async function create(disk: Disk, path: string, { content, mode, isSynced }: NewFile): Promise<void> {
  if (isSynced === true) await disk.createSynced(path, content, mode);
  else await disk.create(path, content, mode);
}
