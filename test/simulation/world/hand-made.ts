// What a person or another program does to a simulated disk: at once, and synced by nobody.
import type { FileTree } from './file-tree.ts';

/** Each throws the system error that the real command would fail with. */
export interface HandMade {
  /** Creates an empty file; nothing but an event when there is one. */
  touch(path: string): void;
  /** `echo > path`: creates or overwrites in place. */
  write(path: string, content: string): void;
  /** `rm -rf`: nothing when it is absent. */
  rm(path: string): void;
  /** `mkdir -p`. */
  mkdir(path: string): void;
  /** `mv`. */
  rename(from: string, to: string): void;
  /** `ln -s target path`. */
  link(target: string, path: string): void;
  /** `ln existing path`. */
  hardLink(existing: string, path: string): void;
  chmod(path: string, mode: number): void;
  mkfifo(path: string): void;
  /** `sync`. */
  sync(): void;
}

export function handMade(tree: FileTree, record: (call: string, path: string) => void): HandMade {
  const deed = (call: string, path: string, effect: () => void) => {
    try {
      effect();
    } finally {
      record(call, path);
    }
  };
  return {
    touch: (path) => deed('touch', path, () => tree.touch(path)),
    write: (path, content) => deed('write', path, () => tree.write(path, content)),
    rm: (path) => deed('rm', path, () => tree.removeAll(path)),
    mkdir: (path) => deed('mkdir', path, () => tree.makeFolder(path)),
    rename: (from, to) => deed('mv', `${from} ${to}`, () => tree.rename(from, to)),
    link: (target, path) => deed('ln -s', `${target} ${path}`, () => tree.link(target, path)),
    hardLink: (existing, path) => deed('ln', `${existing} ${path}`, () => tree.hardLink(existing, path)),
    chmod: (path, mode) => deed('chmod', path, () => tree.chmod(path, mode)),
    mkfifo: (path) => deed('mkfifo', path, () => tree.fifo(path)),
    sync: () => deed('sync', '', () => tree.syncAll()),
  };
}
