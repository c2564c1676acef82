// The Disk of the agent: a system call that can't wait for a device is made at once, on the main thread, because the hop to a thread and back costs more than
// the call itself (docs/adr/0010). That is so for all that lies in memory (the volatile flag), and on a local disk for a look at an entry and for opening what is there. The
// rest goes to LinuxDisk.
import {
  closeSync,
  fchmodSync,
  fstatSync,
  fsync,
  lstatSync,
  openSync,
  read,
  readdirSync,
  readSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import { errnoOf } from '../../desired-state/errors.ts';
import type { Disk, FileKind } from '../disk.ts';
import { CREATE_FLAGS, FOLDER_FLAGS, kindOfStats, LinuxDisk, READ_FLAGS, refuseIrregular } from './disk.ts';
import { FolderMedia } from './folder-media.ts';

/** Of a file in memory at most that much is read at once, bytes; a larger limit goes to LinuxDisk. */
const MAX_READ_BYTES = 65_536;

export class QuickDisk implements Disk {
  readonly #media: FolderMedia;
  readonly #elsewhere = new LinuxDisk();

  constructor(media = new FolderMedia()) {
    this.#media = media;
  }

  async kindOf(path: string): Promise<FileKind> {
    if (this.#media.of(dirname(path)) === 'other') return this.#elsewhere.kindOf(path);
    const stats = lstatSync(path, { throwIfNoEntry: false });
    return stats === undefined ? 'absent' : kindOfStats(stats);
  }

  async read(path: string, maxBytes: number): Promise<string> {
    const medium = this.#media.of(dirname(path));
    if (maxBytes > MAX_READ_BYTES || medium === 'other') return this.#elsewhere.read(path, maxBytes);
    const file = openRegular(path);
    try {
      return medium === 'memory' ? readAtMost(file, maxBytes) : await readAtMostLater(file, maxBytes);
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

  makeFolder(path: string): Promise<void> {
    return this.#elsewhere.makeFolder(path);
  }

  async create(path: string, content: string, mode: number): Promise<void> {
    if (!this.#isInMemory(dirname(path))) return this.#elsewhere.create(path, content, mode);
    const file = openSync(path, CREATE_FLAGS, mode);
    try {
      // The umask took its share of open's mode.
      fchmodSync(file, mode);
      writeFileSync(file, content);
    } catch (error) {
      removeIfThere(path);
      throw error;
    } finally {
      closeSync(file);
    }
  }

  async syncFile(path: string): Promise<void> {
    if (this.#media.of(dirname(path)) === 'other') return this.#elsewhere.syncFile(path);
    const file = openRegular(path);
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

  async rename(from: string, to: string): Promise<void> {
    if (!this.#isInMemory(dirname(from))) return this.#elsewhere.rename(from, to);
    renameSync(from, to);
  }

  async remove(path: string): Promise<void> {
    if (!this.#isInMemory(dirname(path))) return this.#elsewhere.remove(path);
    unlinkSync(path);
  }

  async resolve(path: string): Promise<string> {
    if (!this.#isInMemory(path)) return this.#elsewhere.resolve(path);
    return realpathSync.native(path);
  }

  #isInMemory(folder: string): boolean {
    return this.#media.of(folder) === 'memory';
  }
}

/** The one call that waits for the device: off the main thread. */
const syncDescriptor = promisify(fsync);

const readDescriptor = promisify(read);

/** A descriptor for reading and syncing. @throws as LinuxDisk does for what is no regular file. */
function openRegular(path: string): number {
  refuseIrregular(path, kindOfStats(lstatSync(path)));
  const file = openSync(path, READ_FLAGS);
  try {
    refuseIrregular(path, kindOfStats(fstatSync(file)));
    return file;
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

/** As readAtMost, off the main thread: on a disk it may wait for the device. */
async function readAtMostLater(file: number, maxBytes: number): Promise<string> {
  const buffer = Buffer.allocUnsafe(maxBytes);
  let total = 0;
  while (total < maxBytes) {
    const { bytesRead } = await readDescriptor(file, buffer, total, maxBytes - total, null);
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
