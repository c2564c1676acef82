// The Disk of the agent: a system call that can't wait for a device is made at once, on the main thread, because the hop to a thread and back costs more than
// the call itself (docs/adr/0010). That is so for all that lies in memory (the volatile flag), and on a local disk for a look at an entry and for opening what is there. What
// is written durably on a local disk takes one hop for each call that may wait, and no other; the rest goes to LinuxDisk.
import {
  close,
  closeSync,
  constants,
  fchmod,
  fchmodSync,
  fstatSync,
  fsync,
  lstatSync,
  open,
  openSync,
  read,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  statSync,
  unlinkSync,
  write,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../../desired-state/errors.ts';
import type { Disk, DiskEntry, FileKind } from '../disk.ts';
import {
  CREATE_FLAGS,
  entryOfStats,
  FOLDER_FLAGS,
  kindOfStats,
  LinuxDisk,
  MODE_BITS,
  READ_FLAGS,
  refuseIrregular,
} from './disk.ts';
import { FolderMedia } from './folder-media.ts';

/** Of a file in memory at most that much is read at once, bytes; a larger limit goes to LinuxDisk. */
const MAX_READ_BYTES = 65_536;
/** Each write(2) returns only when what it wrote is on the disk, as if fsync(2) had followed (open(2), O_SYNC): one hop for both. */
const CREATE_SYNCED_FLAGS = CREATE_FLAGS | constants.O_SYNC;
const NS_PER_MS = 1_000_000n;
/** Within one tick of a file system's clock two changes leave the same time: 10 ms, or 1 s on an ext4 of old, small inodes. A folder's time counts when it is well older. */
const SETTLED_MS = 3_000;

export class QuickDisk implements Disk {
  readonly #media: FolderMedia;
  readonly #elsewhere = new LinuxDisk();
  readonly #nowMs: () => number;

  /** @param nowMs the wall clock, ms, by which file systems stamp what changes. */
  constructor(media = new FolderMedia(), nowMs: () => number = () => Date.now()) {
    this.#media = media;
    this.#nowMs = nowMs;
  }

  async kindOf(path: string): Promise<FileKind> {
    if (this.#media.of(dirname(path)) === 'other') return this.#elsewhere.kindOf(path);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? 'absent' : kindOfStats(stats);
  }

  async entryOf(path: string): Promise<DiskEntry> {
    if (this.#media.of(dirname(path)) === 'other') return this.#elsewhere.entryOf(path);
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? { kind: 'absent' } : entryOfStats(stats);
  }

  async read(path: string, maxBytes: number): Promise<string> {
    const medium = this.#media.of(dirname(path));
    if (maxBytes > MAX_READ_BYTES || medium === 'other') return this.#elsewhere.read(path, maxBytes);
    const { file, size } = openRegular(path);
    try {
      if (medium === 'memory') return readAtMost(file, maxBytes);
      return await readLater(file, Math.min(maxBytes, size));
    } finally {
      closeSync(file);
    }
  }

  async list(path: string): Promise<readonly string[]> {
    if (!this.#isInMemory(path)) return this.#elsewhere.list(path);
    try {
      return readdirSync(path);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw error;
    }
  }

  async makeFolder(path: string): Promise<void> {
    await this.#elsewhere.makeFolder(path);
    // Who makes a folder is about to write in it.
    await this.#media.learn(path);
  }

  async create(path: string, content: string, mode: number): Promise<void> {
    if (!this.#isInMemory(dirname(path))) return this.#elsewhere.create(path, content, mode);
    createAtOnce(path, content, mode);
  }

  async createSynced(path: string, content: string, mode: number): Promise<void> {
    switch (this.#media.of(dirname(path))) {
      case 'memory':
        // There is nothing to sync it to.
        return createAtOnce(path, content, mode);
      case 'local':
        return this.#createOnDisk(path, content, mode);
      case 'other':
        return this.#elsewhere.createSynced(path, content, mode);
    }
  }

  async syncFile(path: string): Promise<void> {
    if (this.#media.of(dirname(path)) === 'other') return this.#elsewhere.syncFile(path);
    const { file } = openRegular(path);
    try {
      await syncDescriptor(file);
    } finally {
      closeSync(file);
    }
  }

  async syncFolder(path: string): Promise<void> {
    if (this.#media.of(path) === 'other') return this.#elsewhere.syncFolder(path);
    const folder = openSync(path, FOLDER_FLAGS);
    try {
      await syncDescriptor(folder);
    } finally {
      closeSync(folder);
    }
  }

  async folderVersion(path: string): Promise<string | undefined> {
    // Folders above are asked about at a change only: what is known of them is often old by then.
    if (this.#media.of(path) === 'other') await this.#media.learn(path);
    if (this.#media.of(path) === 'other') return this.#elsewhere.folderVersion();
    // Who changes an entry changes mtime and ctime of its folder (POSIX, rename() and unlink()); ctime alone cannot be set by hand.
    const { dev, ino, ctimeNs } = statSync(path, { bigint: true });
    const ageMs = this.#nowMs() - Number(ctimeNs / NS_PER_MS);
    return ageMs < SETTLED_MS ? undefined : `${dev}:${ino}:${ctimeNs}`;
  }

  async rename(from: string, to: string): Promise<void> {
    if (!this.#isInMemory(dirname(from))) return this.#elsewhere.rename(from, to);
    renameSync(from, to);
  }

  async remove(path: string): Promise<void> {
    if (!this.#isInMemory(dirname(path))) return this.#elsewhere.remove(path);
    unlinkSync(path);
  }

  async resolve(path: string): Promise<string> {
    if (this.#media.of(path) === 'other') return this.#elsewhere.resolve(path);
    return realpathSync.native(path);
  }

  async #createOnDisk(path: string, content: string, mode: number): Promise<void> {
    const file = await openDescriptor(path, CREATE_SYNCED_FLAGS, mode);
    try {
      if (!isOfMode(file, mode)) await changeMode(file, mode);
      await writeAll(file, Buffer.from(content));
    } catch (error) {
      await closeDescriptor(file).catch(() => undefined);
      await this.#elsewhere.remove(path).catch(() => undefined);
      throw error;
    }
    // All of it is on the disk: there is nothing left for a close to wait for.
    closeSync(file);
  }

  #isInMemory(folder: string): boolean {
    return this.#media.of(folder) === 'memory';
  }
}

// What waits for the device, or for the journal: off the main thread.
const openDescriptor = promisify(open);
const closeDescriptor = promisify(close);
const changeMode = promisify(fchmod);
const writeDescriptor = promisify(write);
const syncDescriptor = promisify(fsync);
const readDescriptor = promisify(read);

function createAtOnce(path: string, content: string, mode: number): void {
  const file = openSync(path, CREATE_FLAGS, mode);
  try {
    if (!isOfMode(file, mode)) fchmodSync(file, mode);
    writeFileSync(file, content);
  } catch (error) {
    removeIfThere(path);
    throw error;
  } finally {
    closeSync(file);
  }
}

/** The umask may have taken its share of open's mode; most take nothing of it, and each change wakes who watches the folder. */
function isOfMode(file: number, mode: number): boolean {
  return (fstatSync(file).mode & MODE_BITS) === mode;
}

/** Goes on after a partial write. @param file opened with O_SYNC. */
async function writeAll(file: number, bytes: Buffer): Promise<void> {
  // A write of nothing syncs nothing.
  if (bytes.length === 0) await syncDescriptor(file);
  for (let written = 0; written < bytes.length; ) {
    const { bytesWritten } = await writeDescriptor(file, bytes, written, bytes.length - written, null);
    written += bytesWritten;
  }
}

/** A descriptor for reading and syncing, and the size in bytes. @throws as LinuxDisk does for what is no regular file. */
function openRegular(path: string): { readonly file: number; readonly size: number } {
  refuseIrregular(path, kindOfStats(lstatSync(path)));
  const file = openSync(path, READ_FLAGS);
  try {
    const stats = fstatSync(file);
    refuseIrregular(path, kindOfStats(stats));
    return { file, size: stats.size };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function readAtMost(file: number, maxBytes: number): string {
  const buffer = Buffer.allocUnsafe(maxBytes);
  let total = 0;
  while (total < maxBytes) {
    const bytesRead = readSync(file, buffer, total, maxBytes - total, null);
    if (bytesRead === 0) break;
    total += bytesRead;
  }
  return buffer.toString('utf8', 0, total);
}

/** Off the main thread, for on a disk it may wait for the device. The size is known there, so one hop will do. */
async function readLater(file: number, size: number): Promise<string> {
  const buffer = Buffer.allocUnsafe(size);
  let total = 0;
  while (total < size) {
    const { bytesRead } = await readDescriptor(file, buffer, total, size - total, null);
    if (bytesRead === 0) break;
    total += bytesRead;
  }
  return buffer.toString('utf8', 0, total);
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Best effort: whoever writes there next replaces it.
  }
}
