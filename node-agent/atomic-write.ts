// Replaces a file in one step, so that a reader sees the old content or the new, never a part; durably where asked.
import { dirname } from 'node:path';
import { errnoOf } from '../desired-state/errors.ts';
import type { Disk } from './disk.ts';
import type { DurableFolders } from './durable-folders.ts';

/** Beside each file while it is being written; a crash may leave it, the next write replaces it. */
export const TEMPORARY_SUFFIX = '.lockstep-tmp';

export interface AtomicWriteOptions {
  readonly mode: number;
  /** Given: synced, file, folder and the folders above, when it returns. */
  readonly durable?: DurableFolders;
}

/**
 * Puts a regular file with `content` at `path`, replacing what stands there unless that is a folder; missing parent folders are made.
 * @throws the Node system error of the step that failed; what stood at `path` is then untouched, unless only the last folder sync failed.
 */
export async function writeAtomically(
  disk: Disk,
  path: string,
  content: string,
  { mode, durable }: AtomicWriteOptions,
): Promise<void> {
  const temporary = path + TEMPORARY_SUFFIX;
  try {
    await createAnew(disk, temporary, content, { mode, ...(durable && { durable }) });
    if (durable !== undefined) await disk.syncFile(temporary);
    await disk.rename(temporary, path);
  } catch (error) {
    await disk.remove(temporary).catch(() => undefined);
    throw error;
  }
  await durable?.sync(dirname(path));
}

async function createAnew(
  disk: Disk,
  path: string,
  content: string,
  { mode, durable }: AtomicWriteOptions,
): Promise<void> {
  try {
    await disk.create(path, content, mode);
  } catch (error) {
    switch (errnoOf(error)) {
      case 'ENOENT':
        durable?.forget(dirname(path));
        await disk.makeFolder(dirname(path));
        break;
      case 'EEXIST':
        await disk.remove(path);
        break;
      default:
        throw error;
    }
    await disk.create(path, content, mode);
  }
}
