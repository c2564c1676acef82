import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { LinuxDisk } from '../../../node-agent/linux/disk.ts';

const disk = new LinuxDisk();
let folder: string;

beforeEach(() => {
  folder = mkdtempSync('/tmp/ls-disk-');
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string) => join(folder, name);

async function makeFifo(path: string): Promise<void> {
  const made = spawn('mkfifo', [path], { stdio: 'ignore' });
  await new Promise((resolve) => made.once('exit', resolve));
}

/** How many descriptors of this process lead into the test's folder. */
function openDescriptors(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(folder);
    } catch {
      return false;
    }
  }).length;
}

async function appears(path: string): Promise<void> {
  for (const deadline = Date.now() + 10_000; !existsSync(path); await setTimeout(5)) {
    if (Date.now() > deadline) throw new Error(`${path} did not appear within 10 s`);
  }
}

function withUmask(mask: number): void {
  const before = process.umask(mask);
  onTestFinished(() => {
    process.umask(before);
  });
}

describe('kindOf', () => {
  it('tells files, folders, links, fifos, devices and sockets apart, never following a link', async () => {
    writeFileSync(at('file'), '');
    mkdirSync(at('folder'));
    symlinkSync(at('file'), at('link'));
    symlinkSync(at('nowhere'), at('dangling'));
    await makeFifo(at('fifo'));
    const server = createServer().listen(at('socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(() => {
      server.close();
    });
    const names = ['file', 'folder', 'link', 'dangling', 'fifo', 'socket', 'nothing', 'no/such/folder'];
    const kinds = await Promise.all(names.map((name) => disk.kindOf(at(name))));
    expect(kinds).toEqual(['file', 'folder', 'link', 'link', 'other', 'other', 'absent', 'absent']);
    expect(await disk.kindOf('/dev/null')).toBe('other');
  });

  it('throws where it can not tell, so that unknown is never taken for absent', async () => {
    writeFileSync(at('file'), '');
    await expect(disk.kindOf(at('file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(disk.kindOf(at('x'.repeat(300)))).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
  });
});

describe('read', () => {
  it('gives the content, and at most maxBytes of it', async () => {
    writeFileSync(at('file'), 'x'.repeat(200_000));
    expect((await disk.read(at('file'), 1_000_000)).length).toBe(200_000);
    expect(await disk.read(at('file'), 10)).toBe('xxxxxxxxxx');
    expect(await disk.read(at('file'), 0)).toBe('');
  });

  it('reads a file whose size is not known beforehand', async () => {
    expect(await disk.read('/proc/sys/kernel/ostype', 100)).toBe('Linux\n');
  });

  it('throws ENOENT when nothing is there', async () => {
    await expect(disk.read(at('nothing'), 10)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('I9: refuses links, folders, fifos and devices without opening them', async () => {
    writeFileSync(at('file'), 'secret');
    symlinkSync(at('file'), at('link'));
    mkdirSync(at('folder'));
    await makeFifo(at('fifo'));
    // A writer that waits for a reader sees whether the fifo was ever opened.
    const writer = spawn('sh', ['-c', 'touch waits; echo x > fifo; touch opened'], { cwd: folder });
    onTestFinished(() => {
      writer.kill('SIGKILL');
    });
    await appears(at('waits'));
    await expect(disk.read(at('link'), 10)).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(disk.read(at('folder'), 10)).rejects.toMatchObject({ code: 'EISDIR' });
    for (let round = 0; round < 50; round++) {
      await expect(disk.read(at('fifo'), 10)).rejects.toMatchObject({ code: 'EINVAL' });
    }
    await expect(disk.read('/dev/zero', 10)).rejects.toThrow(/expected a regular file at \/dev\/zero, found/);
    await expect(disk.syncFile(at('fifo'))).rejects.toMatchObject({ code: 'EINVAL' });
    await expect(disk.syncFile(at('link'))).rejects.toMatchObject({ code: 'ELOOP' });
    expect(existsSync(at('opened'))).toBe(false);
  });

  it('leaves no descriptor open, whatever happens', async () => {
    writeFileSync(at('file'), 'x');
    symlinkSync(at('file'), at('link'));
    for (let round = 0; round < 20; round++) {
      await disk.read(at('file'), 10);
      await disk.syncFile(at('file'));
      await disk.syncFolder(folder);
      await disk.create(at(`new-${round}`), 'x', 0o644);
      await Promise.allSettled([
        disk.read(at('link'), 10),
        disk.read(folder, 10),
        disk.create(at('file'), 'x', 0o644),
        disk.syncFolder(at('file')),
      ]);
    }
    expect(openDescriptors()).toBe(0);
  });
});

describe('create', () => {
  it('writes exactly this content with exactly this mode, whatever the umask', async () => {
    withUmask(0o077);
    const content = 'ä'.repeat(500_000);
    await disk.create(at('file'), content, 0o644);
    expect(statSync(at('file')).mode & 0o7777).toBe(0o644);
    expect(readFileSync(at('file'), 'utf8')).toBe(content);
  });

  it('throws EEXIST whatever stands there, and leaves it as it is', async () => {
    writeFileSync(at('file'), 'mine');
    symlinkSync(at('target'), at('link'));
    mkdirSync(at('folder'));
    for (const name of ['file', 'link', 'folder']) {
      await expect(disk.create(at(name), 'x', 0o644)).rejects.toMatchObject({ code: 'EEXIST' });
    }
    expect(readFileSync(at('file'), 'utf8')).toBe('mine');
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder', 'link']);
  });

  it('throws ENOENT when the folder is missing', async () => {
    await expect(disk.create(at('no/file'), 'x', 0o644)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('removes the half-made file when the disk is full', async () => {
    await runWithFileSizeLimit(at('file'));
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('makeFolder', () => {
  it('makes each level 0755 whatever the umask', async () => {
    withUmask(0o077);
    await disk.makeFolder(at('a/b/c'));
    for (const path of ['a', 'a/b', 'a/b/c']) expect(statSync(at(path)).mode & 0o777).toBe(0o755);
  });

  it('changes nothing that is there, a link to a folder included', async () => {
    mkdirSync(at('real'), { mode: 0o700 });
    chmodSync(at('real'), 0o700);
    symlinkSync(at('real'), at('link'));
    await disk.makeFolder(at('real'));
    await disk.makeFolder(at('link/below'));
    expect(statSync(at('real')).mode & 0o777).toBe(0o700);
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
    expect(statSync(at('real/below')).isDirectory()).toBe(true);
  });

  it('may be asked twice at once', async () => {
    await Promise.all([disk.makeFolder(at('a/b/c')), disk.makeFolder(at('a/b/c'))]);
    expect(statSync(at('a/b/c')).isDirectory()).toBe(true);
  });

  it('throws where a file or a link to nowhere stands in the way', async () => {
    writeFileSync(at('file'), '');
    symlinkSync(at('nowhere'), at('dangling'));
    await expect(disk.makeFolder(at('file'))).rejects.toMatchObject({ code: 'EEXIST' });
    await expect(disk.makeFolder(at('file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
    await expect(disk.makeFolder(at('dangling/below'))).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

describe('the rest', () => {
  it('lists names, and nothing for a folder that is absent', async () => {
    writeFileSync(at('b'), '');
    writeFileSync(at('a'), '');
    expect([...(await disk.list(folder))].sort()).toEqual(['a', 'b']);
    expect(await disk.list(at('nothing'))).toEqual([]);
    await expect(disk.list(at('a'))).rejects.toMatchObject({ code: 'ENOTDIR' });
  });

  it('renames over a file or link, not over a folder', async () => {
    writeFileSync(at('new'), 'new');
    symlinkSync(at('elsewhere'), at('old'));
    await disk.rename(at('new'), at('old'));
    expect(readFileSync(at('old'), 'utf8')).toBe('new');
    mkdirSync(at('folder'));
    await expect(disk.rename(at('old'), at('folder'))).rejects.toMatchObject({ code: 'EISDIR' });
  });

  it('removes the entry itself: a link, never its target; never a folder', async () => {
    writeFileSync(at('target'), '');
    symlinkSync(at('target'), at('link'));
    await disk.remove(at('link'));
    expect(readdirSync(folder)).toEqual(['target']);
    mkdirSync(at('folder'));
    await expect(disk.remove(at('folder'))).rejects.toMatchObject({ code: 'EISDIR' });
    await expect(disk.remove(at('nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('resolves every link of a path', async () => {
    mkdirSync(at('real'));
    symlinkSync(at('real'), at('link'));
    expect(await disk.resolve(at('link'))).toBe(at('real'));
    await expect(disk.resolve(at('nothing'))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

/** A limit on file sizes stands in for a full disk: the write ends early, then fails. Needs its own process. */
async function runWithFileSizeLimit(path: string): Promise<void> {
  const script = `
    import { LinuxDisk } from ${JSON.stringify(join(import.meta.dirname, '../../../node-agent/linux/disk.ts'))};
    process.on('SIGXFSZ', () => {});
    const code = await new LinuxDisk().create(process.argv[1], 'x'.repeat(100_000), 0o644).then(() => 'none', (error) => error.code);
    process.exitCode = code === 'EFBIG' ? 0 : 1;
    console.error(code);`;
  const command = `ulimit -f 16; exec ${process.execPath} --input-type=module -e "$0" "$1"`;
  const child = spawn('sh', ['-c', command, script, path], { stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (data) => {
    output += data;
  });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  expect({ code, output }).toMatchObject({ code: 0 });
}
