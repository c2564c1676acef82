// What a simulated file system is made of: nodes, each with what is in memory and what is on the platter, and the errors that its calls throw.

export interface FileNode {
  readonly kind: 'file';
  mode: number;
  /** Given to it with its second name; undefined: it never had one. */
  identity: string | undefined;
  content: string;
  /** What is on the platter. */
  durable: string;
  /** `content` has not been synced since it was written. */
  dirty: boolean;
  /** A sync failed and the kernel dropped the pages: later syncs succeed and write nothing, as on Linux (Rebello, ATC '20: "Can applications recover from fsync failures?"). */
  writebackFailed: boolean;
}

export interface FolderNode {
  readonly kind: 'folder';
  readonly mode: number;
  /** On a tmpfs: nothing in it outlives the machine's power. */
  readonly volatile: boolean;
  /** Another number after each change of its entries; no two folders ever have the same. */
  version: number;
  entries: Map<string, DiskNode>;
  readonly durable: Map<string, DiskNode>;
}

interface LinkNode {
  readonly kind: 'link';
  readonly target: string;
}

/** A fifo, device or socket. */
interface OtherNode {
  readonly kind: 'other';
}

export type DiskNode = FileNode | FolderNode | LinkNode | OtherNode;

export function fileNode(content: string, mode: number): FileNode {
  return {
    kind: 'file',
    mode,
    identity: undefined,
    content,
    durable: '',
    dirty: content !== '',
    writebackFailed: false,
  };
}

export function folderNode(volatile: boolean): FolderNode {
  return {
    kind: 'folder',
    mode: 0o755,
    volatile,
    version: nextVersion(),
    entries: new Map(),
    durable: new Map(),
  };
}

let versions = 0;

export function nextVersion(): number {
  versions += 1;
  return versions;
}

/** One change of entries, atomic: all of `edits` reach the platter or none. */
export interface EntryChange {
  readonly edits: readonly EntryEdit[];
}

export interface EntryEdit {
  readonly folder: FolderNode;
  readonly name: string;
  /** undefined: the entry goes. */
  readonly node: DiskNode | undefined;
  /** The entry goes only if this is what stands there (the source of a rename). */
  readonly only?: DiskNode;
}

const TEXTS = {
  EACCES: 'permission denied',
  EEXIST: 'file already exists',
  EINVAL: 'invalid argument',
  EIO: 'i/o error',
  EISDIR: 'illegal operation on a directory',
  ELOOP: 'too many symbolic links encountered',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EROFS: 'read-only file system',
  EXDEV: 'cross-device link not permitted',
} as const;

export type Errno = keyof typeof TEXTS;

/** An error as Node's fs throws it: message, `code`, `syscall` and `path`. Without a stack, as Node's own: it is a tenth of a run's time. */
export function systemError(code: Errno, syscall: string, path: string): NodeJS.ErrnoException {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  const error = new Error(`${code}: ${TEXTS[code]}, ${syscall} '${path}'`);
  Error.stackTraceLimit = limit;
  return Object.assign(error, { code, syscall, path });
}
