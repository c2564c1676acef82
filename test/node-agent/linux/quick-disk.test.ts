// What QuickDisk does at once and what it leaves to LinuxDisk; that it is a Disk at all is test/conformance's.
import { createHook } from 'node:async_hooks';
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Disk } from '../../../node-agent/disk.ts';
import { FolderMedia, type Medium } from '../../../node-agent/linux/folder-media.ts';
import { QuickDisk } from '../../../node-agent/linux/quick-disk.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync('/dev/shm/lockstep-quick-');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string) => join(folder, name);

/** Says the same of every folder, and keeps what it was asked about. */
class Everywhere extends FolderMedia {
  readonly asked: string[] = [];
  readonly #medium: Medium;

  constructor(medium: Medium) {
    super();
    this.#medium = medium;
  }

  override of(folder: string): Medium {
    this.asked.push(folder);
    return this.#medium;
  }
}

const diskOn = (medium: Medium) => new QuickDisk(new Everywhere(medium));

/** Whether `call` was done when it returned, no request of it being under way. */
async function isAtOnce(call: () => Promise<unknown>): Promise<boolean> {
  const before = requests();
  const result = call();
  const isDone = requests() === before;
  await result;
  return isDone;
}

function requests(): number {
  return process.getActiveResourcesInfo().filter((name) => name.startsWith('FSReq')).length;
}

/** How many descriptors of this process lead to `prefix`. */
function openDescriptors(prefix = folder): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(prefix);
    } catch {
      return false;
    }
  }).length;
}

/** The flags that `path` is open with in this process, as open(2) has them; undefined: it is not. */
function openFlagsOf(path: string): number | undefined {
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`) !== path) continue;
      const flags = /^flags:\s+([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
      return flags === undefined ? undefined : Number.parseInt(flags, 8);
    } catch {
      // Closed meanwhile.
    }
  }
  return undefined;
}

/** How many requests to a thread of Node's pool `call` begins, one after the other or at once. */
async function hopsOf(call: () => Promise<unknown>): Promise<number> {
  let hops = 0;
  const hook = createHook({
    init: (_id, type) => {
      if (type.startsWith('FSREQ')) hops += 1;
    },
  }).enable();
  try {
    await call();
  } finally {
    hook.disable();
  }
  return hops;
}

/** After the next turn of the loop. */
async function isOver(call: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  const turn = new Promise((resolve) => setImmediate(() => resolve(pending)));
  return (await Promise.race([call.then(() => 'over'), turn])) !== pending;
}

interface Call {
  readonly what: string;
  readonly of: (disk: Disk) => Promise<unknown>;
  /** On which media it is done when it returns. */
  readonly atOnce: readonly Medium[];
}

const calls: readonly Call[] = [
  { what: 'kindOf', of: (disk) => disk.kindOf(at('file')), atOnce: ['memory', 'local'] },
  { what: 'kindOf nothing', of: (disk) => disk.kindOf(at('no')), atOnce: ['memory', 'local'] },
  { what: 'read', of: (disk) => disk.read(at('file'), 65_536), atOnce: ['memory'] },
  { what: 'read of more', of: (disk) => disk.read(at('file'), 65_537), atOnce: [] },
  { what: 'list', of: (disk) => disk.list(folder), atOnce: ['memory'] },
  { what: 'create', of: (disk) => disk.create(at('new'), 'x', 0o644), atOnce: ['memory'] },
  { what: 'createSynced', of: (disk) => disk.createSynced(at('new'), 'x', 0o644), atOnce: ['memory'] },
  { what: 'rename', of: (disk) => disk.rename(at('file'), at('new')), atOnce: ['memory'] },
  { what: 'remove', of: (disk) => disk.remove(at('file')), atOnce: ['memory'] },
  { what: 'resolve', of: (disk) => disk.resolve(folder), atOnce: ['memory', 'local'] },
  { what: 'makeFolder', of: (disk) => disk.makeFolder(at('new')), atOnce: [] },
  { what: 'syncFile', of: (disk) => disk.syncFile(at('file')), atOnce: [] },
  { what: 'syncFolder', of: (disk) => disk.syncFolder(folder), atOnce: [] },
];

describe('QuickDisk', () => {
  for (const { what, of, atOnce } of calls) {
    it(`${what} is done without waiting on ${atOnce.join(' and ') || 'nothing'}`, async () => {
      const found: Medium[] = [];
      for (const medium of ['memory', 'local', 'other'] as const) {
        writeFileSync(at('file'), 'x');
        rmSync(at('new'), { recursive: true, force: true });
        if (await isAtOnce(() => of(diskOn(medium)))) found.push(medium);
      }
      expect(found).toEqual(atOnce);
    });
  }

  it('has looked, read, written, renamed and removed in memory before the call returns', async () => {
    const disk = diskOn('memory');
    writeFileSync(at('file'), 'content');
    const kind = disk.kindOf(at('file'));
    const content = disk.read(at('file'), 100);
    const names = disk.list(folder);
    unlinkSync(at('file'));
    expect(await Promise.all([kind, content, names])).toEqual(['file', 'content', ['file']]);
    const created = disk.create(at('new'), 'new', 0o600);
    expect(readFileSync(at('new'), 'utf8')).toBe('new');
    const renamed = disk.rename(at('new'), at('newer'));
    expect(readdirSync(folder)).toEqual(['newer']);
    const removed = disk.remove(at('newer'));
    expect(readdirSync(folder)).toEqual([]);
    await Promise.all([created, renamed, removed]);
  });

  it('asks about the folder of an entry, and about a folder that is listed or resolved itself', async () => {
    const media = new Everywhere('memory');
    const disk = new QuickDisk(media);
    mkdirSync(at('a'));
    mkdirSync(at('b'));
    await disk.create(at('a/file'), 'x', 0o644);
    await disk.kindOf(at('a/file'));
    await disk.read(at('a/file'), 10);
    await disk.rename(at('a/file'), at('b/file'));
    await disk.remove(at('b/file'));
    await disk.list(at('a'));
    await disk.resolve(at('a'));
    expect(media.asked).toEqual(['a', 'a', 'a', 'a', 'b', 'a', 'a'].map(at));
  });

  it('rejects, and throws nothing at its caller, when a call in memory fails', async () => {
    const disk = diskOn('memory');
    writeFileSync(at('file'), 'x');
    const failing = [
      disk.kindOf(at('file/below')),
      disk.read(at('nothing'), 10),
      disk.list(at('file')),
      disk.create(at('file'), 'y', 0o644),
      disk.rename(at('nothing'), at('file')),
      disk.remove(at('nothing')),
      disk.resolve(at('nothing')),
    ];
    const ends = await Promise.allSettled(failing);
    expect(ends.map((end) => end.status === 'rejected' && end.reason.code)).toEqual([
      'ENOTDIR',
      'ENOENT',
      'ENOTDIR',
      'EEXIST',
      'ENOENT',
      'ENOENT',
      'ENOENT',
    ]);
  });

  it('I9: refuses links, folders, fifos and devices without opening them', async () => {
    const disk = diskOn('memory');
    writeFileSync(at('file'), 'secret');
    symlinkSync(at('file'), at('link'));
    symlinkSync(at('nowhere'), at('dangling'));
    mkdirSync(at('folder'));
    execFileSync('mkfifo', [at('fifo')]);
    // A writer that waits for a reader sees whether the fifo was ever opened.
    const writer = spawn('sh', ['-c', 'touch waits; echo x > fifo; touch opened'], { cwd: folder });
    const ended = new Promise((resolve) => writer.once('close', resolve));
    try {
      await expect.poll(() => existsSync(at('waits')), { timeout: 10_000 }).toBe(true);
      for (const name of ['link', 'dangling']) {
        await expect(disk.read(at(name), 10)).rejects.toMatchObject({ code: 'ELOOP' });
        await expect(disk.syncFile(at(name))).rejects.toMatchObject({ code: 'ELOOP' });
      }
      await expect(disk.read(at('folder'), 10)).rejects.toMatchObject({ code: 'EISDIR' });
      for (let round = 0; round < 50; round += 1) {
        await expect(disk.read(at('fifo'), 10)).rejects.toMatchObject({ code: 'EINVAL' });
        await expect(disk.syncFile(at('fifo'))).rejects.toMatchObject({ code: 'EINVAL' });
        // The writer needs its turns.
        await setTimeout(1);
      }
      await expect(disk.read('/dev/zero', 10)).rejects.toThrow(
        'expected a regular file at /dev/zero, found a fifo, device or socket',
      );
      // One whose reader left at once is ended by SIGPIPE.
      expect([existsSync(at('opened')), writer.exitCode, writer.signalCode]).toEqual([false, null, null]);
    } finally {
      writer.kill('SIGKILL');
      await ended;
    }
  });

  it('reads in memory up to a bound in bytes, what has no size beforehand too', async () => {
    const disk = diskOn('memory');
    writeFileSync(at('file'), 'x'.repeat(200_000));
    for (const maxBytes of [0, 1, 65_536, 65_537]) {
      expect(await disk.read(at('file'), maxBytes)).toBe('x'.repeat(maxBytes));
    }
    expect(await disk.read('/proc/sys/kernel/ostype', 100)).toBe('Linux\n');
  });

  it('reads on a local disk up to a bound in bytes, and no further than the file was when it was opened', async () => {
    const disk = diskOn('local');
    writeFileSync(at('file'), 'x'.repeat(200_000));
    writeFileSync(at('short'), 'content');
    writeFileSync(at('empty'), '');
    for (const maxBytes of [0, 1, 65_536, 65_537]) {
      expect(await disk.read(at('file'), maxBytes)).toBe('x'.repeat(maxBytes));
    }
    expect(await disk.read(at('short'), 65_536)).toBe('content');
    expect(await disk.read(at('empty'), 65_536)).toBe('');
    const reading = disk.read(at('short'), 65_536);
    appendFileSync(at('short'), ', and more');
    expect(await reading).toBe('content');
  });

  it.each(['memory', 'local', 'other'] as const)(
    'creates, synced, with exactly the mode, whatever the umask takes of it: on %s',
    async (medium) => {
      for (const umask of [0o000, 0o022, 0o077]) {
        const before = process.umask(umask);
        await diskOn(medium).createSynced(at(`file-${umask}`), 'ä'.repeat(100_000), 0o644);
        process.umask(before);
        expect(statSync(at(`file-${umask}`)).mode & 0o7777).toBe(0o644);
        expect(readFileSync(at(`file-${umask}`), 'utf8')).toBe('ä'.repeat(100_000));
      }
    },
  );

  it('I1: has every write on a local disk synced before it returns (O_SYNC)', async () => {
    const path = at('file');
    const creating = diskOn('local').createSynced(path, 'content', 0o644);
    // Between the call that opens and the call that writes there is a turn of the loop, and the next one ends here.
    let flags: number | undefined;
    while (flags === undefined && !(await isOver(creating))) flags = openFlagsOf(path);
    await creating;
    expect((flags ?? 0) & constants.O_SYNC).toBe(constants.O_SYNC);
  });

  it.each([
    { what: 'kindOf', of: (disk: Disk) => disk.kindOf(at('file')), hops: 0 },
    { what: 'resolve', of: (disk: Disk) => disk.resolve(folder), hops: 0 },
    { what: 'read', of: (disk: Disk) => disk.read(at('file'), 65_536), hops: 1 },
    { what: 'syncFile', of: (disk: Disk) => disk.syncFile(at('file')), hops: 1 },
    { what: 'syncFolder', of: (disk: Disk) => disk.syncFolder(folder), hops: 1 },
    { what: 'rename', of: (disk: Disk) => disk.rename(at('file'), at('new')), hops: 1 },
    { what: 'createSynced', of: (disk: Disk) => disk.createSynced(at('new'), 'x', 0o600), hops: 2 },
  ])('takes $hops hops to a thread on a local disk: $what', async ({ of, hops }) => {
    const disk = diskOn('local');
    writeFileSync(at('file'), 'content');
    expect(await hopsOf(() => of(disk))).toBe(hops);
  });

  it('tells the version of a folder once its last change is 3 s old, and that of nothing that is not known to be local', async () => {
    let nowMs = Date.now();
    const on = (medium: Medium) => new QuickDisk(new Everywhere(medium), () => nowMs);
    mkdirSync(at('a'));
    const changedMs = statSync(at('a')).ctimeMs;
    nowMs = changedMs + 2_990;
    expect(await on('local').folderVersion(at('a'))).toBeUndefined();
    nowMs = changedMs + 3_001;
    const version = await on('local').folderVersion(at('a'));
    expect(version).toBeTypeOf('string');
    expect(await on('memory').folderVersion(at('a'))).toBe(version);
    expect(await on('other').folderVersion(at('a'))).toBeUndefined();
    // The clock was set back: what seems to be of the future may change again at that time.
    nowMs = changedMs - 60_000;
    expect(await on('local').folderVersion(at('a'))).toBeUndefined();
  });

  it('keeps the version of a folder in which only contents changed', async () => {
    const disk = new QuickDisk(new Everywhere('local'), () => Date.now() + 60_000);
    writeFileSync(at('file'), 'x');
    const version = await disk.folderVersion(folder);
    appendFileSync(at('file'), 'y');
    await disk.syncFolder(folder);
    expect([version, await disk.folderVersion(folder)]).toEqual([expect.any(String), version]);
    expect(await hopsOf(() => disk.folderVersion(folder))).toBe(0);
  });

  it('waits for the first answer before it tells a version: at each change it would be the first', async () => {
    const disk = new QuickDisk(new FolderMedia(), () => Date.now() + 60_000);
    expect(await disk.folderVersion(folder)).toBeTypeOf('string');
    await expect(disk.folderVersion(at('nothing'))).resolves.toBeUndefined();
  });

  it('knows a folder that it made, before anything is written in it', async () => {
    const disk = new QuickDisk();
    await disk.makeFolder(at('made'));
    expect(await hopsOf(() => disk.createSynced(at('made/file'), 'content', 0o644))).toBe(0);
  });

  it('leaves no descriptor open, whatever happens', async () => {
    const local = diskOn('local');
    writeFileSync(at('there'), 'x');
    for (let round = 0; round < 20; round += 1) {
      await local.createSynced(at(`local-${round}`), 'x', 0o600);
      await Promise.allSettled([
        local.createSynced(at('there'), 'x', 0o644),
        local.createSynced(at('no/file'), 'x', 0o644),
      ]);
    }
    expect(openDescriptors()).toBe(0);
    const disk = diskOn('memory');
    writeFileSync(at('file'), 'x');
    symlinkSync(at('file'), at('link'));
    for (let round = 0; round < 20; round += 1) {
      await disk.read(at('file'), 10);
      await disk.create(at(`new-${round}`), 'x', 0o644);
      await Promise.allSettled([
        disk.read(at('link'), 10),
        disk.read(folder, 10),
        disk.create(at('file'), 'x', 0o644),
        disk.create(at('no/file'), 'x', 0o644),
        disk.syncFile(at('link')),
        disk.syncFile(folder),
        disk.syncFolder(at('file')),
      ]);
      await disk.syncFile(at('file'));
      await disk.syncFolder(folder);
      // A regular file, opened without complaint, whose first byte can't be read.
      await expect(disk.read('/proc/self/mem', 10)).rejects.toMatchObject({ code: 'EIO' });
      await expect(disk.syncFile('/proc/self/mem')).rejects.toMatchObject({ code: 'EINVAL' });
      await expect(disk.syncFolder('/proc/self')).rejects.toMatchObject({ code: 'EINVAL' });
    }
    expect(openDescriptors()).toBe(0);
    expect(openDescriptors(`/proc/${process.pid}`)).toBe(0);
  });

  it.each([
    ['memory', 'create'],
    ['memory', 'createSynced'],
    ['local', 'createSynced'],
  ] as const)('removes the half-made file when %s is full, and closes it: %s', (medium, call) => {
    expect(createWithFileSizeLimit(at('file'), medium, call)).toBe('EFBIG, 0 open');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('with the media it asks itself: never waits for the first answer, and is at once after it', async () => {
    const disk = new QuickDisk();
    writeFileSync(at('file'), 'x');
    const isQuick = () => isAtOnce(() => disk.kindOf(at('file')));
    expect(await isQuick()).toBe(false);
    await expect.poll(isQuick, { timeout: 10_000 }).toBe(true);
    // Another folder is another question.
    renameSync(folder, `${folder}-moved`);
    folder = `${folder}-moved`;
    expect(await isQuick()).toBe(false);
  });
});

/** A limit on file sizes stands in for full memory: the write ends early, then fails. Needs its own process. */
function createWithFileSizeLimit(path: string, medium: Medium, call: 'create' | 'createSynced'): string {
  const source = (name: string) =>
    JSON.stringify(join(import.meta.dirname, `../../../node-agent/linux/${name}.ts`));
  const script = `
    import { readdirSync, readlinkSync } from 'node:fs';
    import { QuickDisk } from ${source('quick-disk')};
    import { FolderMedia } from ${source('folder-media')};
    process.on('SIGXFSZ', () => {});
    const path = process.argv[1];
    const media = new FolderMedia();
    media.of = () => '${medium}';
    const code = await new QuickDisk(media).${call}(path, 'x'.repeat(100_000), 0o644).then(() => 'none', (error) => error.code);
    const linkOf = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } };
    const open = readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(path));
    process.stdout.write(code + ', ' + open.length + ' open');`;
  const command = `ulimit -f 16; exec ${process.execPath} --input-type=module -e "$0" "$1"`;
  return execFileSync('sh', ['-c', command, script, path], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}
