// Folders whose own entries, up to the root, are on the disk: a synced file in a folder that a power cut takes away is lost all the same. A folder that
// a crash, a failed sync or a person left unsynced is synced once, before anything in it counts as durable.
import { dirname } from 'node:path';
import { errnoOf } from '../desired-state/errors.ts';
import type { Disk } from './disk.ts';

/** A folder above the sandbox may be closed to us: whoever made it has to have synced it. */
const NOT_OURS: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP'];

export class DurableFolders {
  readonly #disk: Disk;
  readonly #settled = new Set<string>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /**
   * Syncs `folder`, and once every folder above it, all at once: what they hold counts only when all are done, so their order is nobody's concern.
   * @throws the Node system error of a sync that failed, that of `folder` itself first, when all have ended.
   */
  async sync(folder: string): Promise<void> {
    const above = this.#settled.has(folder) ? [] : foldersAbove(folder);
    const syncs = await Promise.allSettled([
      this.#disk.syncFolder(folder),
      ...above.map((each) => this.#syncAbove(each)),
    ]);
    for (const sync of syncs) if (sync.status === 'rejected') throw sync.reason;
    this.#settled.add(folder);
  }

  /** The folder was not there: what is made in its place has to be settled anew. */
  forget(folder: string): void {
    this.#settled.delete(folder);
  }

  /** Settles every folder anew: since the last generation a person may have made one again, with nobody's knowledge. */
  forgetAll(): void {
    this.#settled.clear();
  }

  async #syncAbove(folder: string): Promise<void> {
    try {
      await this.#disk.syncFolder(folder);
    } catch (error) {
      if (!NOT_OURS.includes(errnoOf(error))) throw error;
    }
  }
}

/** Nearest first; the root is above all but itself. */
function foldersAbove(folder: string): readonly string[] {
  const above = dirname(folder);
  return above === folder ? [] : [above, ...foldersAbove(above)];
}
