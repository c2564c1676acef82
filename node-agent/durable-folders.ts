// Folders whose own entries, up to the root, are on the disk: a synced file in a folder that a power cut takes away is lost all the same. A folder above that
// a crash, a failed sync or a person left unsynced is synced before anything below it counts as durable; one that has not changed since is left alone.
import { dirname } from 'node:path';
import { errnoOf } from '../desired-state/errors.ts';
import type { Disk } from './disk.ts';

/** A folder above the sandbox may be closed to us: whoever made it has to have synced it. */
const NOT_OURS: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP'];

export class DurableFolders {
  readonly #disk: Disk;
  /** The versions of folders above as they were right before they were synced. Few: those above the persistent flag and above stateDir. */
  readonly #synced = new Map<string, string>();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /**
   * Syncs `folder`, and every folder above it that may have changed since it was synced, all at once: what they hold counts only when all are done, so their order is
   * nobody's concern.
   * @throws the Node system error of a sync that failed, when all have ended: that of a folder that is missing last, for that may be as it should be.
   */
  async sync(folder: string): Promise<void> {
    const syncs = await Promise.allSettled([
      this.#disk.syncFolder(folder),
      ...foldersAbove(folder).map((each) => this.#syncAbove(each)),
    ]);
    const errors = syncs.flatMap((sync) => (sync.status === 'rejected' ? [sync.reason] : []));
    if (errors.length > 0) throw errors.find((error) => errnoOf(error) !== 'ENOENT') ?? errors[0];
  }

  async #syncAbove(folder: string): Promise<void> {
    // Whoever changes it while it is synced makes another version of it, which is not known here. One that cannot be told is synced each time.
    const version = await this.#disk.folderVersion(folder).catch(() => undefined);
    if (version !== undefined && version === this.#synced.get(folder)) return;
    try {
      await this.#disk.syncFolder(folder);
    } catch (error) {
      if (!NOT_OURS.includes(errnoOf(error))) throw error;
    }
    if (version !== undefined) this.#synced.set(folder, version);
  }
}

/** Nearest first; the root is above all but itself. */
function foldersAbove(folder: string): readonly string[] {
  const above = dirname(folder);
  return above === folder ? [] : [above, ...foldersAbove(above)];
}
