// What is on a disk after a power cut, of what could be: each change that was not synced survived or did not, a coin each.
import type { EntryChange, FileNode, FolderNode } from './inodes.ts';
import type { Prng } from './prng.ts';

/** How much a disk had written back by itself before the cut: nearly nothing, half, nearly all. */
const SURVIVAL = [0.05, 0.5, 0.95] as const;

/**
 * Changes of entries are lost independently of each other and of contents, though most file systems keep their order: what holds here holds on all
 * of them (Pillai, OSDI '14: "All file systems are not created equal"). A rename is atomic: old or new.
 */
export function loseUnsynced(root: FolderNode, journal: readonly EntryChange[], prng: Prng): void {
  const survival = prng.pick(SURVIVAL);
  for (const change of journal) {
    if (prng.chance(survival)) applyDurably(change);
  }
  restore(root, prng, survival);
}

/** Puts a change on the platter. */
export function applyDurably({ edits }: EntryChange): void {
  for (const { folder, name, node, only } of edits) {
    if (node !== undefined) folder.durable.set(name, node);
    else if (only === undefined || folder.durable.get(name) === only) folder.durable.delete(name);
  }
}

function restore(folder: FolderNode, prng: Prng, survival: number): void {
  folder.entries = new Map(folder.durable);
  for (const node of folder.entries.values()) {
    if (node.kind === 'folder') restore(node, prng, survival);
    if (node.kind === 'file') restoreFile(node, prng, survival);
  }
}

function restoreFile(file: FileNode, prng: Prng, survival: number): void {
  if (file.dirty && (file.writebackFailed || !prng.chance(survival))) {
    file.content = prng.pick([file.durable, '', torn(file.content, prng), zeroed(file.content, prng)]);
  }
  file.durable = file.content;
  file.dirty = false;
  file.writebackFailed = false;
}

function torn(content: string, prng: Prng): string {
  return content.slice(0, prng.int(0, content.length));
}

/** The length reached the platter, the tail's blocks did not. */
function zeroed(content: string, prng: Prng): string {
  return torn(content, prng).padEnd(content.length, '\0');
}
