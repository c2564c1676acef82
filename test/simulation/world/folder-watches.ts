// inotify as the simulated agent sees it: late by a little, sometimes not at all, and deaf once the watched folder itself is gone.
import type { FileTree } from './file-tree.ts';
import type { FolderNode } from './inodes.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './sim-process.ts';

const LATENCY_MS = [0.05, 2] as const;

interface Watch {
  readonly process: SimProcess;
  readonly folder: FolderNode;
  readonly listener: (name: string) => void;
}

export class FolderWatches {
  /** The chance that an event is lost. */
  loss = 0;
  readonly #tree: FileTree;
  readonly #prng: Prng;
  readonly #watches = new Set<Watch>();

  constructor(tree: FileTree, prng: Prng) {
    this.#tree = tree;
    this.#prng = prng;
    tree.onChange((folder, name) => this.#announce(folder, name));
  }

  /** Calls `listener` with the name of each entry of the folder that comes, goes or is written. Returns what ends it. @throws ENOENT, ENOTDIR. */
  watch(process: SimProcess, path: string, listener: (name: string) => void): () => void {
    const watch = { process, folder: this.#tree.folder(path, 'watch'), listener };
    this.#watches.add(watch);
    process.onDeath(() => this.#watches.delete(watch));
    return () => this.#watches.delete(watch);
  }

  #announce(folder: FolderNode, name: string): void {
    for (const watch of this.#watches) {
      if (watch.folder !== folder || this.#prng.chance(this.loss)) continue;
      watch.process.clock.setTimer(this.#prng.between(LATENCY_MS), () => {
        if (this.#watches.has(watch)) watch.listener(name);
      });
    }
  }
}
