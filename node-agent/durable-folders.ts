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

  /** Syncs the folder and every folder above it, once. @throws the Node system error of the sync that failed; ENOENT when it is not there. */
  async settle(folder: string): Promise<void> {
    if (this.#settled.has(folder)) return;
    await this.#disk.syncFolder(folder);
    for (let above = dirname(folder), at = folder; above !== at; at = above, above = dirname(above)) {
      await this.#syncAbove(above);
    }
    this.#settled.add(folder);
  }

  /** The folder was not there: what is made in its place has to be settled anew. */
  forget(folder: string): void {
    this.#settled.delete(folder);
  }

  async #syncAbove(folder: string): Promise<void> {
    try {
      await this.#disk.syncFolder(folder);
    } catch (error) {
      if (!NOT_OURS.includes(errnoOf(error))) throw error;
    }
  }
}
