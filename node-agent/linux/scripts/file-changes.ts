// Tells that a file may have changed, by inotify on its folder: free while nothing happens. It only ever hints: a folder that can't be watched, or a change
// behind a link, is found by whoever looks without being told. fs.watch and not chokidar, which would watch every file of /run.
import { type BigIntStats, type FSWatcher, watch } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** The attributes of what is at a path. @throws a Node system error. */
export type LookAt = (path: string) => Promise<BigIntStats>;

interface Folder {
  readonly paths: Set<string>;
  watcher: FSWatcher | undefined;
  /** Which folder the watcher is on: inotify stays with one that was renamed or removed. */
  identity: string;
  isArming: boolean;
}

export class FileChanges {
  readonly #lookAt: LookAt;
  readonly #onChange: (path: string) => void;
  readonly #folders = new Map<string, Folder>();

  constructor(lookAt: LookAt, onChange: (path: string) => void) {
    this.#lookAt = lookAt;
    this.#onChange = onChange;
  }

  /** Watches exactly these files from now on. Each call puts a watch on folders that came, or came anew, since the last one. */
  watch(paths: ReadonlySet<string>): void {
    for (const folder of this.#folders.values()) folder.paths.clear();
    for (const path of paths) this.#folderOf(path).paths.add(path);
    for (const [path, folder] of this.#folders) {
      if (folder.paths.size > 0) void this.#arm(path, folder);
      else this.#forget(path, folder);
    }
  }

  #folderOf(path: string): Folder {
    const name = dirname(path);
    const known = this.#folders.get(name);
    if (known !== undefined) return known;
    const folder = { paths: new Set<string>(), watcher: undefined, identity: '', isArming: false };
    this.#folders.set(name, folder);
    return folder;
  }

  /** Never rejects. The folder is looked at in the background first: where that hangs (NFS), so would fs.watch, and with it everything. */
  async #arm(path: string, folder: Folder): Promise<void> {
    if (folder.isArming) return;
    folder.isArming = true;
    try {
      const { dev, ino } = await this.#lookAt(path);
      if (folder.identity === `${dev}:${ino}` || this.#folders.get(path) !== folder) return;
      disarm(folder);
      folder.watcher = watch(path, { persistent: false }, (_, name) => this.#changed(path, folder, name));
      folder.watcher.on('error', () => disarm(folder));
      folder.identity = `${dev}:${ino}`;
      // What happened before the watch stood was seen by nobody.
      this.#changed(path, folder, null);
    } catch {
      disarm(folder);
    } finally {
      folder.isArming = false;
    }
  }

  #changed(path: string, folder: Folder, name: string | null): void {
    // The folder itself was deleted or moved: its watch is dead, and a new one may be given the same inode (ext4).
    if (name === basename(path)) disarm(folder);
    for (const file of folder.paths) if (name === null || file === join(path, name)) this.#onChange(file);
  }

  #forget(path: string, folder: Folder): void {
    disarm(folder);
    this.#folders.delete(path);
  }
}

function disarm(folder: Folder): void {
  folder.watcher?.close();
  folder.watcher = undefined;
  folder.identity = '';
}
