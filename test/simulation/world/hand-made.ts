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
  mkfifo(path: string): void;
  /** `sync`. */
  sync(): void;
}

export function handMade(tree: FileTree, record: (call: string, path: string) => void): HandMade {
  const recorded =
    <A extends readonly string[]>(call: string, effect: (...paths: A) => void) =>
    (...paths: A) => {
      record(call, paths.join(' '));
      effect(...paths);
    };
  return {
    touch: recorded('touch', (path: string) => tree.touch(path)),
    write: (path, content) => {
      record('write', path);
      tree.write(path, content);
    },
    rm: recorded('rm', (path: string) => tree.removeAll(path)),
    mkdir: recorded('mkdir', (path: string) => tree.makeFolder(path)),
    rename: recorded('mv', (from: string, to: string) => tree.rename(from, to)),
    link: recorded('ln -s', (target: string, path: string) => tree.link(target, path)),
    mkfifo: recorded('mkfifo', (path: string) => tree.fifo(path)),
    sync: recorded('sync', () => tree.syncAll()),
  };
}
