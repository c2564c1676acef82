import { describe, expect, it } from 'vitest';
import type { Disk } from '../../node-agent/disk.ts';
import { DurableFolders } from '../../node-agent/durable-folders.ts';
import { DiskRig } from '../support/disk-rig.ts';

const FOLDER = '/etc/mtc/tmp';
const FILE = `${FOLDER}/file`;

function setUp(change: (disk: Disk) => Partial<Disk> = () => ({})) {
  const rig = new DiskRig();
  rig.sim.byHand.mkdir(FOLDER);
  rig.sim.byHand.write(FILE, 'x');
  rig.sim.byHand.sync();
  const synced: string[] = [];
  const counting: Disk = {
    ...rig.disk,
    syncFolder: async (path) => {
      synced.push(path);
      await rig.disk.syncFolder(path);
    },
  };
  const folders = new DurableFolders({ ...counting, ...change(counting) });
  /** What one call of it synced. */
  const syncedBy = async () => {
    synced.length = 0;
    await rig.run(() => folders.sync(FOLDER));
    return [...synced].sort();
  };
  return { rig, folders, syncedBy };
}

describe('DurableFolders', () => {
  it('syncs a folder each time, and those above it once', async () => {
    const { syncedBy } = setUp();
    expect(await syncedBy()).toEqual(['/', '/etc', '/etc/mtc', FOLDER]);
    expect(await syncedBy()).toEqual([FOLDER]);
    expect(await syncedBy()).toEqual([FOLDER]);
  });

  it('syncs one above again when an entry of it was made, removed or renamed, and only that one', async () => {
    const { rig, syncedBy } = setUp();
    await syncedBy();
    const { byHand } = rig.sim;
    const deeds = [
      () => byHand.write('/etc/mtc/new', 'x'),
      () => byHand.mkdir('/etc/mtc/folder'),
      () => byHand.rm('/etc/mtc/new'),
      () => byHand.rename('/etc/mtc/folder', '/etc/mtc/renamed'),
    ];
    for (const deed of deeds) {
      deed();
      expect(await syncedBy()).toEqual(['/etc/mtc', FOLDER]);
      expect(await syncedBy()).toEqual([FOLDER]);
    }
  });

  it('I1: has a folder on the disk that a person moved away and made again, unsynced', async () => {
    const { rig, syncedBy } = setUp();
    await syncedBy();
    rig.sim.byHand.rename('/etc/mtc', '/etc/old');
    rig.sim.byHand.mkdir(FOLDER);
    expect(rig.sim.durableKind(FOLDER)).not.toBe('folder');
    expect(await syncedBy()).toEqual(['/etc', '/etc/mtc', FOLDER]);
    expect(rig.sim.durableKind(FOLDER)).toBe('folder');
    // And moved back: the very same folders as before, and again nobody synced that.
    rig.sim.byHand.rm('/etc/mtc');
    rig.sim.byHand.rename('/etc/old', '/etc/mtc');
    expect(rig.sim.durableKind(FILE)).not.toBe('file');
    await syncedBy();
    expect(rig.sim.durableKind(FILE)).toBe('file');
  });

  it('syncs one above again that was changed while it was synced', async () => {
    let meanwhile = () => {};
    const { rig, syncedBy } = setUp((disk) => ({
      syncFolder: async (path) => {
        await disk.syncFolder(path);
        if (path === '/etc') meanwhile();
      },
    }));
    meanwhile = () => rig.sim.byHand.write('/etc/new', 'x');
    await syncedBy();
    meanwhile = () => {};
    expect(await syncedBy()).toEqual(['/etc', FOLDER]);
    expect(await syncedBy()).toEqual([FOLDER]);
  });

  it('syncs one above again whose sync failed', async () => {
    let isFailing = true;
    const { rig, folders, syncedBy } = setUp((disk) => ({
      syncFolder: async (path) => {
        if (isFailing && path === '/etc/mtc') throw Object.assign(new Error('EIO'), { code: 'EIO' });
        await disk.syncFolder(path);
      },
    }));
    await expect(rig.run(() => folders.sync(FOLDER))).rejects.toMatchObject({ code: 'EIO' });
    isFailing = false;
    expect(await syncedBy()).toEqual(['/etc/mtc', FOLDER]);
    expect(await syncedBy()).toEqual([FOLDER]);
  });

  it('syncs one above each time that does not tell its version, or cannot', async () => {
    for (const folderVersion of [
      async () => undefined,
      () => Promise.reject(new Error('EIO: i/o error, stat')),
    ]) {
      const { syncedBy } = setUp(() => ({ folderVersion }));
      for (let time = 0; time < 3; time += 1) {
        expect(await syncedBy()).toEqual(['/', '/etc', '/etc/mtc', FOLDER]);
      }
    }
  });

  it('leaves a folder above that is closed to it to whoever made it', async () => {
    for (const code of ['EACCES', 'EPERM', 'EINVAL', 'ENOTSUP']) {
      const { syncedBy } = setUp((disk) => ({
        syncFolder: async (path) => {
          await disk.syncFolder(path);
          if (path !== FOLDER) throw Object.assign(new Error(code), { code });
        },
      }));
      expect(await syncedBy()).toEqual(['/', '/etc', '/etc/mtc', FOLDER]);
      expect(await syncedBy()).toEqual([FOLDER]);
    }
  });

  it('tells that a folder is missing only where nothing else failed', async () => {
    const { rig, folders } = setUp();
    const missing = `${FOLDER}/missing`;
    await expect(rig.run(() => folders.sync(missing))).rejects.toMatchObject({ code: 'ENOENT' });
    const failing = setUp((disk) => ({
      syncFolder: (path) =>
        path === FOLDER ? Promise.reject(Object.assign(new Error(), { code: 'EIO' })) : disk.syncFolder(path),
    }));
    await expect(failing.rig.run(() => failing.folders.sync(missing))).rejects.toMatchObject({ code: 'EIO' });
  });
});
