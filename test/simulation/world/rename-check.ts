// What rename(2) refuses, on simulated nodes.
import { type DiskNode, type FolderNode, systemError } from './inodes.ts';
import type { Place } from './path-walk.ts';

/** In the kernel's order. @throws EINVAL, ENOTEMPTY, EISDIR, ENOTDIR. */
export function checkReplacement(source: Place, target: Place, to: string): void {
  if (contains(source.node, target.folder)) throw systemError('EINVAL', 'rename', to);
  if (contains(target.node, source.folder)) throw systemError('ENOTEMPTY', 'rename', to);
  if (target.node === undefined) return;
  const movesFolder = source.node?.kind === 'folder';
  if (target.node.kind !== 'folder') {
    if (movesFolder) throw systemError('ENOTDIR', 'rename', to);
  } else if (!movesFolder) throw systemError('EISDIR', 'rename', to);
  else if (target.node.entries.size > 0) throw systemError('ENOTEMPTY', 'rename', to);
}

/** Is `folder` that node, or somewhere below it? */
function contains(node: DiskNode | undefined, folder: FolderNode): boolean {
  if (node?.kind !== 'folder') return false;
  return node === folder || [...node.entries.values()].some((entry) => contains(entry, folder));
}
