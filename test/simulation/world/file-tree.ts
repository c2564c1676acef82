// A file system in memory whose entries and contents are each either on the platter or not: what a power cut leaves is decided here.
// It knows no time and no faults: those are sim-disk.ts's.
import { posix } from 'node:path';
import { errnoOf } from '../../../desired-state/errors.ts';
import type { DiskEntry, FileKind } from '../../../node-agent/disk.ts';
import {
  type DiskNode,
  type EntryChange,
  type EntryEdit,
  type FileNode,
  type FolderNode,
  fileNode,
  folderNode,
  nextVersion,
  systemError,
} from './inodes.ts';
import { type Place, walk } from './path-walk.ts';
import { applyDurably, loseUnsynced } from './power-cut.ts';
import type { Prng } from './prng.ts';
import { checkReplacement } from './rename-check.ts';
import { type Survivor, survivorsAt } from './survivors.ts';

/** What the installation of a machine left, durably. */
export interface DiskLayout {
  readonly folders: readonly string[];
  /** Folders on a tmpfs. */
  readonly tmpfs: readonly string[];
  /** Path to target. */
  readonly links: Readonly<Record<string, string>>;
}

export class FileTree {
  readonly #root = folderNode(false);
  /** Entry changes that are not on the platter yet, in the order in which they were made. */
  #journal: EntryChange[] = [];
  readonly #changeListeners: ((folder: FolderNode, name: string) => void)[] = [];

  constructor({ folders, tmpfs, links }: DiskLayout) {
    for (const path of folders) this.makeFolder(path);
    for (const path of tmpfs) {
      this.makeFolder(posix.dirname(path));
      const { folder, name } = this.#placeFor(path, 'mount');
      this.#edit([{ folder, name, node: folderNode(true) }]);
    }
    for (const [path, target] of Object.entries(links)) {
      this.makeFolder(posix.dirname(path));
      this.link(target, path);
    }
    this.syncAll();
  }

  /** Calls `listener` whenever an entry changes or its content does, at once. */
  onChange(listener: (folder: FolderNode, name: string) => void): void {
    this.#changeListeners.push(listener);
  }

  /** @throws ENOTDIR, ELOOP. */
  kindOf(path: string): FileKind {
    return this.entryOf(path).kind;
  }

  /** @throws ENOTDIR, ELOOP. */
  entryOf(path: string): DiskEntry {
    try {
      const { node } = walk(this.#root, path, 'lstat');
      if (node?.kind !== 'file') return { kind: node?.kind ?? 'absent' };
      const { kind, mode, identity } = node;
      const isShared = identity !== undefined && countNames(this.#root, node) > 1;
      return { kind, mode, identity: isShared ? identity : undefined };
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return { kind: 'absent' };
      throw error;
    }
  }

  /** @throws ENOENT, EISDIR, ELOOP for a link, EINVAL for a fifo and its like. */
  file(path: string, syscall: string): FileNode {
    const { node } = walk(this.#root, path, syscall);
    switch (node?.kind) {
      case 'file':
        return node;
      case undefined:
        throw systemError('ENOENT', syscall, path);
      case 'folder':
        throw systemError('EISDIR', syscall, path);
      case 'link':
        throw systemError('ELOOP', syscall, path);
      case 'other':
        throw systemError('EINVAL', syscall, path);
    }
  }

  /** Follows links. @throws ENOENT, ENOTDIR. */
  folder(path: string, syscall: string): FolderNode {
    const { node } = walk(this.#root, path, syscall, true);
    if (node === undefined) throw systemError('ENOENT', syscall, path);
    if (node.kind !== 'folder') throw systemError('ENOTDIR', syscall, path);
    return node;
  }

  /** Names in a folder; [] when it is absent. @throws ENOTDIR, ELOOP. */
  list(path: string): readonly string[] {
    try {
      return [...this.folder(path, 'scandir').entries.keys()];
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  /** What is missing of the folder and those above it, topmost first. @throws EEXIST, ENOTDIR for anything else in the way. */
  missingFolders(path: string): string[] {
    const missing: string[] = [];
    let at = path;
    for (; this.kindOf(at) === 'absent'; at = posix.dirname(at)) missing.unshift(at);
    if (this.#kindBehind(at) !== 'folder') throw systemError('EEXIST', 'mkdir', at);
    return missing;
  }

  makeFolder(path: string): void {
    for (const missing of this.missingFolders(path)) {
      const { folder, name } = this.#placeFor(missing, 'mkdir');
      this.#edit([{ folder, name, node: folderNode(folder.volatile) }]);
    }
  }

  /** @throws EEXIST whatever stands there, ENOENT, ENOTDIR. */
  create(path: string, content: string, mode: number): void {
    this.#place(path, fileNode(content, mode), 'open');
  }

  /** Overwrites a file in place; creates it (0644) when it is absent. */
  write(path: string, content: string): void {
    const { folder, name, node } = walk(this.#root, path, 'open', true);
    if (node === undefined) {
      this.create(path, content, 0o644);
      return;
    }
    if (node.kind !== 'file') throw systemError('EISDIR', 'open', path);
    node.content = content;
    node.dirty = true;
    node.writebackFailed = false;
    this.#announce(folder, name);
  }

  touch(path: string): void {
    const { folder, name, node } = walk(this.#root, path, 'open', true);
    if (node === undefined) this.create(path, '', 0o644);
    else this.#announce(folder, name);
  }

  link(target: string, path: string): void {
    this.#place(path, { kind: 'link', target }, 'symlink');
  }

  /** @throws as `file`, EEXIST, EXDEV. */
  hardLink(from: string, path: string): void {
    const { folder } = walk(this.#root, from, 'link');
    const file = this.file(from, 'link');
    const place = this.#placeFor(path, 'link');
    if (folder.volatile !== place.folder.volatile) throw systemError('EXDEV', 'link', from);
    file.identity ??= `${nextVersion()}`;
    this.#edit([{ folder: place.folder, name: place.name, node: file }]);
  }

  chmod(path: string, mode: number): void {
    const { folder, name } = walk(this.#root, path, 'chmod');
    this.file(path, 'chmod').mode = mode;
    this.#announce(folder, name);
  }

  fifo(path: string): void {
    this.#place(path, { kind: 'other' }, 'mkfifo');
  }

  syncFile(path: string): void {
    const file = this.file(path, 'fsync');
    if (file.writebackFailed) return;
    file.durable = file.content;
    file.dirty = false;
  }

  /** A sync of it failed: what it holds now never reaches the platter, whatever later syncs say. */
  failWriteback(path: string): void {
    const file = this.file(path, 'fsync');
    file.writebackFailed = file.dirty;
  }

  /** Puts on the platter what was changed in the folder; a rename out of it only with the folder it went to. */
  syncFolder(path: string): void {
    const folder = this.folder(path, 'fsync');
    this.#journal = this.#journal.filter((change) => {
      if (change.edits[0]?.folder !== folder) return true;
      applyDurably(change);
      return false;
    });
  }

  syncAll(): void {
    for (const change of this.#journal) applyDurably(change);
    this.#journal = [];
    const sync = (folder: FolderNode) => {
      for (const node of folder.entries.values()) {
        if (node.kind === 'folder') sync(node);
        if (node.kind !== 'file') continue;
        node.durable = node.content;
        node.dirty = false;
      }
    };
    sync(this.#root);
  }

  rename(from: string, to: string): void {
    const source = walk(this.#root, from, 'rename');
    const target = walk(this.#root, to, 'rename');
    const moved = source.node;
    if (moved === undefined) throw systemError('ENOENT', 'rename', from);
    if (moved === target.node) return;
    if (source.folder.volatile !== target.folder.volatile) throw systemError('EXDEV', 'rename', from);
    checkReplacement(source, target, to);
    this.#edit([
      { folder: target.folder, name: target.name, node: moved },
      { folder: source.folder, name: source.name, node: undefined, only: moved },
    ]);
  }

  /** @throws ENOENT, EISDIR. */
  remove(path: string): void {
    const { folder, name, node } = walk(this.#root, path, 'unlink');
    if (node === undefined) throw systemError('ENOENT', 'unlink', path);
    if (node.kind === 'folder') throw systemError('EISDIR', 'unlink', path);
    this.#edit([{ folder, name, node: undefined }]);
  }

  /** `rm -rf`: nothing when it is absent. */
  removeAll(path: string): void {
    if (this.kindOf(path) === 'absent') return;
    const { folder, name, node } = walk(this.#root, path, 'unlink');
    if (node?.kind === 'folder') {
      for (const child of [...node.entries.keys()]) this.removeAll(posix.join(path, child));
    }
    this.#edit([{ folder, name, node: undefined }]);
  }

  /** @throws ENOENT, ELOOP, ENOTDIR. */
  resolve(path: string): string {
    const { node, name, parts } = walk(this.#root, path, 'realpath', true);
    if (node === undefined) throw systemError('ENOENT', 'realpath', path);
    return posix.join('/', ...parts, node.kind === 'folder' ? '' : name);
  }

  /** The machine lost its power: what was not synced is lost or not, as `prng` says; what was synced is there. */
  powerCut(prng: Prng): void {
    loseUnsynced(this.#root, this.#journal, prng);
    this.#journal = [];
  }

  /** Everything that a power cut now could leave at `path`; one only when it is certain. */
  survivors(path: string): readonly Survivor[] {
    return survivorsAt(this.#root, this.#journal, path);
  }

  /** Links followed. */
  #kindBehind(path: string): FileKind {
    try {
      return walk(this.#root, path, 'stat', true).node?.kind ?? 'absent';
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 'absent';
      throw error;
    }
  }

  #place(path: string, node: DiskNode, syscall: string): void {
    const { folder, name } = this.#placeFor(path, syscall);
    this.#edit([{ folder, name, node }]);
  }

  #placeFor(path: string, syscall: string): Place {
    const place = walk(this.#root, path, syscall);
    if (place.node !== undefined) throw systemError('EEXIST', syscall, path);
    return place;
  }

  /** The first edit's folder is the one whose sync makes the change durable. */
  #edit(edits: readonly EntryEdit[]): void {
    for (const { folder, name, node } of edits) {
      if (node === undefined) folder.entries.delete(name);
      else folder.entries.set(name, node);
      folder.version = nextVersion();
    }
    if (edits[0]?.folder.volatile === false) this.#journal.push({ edits });
    for (const { folder, name } of edits) this.#announce(folder, name);
  }

  #announce(folder: FolderNode, name: string): void {
    for (const listener of this.#changeListeners) listener(folder, name);
  }
}

function countNames(folder: FolderNode, file: FileNode): number {
  let names = 0;
  for (const node of folder.entries.values()) {
    if (node.kind === 'folder') names += countNames(node, file);
    else if (node === file) names += 1;
  }
  return names;
}
