// The Disk port: the few file operations that the agent's guarantees are built from, one system call or so each, so that the simulation can
// crash between any two and lose what was not synced. Adapter: linux/disk.ts. Every method throws the Node system error (with `code`) on failure.

/** What stands at a path, itself, links not followed. `other`: fifo, device, socket. */
export type FileKind = 'absent' | 'file' | 'folder' | 'link' | 'other';

/**
 * As {@link FileKind}, and of a regular file its permission bits and which file it is: two entries that tell the same are hard links to one file.
 * undefined: it has no other name.
 */
export type DiskEntry =
  | { readonly kind: Exclude<FileKind, 'file'> }
  | { readonly kind: 'file'; readonly mode: number; readonly identity: string | undefined };

export interface Disk {
  /** Absent when it, or a folder above it, does not exist; any other failure throws. */
  kindOf(path: string): Promise<FileKind>;
  /** kindOf, and no more calls than that, with what else is seen of a regular file at the same look. */
  entryOf(path: string): Promise<DiskEntry>;
  /** The first `maxBytes` of a regular file as UTF-8; never follows a link, never blocks on a fifo. Throws ENOENT when absent. */
  read(path: string, maxBytes: number): Promise<string>;
  /** Names in a folder; [] when it is absent. */
  list(path: string): Promise<readonly string[]>;
  /** Creates the folder and those above it (0755), syncing each new entry; nothing when it is there. */
  makeFolder(path: string): Promise<void>;
  /** Creates a new regular file with exactly `mode` (whatever the umask) and this content; EEXIST when anything stands there. Not synced. */
  create(path: string, content: string, mode: number): Promise<void>;
  /** `create`, with the content synced before the file is closed; its entry in the folder is not. A failure may leave the file there, whole or in part. */
  createSynced(path: string, content: string, mode: number): Promise<void>;
  /** fsync of a regular file's content; never follows a link. */
  syncFile(path: string): Promise<void>;
  /** fsync of a folder's entries. */
  syncFolder(path: string): Promise<void>;
  /**
   * What is another one once an entry of the folder was made, removed or renamed, or another folder stands there; links are followed. undefined: it cannot be told,
   * or the next change might not show.
   */
  folderVersion(path: string): Promise<string | undefined>;
  /** Replaces whatever stands at `to` (EISDIR or ENOTEMPTY for a folder). */
  rename(from: string, to: string): Promise<void>;
  /** unlink: removes the entry itself, never what a link points to; ENOENT when absent, EISDIR or EPERM for a folder. */
  remove(path: string): Promise<void>;
  /** The path with every link in it resolved; throws ENOENT. */
  resolve(path: string): Promise<string>;
}
