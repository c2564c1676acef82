import { execFileSync } from 'node:child_process';
import { chmodSync, linkSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Disk } from '../../node-agent/disk.ts';
import { LinuxDisk } from '../../node-agent/linux/disk.ts';
import { FolderMedia, type Medium } from '../../node-agent/linux/folder-media.ts';
import { QuickDisk } from '../../node-agent/linux/quick-disk.ts';
import { Prng } from '../simulation/world/prng.ts';
import { SimClock } from '../simulation/world/sim-clock.ts';
import { SimDisk } from '../simulation/world/sim-disk.ts';
import { SimProcess } from '../simulation/world/sim-process.ts';
import { type DiskUnderTest, describeDiskConformance } from './disk.ts';

/** Says so of every folder, from the first look on. */
class AllInMemory extends FolderMedia {
  override of(): Medium {
    return 'memory';
  }
}
const ALL_IN_MEMORY = new AllInMemory();

/** Likewise. */
class AllLocal extends FolderMedia {
  override of(): Medium {
    return 'local';
  }
}

describeDiskConformance('LinuxDisk', () => onDisk(tmpdir(), new LinuxDisk()));
describeDiskConformance('QuickDisk, on its tmpfs', () => onDisk('/dev/shm', new QuickDisk(ALL_IN_MEMORY)));
describeDiskConformance('QuickDisk, on a local disk', () => onDisk(tmpdir(), new QuickDisk(new AllLocal())));
describeDiskConformance('QuickDisk, on a local disk, long after each change', () =>
  onDisk(tmpdir(), laterDisk(new AllLocal())),
);
describeDiskConformance('QuickDisk, elsewhere', () => onDisk(tmpdir(), new QuickDisk()));

describeDiskConformance('SimDisk', () => simulated('/etc/conformance'));
describeDiskConformance('SimDisk, on its tmpfs', () => simulated('/run/conformance'));

/** Takes what changed just now for long unchanged: ticks of this machine's clock are shorter than a call takes. */
function laterDisk(media: FolderMedia): QuickDisk {
  return new QuickDisk(media, () => Date.now() + 60_000);
}

function onDisk(parent: string, disk: Disk): DiskUnderTest {
  const root = mkdtempSync(join(parent, 'lockstep-disk-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  return {
    disk,
    root,
    symlink: (target, path) => symlinkSync(target, path),
    hardLink: (existing, path) => linkSync(existing, path),
    chmod: (path, mode) => chmodSync(path, mode),
    mkfifo: (path) => {
      execFileSync('mkfifo', [path]);
    },
    contentOf: (path) => readFileSync(path, 'utf8'),
    modeOf: (path) => statSync(path).mode & 0o7777,
  };
}

function simulated(root: string): DiskUnderTest {
  const clock = new SimClock();
  const sim = new SimDisk(clock, new Prng('conformance'));
  sim.byHand.mkdir(root);
  return {
    disk: inRealTime(sim.for(new SimProcess('test', clock)), clock),
    root,
    symlink: (target, path) => sim.byHand.link(target, path),
    hardLink: (existing, path) => sim.byHand.hardLink(existing, path),
    chmod: (path, mode) => sim.byHand.chmod(path, mode),
    mkfifo: (path) => sim.byHand.mkfifo(path),
    contentOf: (path) => sim.contentNow(path) ?? 'no file',
    modeOf: (path) => sim.modeNow(path),
  };
}

/** The simulated disk with a clock that runs by itself as long as a call is under way. */
function inRealTime(disk: Disk, clock: SimClock): Disk {
  let last: Promise<unknown> = Promise.resolve();
  const waited = <T>(begin: () => Promise<T>): Promise<T> => {
    const ended = last.then(async () => {
      const [[result]] = await Promise.all([Promise.allSettled([begin()]), clock.runFor(1_000)]);
      if (result.status === 'rejected') throw result.reason;
      return result.value;
    });
    last = ended.catch(() => undefined);
    return ended;
  };
  return {
    kindOf: (path) => waited(() => disk.kindOf(path)),
    entryOf: (path) => waited(() => disk.entryOf(path)),
    read: (path, maxBytes) => waited(() => disk.read(path, maxBytes)),
    list: (path) => waited(() => disk.list(path)),
    makeFolder: (path) => waited(() => disk.makeFolder(path)),
    create: (path, content, mode) => waited(() => disk.create(path, content, mode)),
    createSynced: (path, content, mode) => waited(() => disk.createSynced(path, content, mode)),
    syncFile: (path) => waited(() => disk.syncFile(path)),
    syncFolder: (path) => waited(() => disk.syncFolder(path)),
    folderVersion: (path) => waited(() => disk.folderVersion(path)),
    rename: (from, to) => waited(() => disk.rename(from, to)),
    remove: (path) => waited(() => disk.remove(path)),
    resolve: (path) => waited(() => disk.resolve(path)),
  };
}
