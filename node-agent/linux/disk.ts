// The Disk on Linux, over node:fs/promises. What stands at a path is looked at before it is opened, and again after: a fifo or
// device is never opened on purpose, and one that slips in between neither blocks (O_NONBLOCK) nor is read or synced (fstat).
import { type BigIntStats, constants } from 'node:fs';
import {
  type FileHandle,
  lstat,
  mkdir,
  open,
  readdir,
  realpath,
  rename,
  stat,
  unlink,
} from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf } from '../../desired-state/errors.ts';
import type { Disk, DiskEntry, FileKind } from '../disk.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/** A new regular file; what stands there already, a link too, is EEXIST. */
export const CREATE_FLAGS = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
/** A fifo that slipped in does not block, a link is not followed. */
export const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
/** A folder, to sync its entries. */
export const FOLDER_FLAGS = O_RDONLY | O_DIRECTORY;
const FOLDER_MODE = 0o755;
/** Of a file's mode what chmod sets. */
export const MODE_BITS = 0o7777;
/** Read at most this much at a time, so that a small file with a large limit costs little. */
const CHUNK_BYTES = 65_536;

export class LinuxDisk implements Disk {
  async kindOf(path: string): Promise<FileKind> {
    try {
      return kindOfStats(await lstat(path));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return 'absent';
      throw error;
    }
  }

  async entryOf(path: string): Promise<DiskEntry> {
    try {
      return entryOfStats(await lstat(path, { bigint: true }));
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return { kind: 'absent' };
      throw error;
    }
  }

  async read(path: string, maxBytes: number): Promise<string> {
    await using file = await openRegular(path);
    return await readAtMost(file, maxBytes);
  }

  async list(path: string): Promise<readonly string[]> {
    try {
      return await readdir(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async makeFolder(path: string): Promise<void> {
    if (await isFolder(path)) return;
    // PATH_MAX bounds the depth of this recursion; `/` is always a folder.
    await this.makeFolder(dirname(path));
    try {
      await mkdir(path, FOLDER_MODE);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST' && (await isFolder(path))) return;
      throw error;
    }
    await openFolderMode(path);
    await this.syncFolder(dirname(path));
  }

  async create(path: string, content: string, mode: number): Promise<void> {
    await createFile(path, content, mode, async () => {});
  }

  async createSynced(path: string, content: string, mode: number): Promise<void> {
    await createFile(path, content, mode, (file) => file.sync());
  }

  async syncFile(path: string): Promise<void> {
    await using file = await openRegular(path);
    await file.sync();
  }

  async syncFolder(path: string): Promise<void> {
    await using folder = await open(path, FOLDER_FLAGS);
    await folder.sync();
  }

  /** Never tells: what the times of a file system are worth that nobody knows is not known either. */
  async folderVersion(): Promise<undefined> {
    return undefined;
  }

  async rename(from: string, to: string): Promise<void> {
    await rename(from, to);
  }

  async remove(path: string): Promise<void> {
    await unlink(path);
  }

  async resolve(path: string): Promise<string> {
    return await realpath(path);
  }
}

interface KindOfStats {
  isFile(): boolean;
  isDirectory(): boolean;
  isSymbolicLink(): boolean;
}

export function kindOfStats(stats: KindOfStats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'folder';
  return stats.isSymbolicLink() ? 'link' : 'other';
}

/** @param stats with numbers of full length: inode numbers of XFS and overlayfs use more bits than a double has. */
export function entryOfStats(stats: BigIntStats): DiskEntry {
  const kind = kindOfStats(stats);
  if (kind !== 'file') return { kind };
  const identity = stats.nlink > 1n ? `${stats.dev}:${stats.ino}` : undefined;
  return { kind, mode: Number(stats.mode) & MODE_BITS, identity };
}

async function createFile(
  path: string,
  content: string,
  mode: number,
  finish: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const file = await open(path, CREATE_FLAGS, mode);
  try {
    await using closing = file;
    // The umask took its share of open's mode.
    await closing.chmod(mode);
    // writeFile goes on after a partial write.
    await closing.writeFile(content);
    await finish(closing);
  } catch (error) {
    await unlink(path).catch(() => undefined);
    throw error;
  }
}

/** A handle for reading and syncing. @throws ENOENT, ELOOP (a link), EISDIR, EINVAL (a fifo, device or socket), or as open(2). */
async function openRegular(path: string): Promise<FileHandle> {
  refuseIrregular(path, kindOfStats(await lstat(path)));
  const file = await open(path, READ_FLAGS);
  try {
    refuseIrregular(path, kindOfStats(await file.stat()));
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

const IRREGULAR_CODES = { absent: 'ENOENT', folder: 'EISDIR', link: 'ELOOP', other: 'EINVAL' } as const;
const IRREGULAR_WORDS = {
  absent: 'nothing',
  folder: 'a folder',
  link: 'a symbolic link',
  other: 'a fifo, device or socket',
} as const;

/** @throws an error with ENOENT, EISDIR, ELOOP or EINVAL unless `kind` is a regular file. */
export function refuseIrregular(path: string, kind: FileKind): void {
  if (kind === 'file') return;
  const code = IRREGULAR_CODES[kind];
  const message = `${code}: expected a regular file at ${path}, found ${IRREGULAR_WORDS[kind]}`;
  throw Object.assign(new Error(message), { code, path });
}

async function readAtMost(file: FileHandle, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let total = 0;
  while (total < maxBytes) {
    const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, maxBytes - total));
    const { bytesRead } = await file.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) break;
    chunks.push(chunk.subarray(0, bytesRead));
    total += bytesRead;
  }
  return Buffer.concat(chunks, total).toString('utf8');
}

/** Links are followed: a parent such as /var/run may be one. */
async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Any local program may read the flags, whatever the umask that mkdir ran under. */
async function openFolderMode(path: string): Promise<void> {
  await using folder = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  await folder.chmod(FOLDER_MODE);
}
