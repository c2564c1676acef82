// The disk adapter on real folders: whatever stands there, nothing but regular files is opened, and nothing is left out in silence.
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { DiskManifestFiles } from '../../../controller/manifests/disk-manifest-files.ts';
import { BOUNDS } from '../../../controller/manifests/folder-walk.ts';
import type { FolderListing, ListedFile } from '../../../controller/manifests/manifest-files.ts';
import { tempFolder } from '../fixtures/temp-folder.ts';

let root: string;
let files: DiskManifestFiles;

beforeEach(() => {
  root = join(tempFolder(), 'm');
  mkdirSync(root);
  files = new DiskManifestFiles(root);
});

const going = new AbortController().signal;

function put(file: string, content: string | Uint8Array = 'x'): string {
  const path = join(root, file);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

async function listed(): Promise<FolderListing> {
  const listing = await files.list(going);
  if (listing.kind === 'problem') throw new Error(listing.why);
  return listing;
}

const names = async () => (await listed()).files.map(({ file }) => file);
const left = async () => (await listed()).unreadable.map(({ why }) => why);

async function problem(): Promise<string> {
  const listing = await files.list(going);
  return listing.kind === 'problem' ? listing.why : 'none';
}

async function only(): Promise<ListedFile> {
  const [file] = (await listed()).files;
  if (file === undefined) throw new Error('expected a file');
  return file;
}

describe('a look at the folder', () => {
  it('finds manifests by their ending, in folders too, by name, but nothing hidden', async () => {
    for (const file of [
      'b.yml',
      'a.yaml',
      'sub/deep/c.json',
      '.hidden.yaml',
      '.git/d.yaml',
      'README.md',
      'yaml',
    ])
      put(file);
    expect(await names()).toEqual(['a.yaml', 'b.yml', 'sub/deep/c.json']);
    expect(await left()).toEqual([]);
  });

  it('follows a link to a file, and a folder that is a link and is swapped', async () => {
    const first = join(root, '../first');
    const second = join(root, '../second');
    for (const folder of [first, second]) mkdirSync(folder);
    writeFileSync(join(first, 'one.yaml'), 'x');
    writeFileSync(join(second, '.file'), 'x');
    symlinkSync('.file', join(second, 'two.yaml'));
    const link = join(root, '../link');
    symlinkSync('first', link);
    files = new DiskManifestFiles(link);
    expect(await names()).toEqual(['one.yaml']);
    symlinkSync('second', `${link}.new`);
    renameSync(`${link}.new`, link);
    expect(await names()).toEqual(['two.yaml']);
    expect(await files.read(await only())).toMatchObject({ kind: 'bytes' });
  });

  it('follows the links of a mounted ConfigMap, and sees it swapped', async () => {
    const swapTo = (version: string, content: string) => {
      put(`..${version}/a.yaml`, content);
      symlinkSync(`..${version}`, join(root, '..data_tmp'));
      renameSync(join(root, '..data_tmp'), join(root, '..data'));
    };
    const content = async () => {
      const found = await files.read(await only());
      return found.kind === 'bytes' ? Buffer.from(found.bytes).toString() : found.kind;
    };
    swapTo('2026_1', 'one');
    symlinkSync('..data/a.yaml', join(root, 'a.yaml'));
    expect(await names()).toEqual(['a.yaml']);
    expect(await content()).toBe('one');
    const before = await only();
    swapTo('2026_2', 'two');
    rmSync(join(root, '..2026_1'), { recursive: true });
    expect(await files.read(before)).toEqual({ kind: 'changed' });
    expect(await content()).toBe('two');
    expect(await left()).toEqual([]);
  });

  it('I10 reads no file in whose place a link was put since it was listed', async () => {
    const path = put('a.yaml');
    const before = await only();
    rmSync(path);
    symlinkSync('/etc/passwd', path);
    expect(await files.read(before)).toEqual({ kind: 'changed' });
  });

  it.each<[string, (path: string) => void, string]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path]), 'a regular file, found a pipe, socket or device'],
    [
      'a link to a device',
      (path) => symlinkSync('/dev/zero', path),
      'a file of this folder, found a link that leads out of it: put the file itself here',
    ],
    [
      'a link to a file elsewhere',
      (path) => symlinkSync('/etc/passwd', path),
      'a file of this folder, found a link that leads out of it: put the file itself here',
    ],
    [
      'a link to a file beside the folder, whose name begins as its own',
      (path) => {
        writeFileSync(`${root}-secret`, 'x');
        symlinkSync('../m-secret', path);
      },
      'a file of this folder, found a link that leads out of it: put the file itself here',
    ],
    [
      'a link to a link that leads out',
      (path) => {
        symlinkSync('/etc/passwd', join(root, '.out'));
        symlinkSync('.out', path);
      },
      'a file of this folder, found a link that leads out of it: put the file itself here',
    ],
    [
      'a link that leads nowhere',
      (path) => symlinkSync('nowhere', path),
      'a file, found a link that leads nowhere',
    ],
    ['a link to itself', (path) => symlinkSync('x.yaml', path), 'a file, found links that lead in a circle'],
  ])('I10 leaves out %s, and says so', async (_name, make, found) => {
    put('good.yaml');
    make(join(root, 'x.yaml'));
    expect(await left()).toEqual([`x.yaml: expected ${found}`]);
    expect(await names()).toEqual(['good.yaml']);
  });

  it('I10 leaves out a file that is too large, and says so', async () => {
    truncateSync(put('big.yaml'), BOUNDS.fileBytes + 1);
    truncateSync(put('full.yaml'), BOUNDS.fileBytes);
    expect(await left()).toEqual([
      'big.yaml: expected at most 1048576 bytes, found 1048577: put its hosts into several files',
    ]);
    expect(await names()).toEqual(['full.yaml']);
  });

  it('I10 leaves out the same files at each look when they are too much together', async () => {
    const count = BOUNDS.totalBytes / BOUNDS.fileBytes + 2;
    for (let at = 0; at < count; at += 1) truncateSync(put(`f${10 + at}.yaml`), BOUNDS.fileBytes);
    const { unreadable } = await listed();
    expect(unreadable.map(({ file }) => file)).toEqual(['f42.yaml', 'f43.yaml']);
    expect(await left()).toEqual(unreadable.map(({ why }) => why));
  });

  it('I10 follows no link to a folder, so that no circle has an end to be found', async () => {
    put('sub/a.yaml');
    symlinkSync('..', join(root, 'sub/up'));
    expect(await names()).toEqual(['sub/a.yaml']);
    expect(await left()).toEqual([
      'sub/up/: expected a folder, found a link to one: such links are not followed, put the folder itself here',
    ]);
  });

  it('I10 looks only so deep, and says where it ended', async () => {
    const deep = Array.from({ length: BOUNDS.depth + 1 }, (_, index) => `d${index}`).join('/');
    put(`${dirname(deep)}/seen.yaml`);
    put(`${deep}/unseen.yaml`);
    expect(await names()).toEqual([`${dirname(deep)}/seen.yaml`]);
    expect(await left()).toEqual([`${deep}/: expected at most 16 folders inside each other, found one more`]);
  });

  it('I10 leaves out names that no message or annotation could carry', async () => {
    put('new\nline.yaml');
    writeFileSync(Buffer.concat([Buffer.from(`${root}/a`), Buffer.from([0xff]), Buffer.from('.yaml')]), 'x');
    const long = Array.from({ length: 5 }, () => 'n'.repeat(250)).join('/');
    put(`${long}/x.yaml`);
    expect(await left()).toEqual([
      'a\uFFFD.yaml: expected a name in UTF-8, found other bytes',
      'new\uFFFDline.yaml: expected a name without control characters, found some',
      `${long}/: expected a name of at most 1024 characters, found 1254`,
    ]);
    expect(await names()).toEqual([]);
  });

  it.each([
    [{ files: 2 }, 'expected at most 2 manifest files, found more'],
    [{ folders: 2 }, 'expected at most 2 folders, found more'],
    [{ entries: 5 }, 'expected at most 5 entries of folders, found more'],
  ])('I10 takes nothing at all of a folder beyond %j', async (bounds, found) => {
    for (const file of ['a/1.yaml', 'b/2.yaml', 'b/3.yaml', 'b/README']) put(file);
    files = new DiskManifestFiles(root, { ...BOUNDS, ...bounds });
    expect(await problem()).toBe(found);
    files = new DiskManifestFiles(root, { ...BOUNDS, files: 3, folders: 3, entries: 6 });
    expect(await names()).toEqual(['a/1.yaml', 'b/2.yaml', 'b/3.yaml']);
  });

  it.each<[string, () => void, string]>([
    ['is missing', () => rmSync(root, { recursive: true }), 'expected a folder, found nothing'],
    [
      'is a file',
      () => {
        rmSync(root, { recursive: true });
        writeFileSync(root, '');
      },
      'expected a folder, found a file',
    ],
    [
      'is a link in a circle',
      () => {
        rmSync(root, { recursive: true });
        symlinkSync('m', root);
      },
      'expected a folder, found links that lead in a circle',
    ],
  ])('I4 knows nothing of a folder that %s, and sees it again', async (_name, spoil, found) => {
    spoil();
    expect(await problem()).toBe(found);
    rmSync(root, { force: true });
    mkdirSync(root);
    expect(await names()).toEqual([]);
  });

  it.skipIf(process.getuid?.() === 0)(
    'I4 tells a folder that may not be read from an empty one',
    async () => {
      put('sub/a.yaml');
      chmodSync(join(root, 'sub'), 0);
      expect(await left()).toMatchObject([
        expect.stringMatching(/^sub\/: expected a folder that can be read/),
      ]);
      chmodSync(join(root, 'sub'), 0o700);
      chmodSync(root, 0);
      expect(await problem()).toMatch(/permission denied/);
      chmodSync(root, 0o700);
    },
  );

  it('ends when it is told to', async () => {
    put('a.yaml');
    await expect(files.list(AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
  });
});

describe('the version of a file', () => {
  it('is the same while nothing is written', async () => {
    put('a.yaml');
    const { version } = await only();
    expect((await only()).version).toBe(version);
  });

  it.each<[string, (path: string) => void]>([
    [
      'written with its size and times kept',
      (path) => {
        writeFileSync(path, 'y');
        utimesSync(path, 1, 1);
      },
    ],
    [
      'replaced',
      (path) => {
        writeFileSync(`${path}~`, 'x');
        renameSync(`${path}~`, path);
      },
    ],
  ])('is another one once it was %s', async (_name, change) => {
    const path = put('a.yaml');
    utimesSync(path, 1, 1);
    const { version } = await only();
    // ctime has the kernel's ticks: write until it moves.
    let now = version;
    for (let turn = 0; turn < 1_000 && now === version; turn += 1) {
      change(path);
      now = (await only()).version;
    }
    expect(now).not.toBe(version);
  });
});

describe('a file that is read', () => {
  it('gives its bytes', async () => {
    put('a.yaml', new Uint8Array([1, 255, 3]));
    expect(await files.read(await only())).toEqual({ kind: 'bytes', bytes: Buffer.from([1, 255, 3]) });
  });

  it.each<[string, (path: string) => void]>([
    ['gone', (path) => rmSync(path)],
    ['longer', (path) => writeFileSync(path, 'longer')],
    [
      'a folder',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
    ],
    [
      'a pipe that nobody writes to',
      (path) => {
        rmSync(path);
        execFileSync('mkfifo', [path]);
      },
    ],
    [
      'a link that leads nowhere',
      (path) => {
        rmSync(path);
        symlinkSync('nowhere', path);
      },
    ],
  ])('I10 is told as changed when it is %s since it was listed', async (_name, change) => {
    const path = put('a.yaml');
    const file = await only();
    change(path);
    expect(await files.read(file)).toEqual({ kind: 'changed' });
  });
});
