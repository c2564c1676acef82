// Path resolution as the kernel does it, on simulated nodes.
import { type DiskNode, type FolderNode, systemError } from './inodes.ts';

/** As in Linux (MAXSYMLINKS). */
const MAX_LINKS = 40;

/** A name in a folder, and what stands there. */
export interface Place {
  readonly folder: FolderNode;
  readonly name: string;
  readonly node: DiskNode | undefined;
  /** The canonical path of `folder`, in parts; of the node itself when that is a folder. */
  readonly parts: readonly string[];
}

/** Each path of a simulation is walked thousands of times. */
const partsOfPath = new Map<string, readonly string[]>();

/** @throws ENOENT when a folder above is missing, ENOTDIR when it is no folder, ELOOP. The last part may be absent; a link there is followed on `followLast` only. */
export function walk(root: FolderNode, path: string, syscall: string, followLast = false): Place {
  const folders: FolderNode[] = [root];
  const names: string[] = [];
  let folder = root;
  let rest = splitPath(path);
  let next = 0;
  let links = 0;
  for (;;) {
    const name = rest[next];
    if (name === undefined) {
      return { folder: folders.at(-2) ?? root, name: names.at(-1) ?? '', node: folder, parts: names };
    }
    next += 1;
    if (name === '..') {
      names.pop();
      if (folders.length > 1) folders.pop();
      folder = folders.at(-1) ?? root;
      continue;
    }
    const node = folder.entries.get(name);
    const isLast = next === rest.length;
    if (node?.kind === 'folder') {
      folders.push(node);
      names.push(name);
      folder = node;
    } else if (node?.kind === 'link' && (!isLast || followLast)) {
      links += 1;
      if (links > MAX_LINKS) throw systemError('ELOOP', syscall, path);
      if (node.target.startsWith('/')) {
        folders.length = 1;
        names.length = 0;
        folder = root;
      }
      rest = [...splitPath(node.target), ...rest.slice(next)];
      next = 0;
    } else if (isLast) {
      return { folder, name, node, parts: names };
    } else {
      throw systemError(node === undefined ? 'ENOENT' : 'ENOTDIR', syscall, path);
    }
  }
}

function splitPath(path: string): readonly string[] {
  const known = partsOfPath.get(path);
  if (known !== undefined) return known;
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  partsOfPath.set(path, parts);
  return parts;
}
