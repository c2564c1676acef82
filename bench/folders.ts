// Folders of a measurement's own: one on a disk, for what must survive a power cut, one in memory, for what a reboot takes away.
import { accessSync, constants, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FileSystems, fileSystemOf } from './machine.ts';

/** Where distributions have tmpfs for everybody; /run, where the volatile flag lies in production, is root's. */
const MEMORY = '/dev/shm';
/** FHS: kept over reboots, so on a disk, where /tmp may be none. */
const DISK = '/var/tmp';

export class Folders {
  /** Short: sockets lie in it. */
  readonly disk: string;
  readonly memory: string;

  constructor() {
    this.disk = make(parents().disk);
    this.memory = make(parents().memory);
  }

  remove(): void {
    for (const folder of [this.disk, this.memory]) rmSync(folder, { recursive: true, force: true });
  }
}

/** One on a disk, for whoever keeps it longer than a measurement lasts. */
export function makeDiskFolder(): string {
  return make(parents().disk);
}

/** What the folders' figures depend on. */
export function fileSystems(): FileSystems {
  const mounts = readFileSync('/proc/self/mounts', 'utf8');
  const { disk, memory } = parents();
  return { disk: fileSystemOf(mounts, disk), memory: fileSystemOf(mounts, memory) };
}

function parents(): { readonly disk: string; readonly memory: string } {
  const disk = realpathSync(isWritable(DISK) ? DISK : tmpdir());
  return { disk, memory: isWritable(MEMORY) ? MEMORY : disk };
}

function make(parent: string): string {
  return mkdtempSync(join(parent, 'ls-bench-'));
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
