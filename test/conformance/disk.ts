// What every Disk must do, the real one and the simulated one alike: what the simulation proves holds only as far as the two agree.
import { describe, expect, it } from 'vitest';
import type { Disk } from '../../node-agent/disk.ts';

/** A Disk, an empty folder on it, and the hands of a person who is there too. */
export interface DiskUnderTest {
  readonly disk: Disk;
  readonly root: string;
  symlink(target: string, path: string): void;
  hardLink(existing: string, path: string): void;
  chmod(path: string, mode: number): void;
  mkfifo(path: string): void;
  contentOf(path: string): string;
  modeOf(path: string): number;
}

/** @param makeDisk a new folder each time; it clears up after itself. */
export function describeDiskConformance(name: string, makeDisk: () => DiskUnderTest): void {
  describe(`${name} as a Disk`, () => {
    it('tells files, folders, links and fifos apart and follows no link', async () => {
      const { disk, root, symlink, mkfifo } = makeDisk();
      await disk.create(`${root}/file`, 'x', 0o644);
      await disk.makeFolder(`${root}/folder`);
      symlink(`${root}/file`, `${root}/link`);
      symlink(`${root}/nowhere`, `${root}/dangling`);
      mkfifo(`${root}/fifo`);
      const kinds = ['file', 'folder', 'link', 'dangling', 'fifo', 'nothing'].map((entry) =>
        disk.kindOf(`${root}/${entry}`),
      );
      expect(await Promise.all(kinds)).toEqual(['file', 'folder', 'link', 'link', 'other', 'absent']);
    });

    it('tells of an entry its kind, and of a file its mode as it is now', async () => {
      const { disk, root, symlink, mkfifo, chmod } = makeDisk();
      await disk.create(`${root}/file`, 'x', 0o644);
      await disk.create(`${root}/closed`, 'x', 0o644);
      chmod(`${root}/closed`, 0o4000);
      await disk.makeFolder(`${root}/folder`);
      symlink(`${root}/file`, `${root}/link`);
      mkfifo(`${root}/fifo`);
      const entries = ['file', 'closed', 'folder', 'link', 'fifo', 'nothing', 'no/such'].map((entry) =>
        disk.entryOf(`${root}/${entry}`),
      );
      expect(await Promise.all(entries)).toEqual([
        { kind: 'file', mode: 0o644, identity: undefined },
        { kind: 'file', mode: 0o4000, identity: undefined },
        { kind: 'folder' },
        { kind: 'link' },
        { kind: 'other' },
        { kind: 'absent' },
        { kind: 'absent' },
      ]);
      await expect(disk.entryOf(`${root}/file/below`)).rejects.toMatchObject({ code: 'ENOTDIR' });
    });

    it('tells which entries are hard links to one file, as long as they are', async () => {
      const { disk, root, hardLink } = makeDisk();
      const identityOf = async (entry: string) => {
        const seen = await disk.entryOf(`${root}/${entry}`);
        return seen.kind === 'file' ? seen.identity : seen.kind;
      };
      await disk.create(`${root}/a`, 'x', 0o644);
      await disk.create(`${root}/other`, 'x', 0o644);
      await disk.makeFolder(`${root}/folder`);
      hardLink(`${root}/a`, `${root}/folder/b`);
      hardLink(`${root}/other`, `${root}/another`);
      const a = await identityOf('a');
      expect(a).toBeTypeOf('string');
      expect(await identityOf('folder/b')).toBe(a);
      expect(await identityOf('other')).not.toBe(a);
      // Made anew, it is a file in its own right, and so is what it was linked to.
      await disk.create(`${root}/new`, 'x', 0o644);
      await disk.rename(`${root}/new`, `${root}/folder/b`);
      expect([await identityOf('a'), await identityOf('folder/b')]).toEqual([undefined, undefined]);
    });

    it('calls a path absent when a folder above it is, and fails when that is a file', async () => {
      const { disk, root } = makeDisk();
      await disk.create(`${root}/file`, '', 0o644);
      expect(await disk.kindOf(`${root}/no/such/file`)).toBe('absent');
      await expect(disk.kindOf(`${root}/file/below`)).rejects.toMatchObject({ code: 'ENOTDIR' });
    });

    it('follows links in the folders above', async () => {
      const { disk, root, symlink } = makeDisk();
      await disk.makeFolder(`${root}/folder`);
      symlink(`${root}/folder`, `${root}/absolute`);
      symlink('folder', `${root}/relative`);
      await disk.create(`${root}/absolute/a`, 'a', 0o644);
      await disk.makeFolder(`${root}/absolute`);
      await disk.makeFolder(`${root}/relative/below`);
      expect(await disk.kindOf(`${root}/folder/a`)).toBe('file');
      expect(await disk.read(`${root}/relative/a`, 10)).toBe('a');
      expect(await disk.kindOf(`${root}/folder/below`)).toBe('folder');
    });

    it('reads a file up to a bound in bytes', async () => {
      const { disk, root } = makeDisk();
      await disk.create(`${root}/file`, 'grün', 0o644);
      expect(await disk.read(`${root}/file`, 100)).toBe('grün');
      expect(await disk.read(`${root}/file`, 5)).toBe('grün');
      expect(await disk.read(`${root}/file`, 2)).toBe('gr');
      expect(await disk.read(`${root}/file`, 0)).toBe('');
    });

    for (const call of ['read', 'syncFile'] as const) {
      it(`${call} takes regular files only, and neither follows nor blocks`, async () => {
        const { disk, root, symlink, mkfifo } = makeDisk();
        await disk.create(`${root}/file`, 'x', 0o644);
        symlink(`${root}/file`, `${root}/link`);
        mkfifo(`${root}/fifo`);
        const use = (entry: string) =>
          call === 'read' ? disk.read(`${root}/${entry}`, 10) : disk.syncFile(`${root}/${entry}`);
        await use('file');
        await expect(use('link')).rejects.toMatchObject({ code: 'ELOOP' });
        await expect(use('fifo')).rejects.toMatchObject({ code: 'EINVAL' });
        await expect(use('')).rejects.toMatchObject({ code: 'EISDIR' });
        await expect(use('nothing')).rejects.toMatchObject({ code: 'ENOENT' });
        await expect(use('no/such')).rejects.toMatchObject({ code: 'ENOENT' });
        await expect(use('file/below')).rejects.toMatchObject({ code: 'ENOTDIR' });
      });
    }

    it('lists the names in a folder, none in an absent one', async () => {
      const { disk, root } = makeDisk();
      expect(await disk.list(root)).toEqual([]);
      await disk.create(`${root}/.hidden`, '', 0o644);
      await disk.makeFolder(`${root}/folder/below`);
      expect([...(await disk.list(root))].sort()).toEqual(['.hidden', 'folder']);
      expect(await disk.list(`${root}/nothing`)).toEqual([]);
      await expect(disk.list(`${root}/.hidden`)).rejects.toMatchObject({ code: 'ENOTDIR' });
    });

    it('makes a folder with those above it, and again without complaint', async () => {
      const { disk, root } = makeDisk();
      await disk.makeFolder(`${root}/a/b/c`);
      await disk.makeFolder(`${root}/a/b/c`);
      expect(await disk.kindOf(`${root}/a/b/c`)).toBe('folder');
    });

    it('makes no folder over or below something else', async () => {
      const { disk, root, symlink } = makeDisk();
      await disk.create(`${root}/file`, 'x', 0o644);
      symlink(`${root}/nowhere`, `${root}/dangling`);
      await expect(disk.makeFolder(`${root}/file`)).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(disk.makeFolder(`${root}/dangling`)).rejects.toMatchObject({ code: 'EEXIST' });
      await expect(disk.makeFolder(`${root}/file/below`)).rejects.toMatchObject({ code: 'ENOTDIR' });
      expect(await disk.read(`${root}/file`, 10)).toBe('x');
    });

    for (const call of ['create', 'createSynced'] as const) {
      it(`${call} makes a file with content and exactly the mode, whatever the umask`, async () => {
        const { disk, root, contentOf, modeOf } = makeDisk();
        await disk[call](`${root}/open`, 'hello\n', 0o666);
        await disk[call](`${root}/closed`, '', 0o600);
        expect([contentOf(`${root}/open`), modeOf(`${root}/open`)]).toEqual(['hello\n', 0o666]);
        expect([contentOf(`${root}/closed`), modeOf(`${root}/closed`)]).toEqual(['', 0o600]);
      });

      it(`${call} makes nothing where anything stands, a dangling link too`, async () => {
        const { disk, root, symlink, mkfifo, contentOf } = makeDisk();
        await disk[call](`${root}/file`, 'first', 0o644);
        await disk.makeFolder(`${root}/folder`);
        symlink(`${root}/nowhere`, `${root}/dangling`);
        mkfifo(`${root}/fifo`);
        for (const entry of ['file', 'folder', 'dangling', 'fifo']) {
          const created = disk[call](`${root}/${entry}`, 'second', 0o644);
          await expect(created).rejects.toMatchObject({ code: 'EEXIST' });
        }
        expect(contentOf(`${root}/file`)).toBe('first');
        expect(await disk.kindOf(`${root}/nowhere`)).toBe('absent');
      });

      it(`${call} makes nothing in a folder that is absent or none`, async () => {
        const { disk, root } = makeDisk();
        await disk[call](`${root}/file`, '', 0o644);
        await expect(disk[call](`${root}/no/file`, '', 0o644)).rejects.toMatchObject({ code: 'ENOENT' });
        await expect(disk[call](`${root}/file/x`, '', 0o644)).rejects.toMatchObject({ code: 'ENOTDIR' });
      });
    }

    it('renames over a file, a link or a fifo, and never through a link', async () => {
      const { disk, root, symlink, mkfifo, contentOf } = makeDisk();
      await disk.create(`${root}/kept`, 'kept', 0o644);
      await disk.create(`${root}/file`, 'old', 0o644);
      symlink(`${root}/kept`, `${root}/link`);
      mkfifo(`${root}/fifo`);
      for (const entry of ['file', 'link', 'fifo', 'nothing']) {
        await disk.create(`${root}/new`, entry, 0o644);
        await disk.rename(`${root}/new`, `${root}/${entry}`);
        expect(contentOf(`${root}/${entry}`)).toBe(entry);
        expect(await disk.kindOf(`${root}/${entry}`)).toBe('file');
        expect(await disk.kindOf(`${root}/new`)).toBe('absent');
      }
      expect(contentOf(`${root}/kept`)).toBe('kept');
    });

    it('renames nothing over a folder that it may not replace', async () => {
      const { disk, root } = makeDisk();
      await disk.create(`${root}/file`, 'x', 0o644);
      await disk.makeFolder(`${root}/full/below`);
      await disk.makeFolder(`${root}/folder`);
      const renamed = (from: string, to: string) => disk.rename(`${root}/${from}`, `${root}/${to}`);
      await expect(renamed('file', 'folder')).rejects.toMatchObject({ code: 'EISDIR' });
      await expect(renamed('folder', 'full')).rejects.toMatchObject({ code: 'ENOTEMPTY' });
      await expect(renamed('folder', 'file')).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(renamed('nothing', 'file')).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(renamed('file', 'no/such')).rejects.toMatchObject({ code: 'ENOENT' });
      expect(await disk.kindOf(`${root}/file`)).toBe('file');
    });

    it('removes the entry itself, never what a link points to, never a folder', async () => {
      const { disk, root, symlink, mkfifo } = makeDisk();
      await disk.create(`${root}/file`, 'x', 0o644);
      await disk.makeFolder(`${root}/folder`);
      symlink(`${root}/file`, `${root}/link`);
      mkfifo(`${root}/fifo`);
      await disk.remove(`${root}/link`);
      await disk.remove(`${root}/fifo`);
      expect([...(await disk.list(root))].sort()).toEqual(['file', 'folder']);
      await disk.remove(`${root}/file`);
      await expect(disk.remove(`${root}/file`)).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(disk.remove(`${root}/folder`)).rejects.toMatchObject({
        code: expect.stringMatching(/^(EISDIR|EPERM)$/),
      });
      expect(await disk.kindOf(`${root}/folder`)).toBe('folder');
    });

    it('syncs folders, links to them followed, and nothing else', async () => {
      const { disk, root, symlink } = makeDisk();
      await disk.create(`${root}/file`, 'x', 0o644);
      symlink(root, `${root}/link`);
      await disk.syncFolder(root);
      await disk.syncFolder(`${root}/link`);
      await expect(disk.syncFolder(`${root}/file`)).rejects.toMatchObject({ code: 'ENOTDIR' });
      await expect(disk.syncFolder(`${root}/nothing`)).rejects.toMatchObject({ code: 'ENOENT' });
    });

    it('tells another version of a folder after each change of its entries, if it tells any', async () => {
      const { disk, root, symlink } = makeDisk();
      await disk.makeFolder(`${root}/folder`);
      symlink('folder', `${root}/link`);
      const inFolder = (name: string) => `${root}/folder/${name}`;
      const changes = [
        () => disk.create(inFolder('file'), 'x', 0o644),
        () => disk.create(inFolder('other'), 'x', 0o644),
        () => disk.makeFolder(inFolder('below')),
        () => disk.rename(inFolder('file'), inFolder('renamed')),
        () => disk.rename(inFolder('renamed'), inFolder('other')),
        async () => symlink('nowhere', inFolder('link')),
        () => disk.rename(inFolder('other'), `${root}/moved-out`),
        () => disk.rename(`${root}/moved-out`, inFolder('moved-in')),
        () => disk.remove(inFolder('moved-in')),
        // Another folder in its place, and the first one again.
        () => disk.rename(`${root}/folder`, `${root}/first`),
        () => disk.makeFolder(`${root}/folder`),
      ];
      const told: (string | undefined)[] = [];
      for (const change of changes) {
        await change();
        const version = await disk.folderVersion(`${root}/folder`).catch(() => undefined);
        if (version !== undefined) {
          expect(told).not.toContain(version);
          expect(await disk.folderVersion(`${root}/link`)).toBe(version);
        }
        told.push(version);
      }
    });

    it('resolves every link in a path', async () => {
      const { disk, root, symlink } = makeDisk();
      const real = await disk.resolve(root);
      await disk.makeFolder(`${root}/folder/below`);
      symlink('folder', `${root}/link`);
      symlink(`${root}/link/below`, `${root}/folder/last`);
      symlink(`${root}/loop`, `${root}/loop`);
      expect(await disk.resolve(`${root}/link/last`)).toBe(`${real}/folder/below`);
      expect(await disk.resolve(`${root}/link/../folder/.`)).toBe(`${real}/folder`);
      await expect(disk.resolve(`${root}/link/nothing`)).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(disk.resolve(`${root}/loop`)).rejects.toMatchObject({ code: 'ELOOP' });
    });
  });
}
