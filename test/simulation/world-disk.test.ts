import { describe, expect, it } from 'vitest';
import type { Disk } from '../../node-agent/disk.ts';
import { makeDiskWorld as makeWorld } from './disk-world.ts';
import type { SimDisk } from './world/sim-disk.ts';

const SEEDS = 200;

/** What a power cut leaves at `path`, over many seeds, after the agent did `use`. */
async function afterPowerCuts(
  use: (disk: Disk) => Promise<unknown>,
  look: (sim: SimDisk) => string | undefined,
): Promise<Set<string | undefined>> {
  const seen = new Set<string | undefined>();
  for (let seed = 0; seed < SEEDS; seed += 1) {
    const { sim, process, run } = makeWorld(seed);
    await run(use);
    process.kill('power-cut');
    sim.powerCut();
    seen.add(look(sim));
  }
  return seen;
}

describe('a power cut', () => {
  it('never loses a file that was synced with its folder', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        await disk.create('/etc/app/a', 'content', 0o644);
        await disk.syncFile('/etc/app/a');
        await disk.syncFolder('/etc/app');
      },
      (sim) => sim.contentNow('/etc/app/a'),
    );
    expect(seen).toEqual(new Set(['content']));
  });

  it('finds what is created and synced in one call not there, there and not synced, or synced', async () => {
    const seen = new Set<string | undefined>();
    for (let seed = 0; seed < 5 * SEEDS; seed += 1) {
      const { sim, clock, process } = makeWorld(seed);
      const disk = sim.for(process);
      void disk.createSynced('/etc/app/a', 'ab', 0o644);
      await clock.runFor(0.3);
      // The sync of the folder takes its time beside that of the file.
      void disk.syncFolder('/etc/app');
      await clock.runFor(seed % 6);
      process.kill('power-cut');
      sim.powerCut();
      seen.add(sim.contentNow('/etc/app/a'));
    }
    expect(seen).toEqual(new Set([undefined, '', 'a', 'ab', '\0\0', 'a\0']));
  });

  it('may lose an entry whose folder was not synced, though its content was', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        await disk.create('/etc/app/a', 'content', 0o644);
        await disk.syncFile('/etc/app/a');
      },
      (sim) => sim.contentNow('/etc/app/a'),
    );
    expect(seen).toEqual(new Set(['content', undefined]));
  });

  it('may leave a file whose content was not synced empty, torn, zeroed or whole', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        await disk.create('/etc/app/a', 'ab', 0o644);
        await disk.syncFolder('/etc/app');
      },
      (sim) => sim.contentNow('/etc/app/a'),
    );
    expect(seen).toEqual(new Set(['', 'a', 'ab', '\0\0', 'a\0']));
  });

  it('takes a rename back as a whole or not at all, and each other change for itself', async () => {
    const seen = await afterPowerCuts(
      async (disk) => {
        await disk.create('/etc/app/old', 'old', 0o644);
        await disk.create('/etc/app/tmp', 'new', 0o644);
        await disk.syncFile('/etc/app/old');
        await disk.syncFile('/etc/app/tmp');
        await disk.syncFolder('/etc/app');
        await disk.rename('/etc/app/tmp', '/etc/app/old');
        await disk.create('/etc/app/later', '', 0o644);
      },
      (sim) => [...sim.listNow('/etc/app')].sort().join(' ') + sim.contentNow('/etc/app/old'),
    );
    expect(seen).toEqual(new Set(['old tmpold', 'oldnew', 'later old tmpold', 'later oldnew']));
  });

  it('may bring back what was removed, until the folder is synced', async () => {
    const remove = async (disk: Disk, synced: boolean) => {
      await disk.create('/etc/app/a', 'a', 0o644);
      await disk.syncFile('/etc/app/a');
      await disk.syncFolder('/etc/app');
      await disk.remove('/etc/app/a');
      if (synced) await disk.syncFolder('/etc/app');
    };
    const kind = (sim: SimDisk) => sim.kindNow('/etc/app/a');
    expect(await afterPowerCuts((disk) => remove(disk, false), kind)).toEqual(new Set(['file', 'absent']));
    expect(await afterPowerCuts((disk) => remove(disk, true), kind)).toEqual(new Set(['absent']));
  });

  it('may lose a folder with all in it, unless it was synced into the one above', async () => {
    const { sim, process, run } = makeWorld('folders');
    await run((disk) => disk.makeFolder('/etc/made/by/the/port'));
    sim.byHand.mkdir('/etc/by-hand');
    await run((disk) => disk.create('/etc/by-hand/a', '', 0o644));
    await run((disk) => disk.syncFolder('/etc/by-hand'));
    expect(sim.durableKind('/etc/made/by/the/port')).toBe('folder');
    expect(sim.durableKind('/etc/by-hand/a')).toBe('uncertain');
    process.kill('power-cut');
    sim.powerCut();
    expect(sim.kindNow('/etc/made/by/the/port')).toBe('folder');
  });

  it('empties a tmpfs, by whatever path it was filled; so does an orderly reboot, which loses nothing else', async () => {
    for (const end of ['powerCut', 'reboot'] as const) {
      const { sim, process, run } = makeWorld(end);
      await run(async (disk) => {
        await disk.create('/var/run/flag', '', 0o644);
        await disk.syncFile('/run/flag');
        await disk.syncFolder('/run');
      });
      sim.byHand.write('/etc/app/unsynced', 'kept by a reboot');
      expect([sim.kindNow('/run/flag'), sim.durableKind('/var/run/flag')]).toEqual(['file', 'absent']);
      process.kill('power-cut');
      sim[end]();
      expect(sim.kindNow('/run/flag')).toBe('absent');
      if (end === 'reboot') expect(sim.contentNow('/etc/app/unsynced')).toBe('kept by a reboot');
    }
  });

  it('leaves only what was foretold, and all of what was foretold', async () => {
    const paths = ['/etc/app/a', '/etc/app/b', '/etc/app/sub/c', '/run/d'];
    const foretold = new Map<string, Set<string>>();
    const found = new Map<string, Set<string>>();
    for (let seed = 0; seed < 1_000; seed += 1) {
      const { sim, process, run } = makeWorld(`survivors ${seed}`);
      await run(async (disk) => {
        await disk.create('/etc/app/a', 'first', 0o644);
        await disk.syncFile('/etc/app/a');
        await disk.syncFolder('/etc/app');
        await disk.create('/etc/app/tmp', 'x', 0o644);
        await disk.rename('/etc/app/tmp', '/etc/app/a');
        await disk.create('/run/d', 'd', 0o644);
      });
      sim.byHand.mkdir('/etc/app/sub');
      sim.byHand.link('/nowhere', '/etc/app/sub/c');
      sim.byHand.touch('/etc/app/b');
      sim.byHand.rm('/etc/app/b');
      const describeAll = (path: string) =>
        new Set(sim.survivors(path).map(({ kind, content }) => `${kind} ${kind === 'file' ? content : ''}`));
      for (const path of paths) foretold.set(path, describeAll(path));
      process.kill('power-cut');
      sim.powerCut();
      for (const path of paths) {
        const [now] = describeAll(path);
        found.set(path, (found.get(path) ?? new Set()).add(now ?? 'nothing'));
      }
    }
    // Torn content is foretold as null, and is anything: here it is empty or a NUL.
    const torn = found.get('/etc/app/a');
    torn?.delete('file \0');
    torn?.add('file null');
    expect(found).toEqual(foretold);
  });
});

describe('the death of a process in the middle of a write', () => {
  it('leaves nothing, a part or the whole, and loses nothing that was there', async () => {
    const left = new Set<string | undefined>();
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const { clock, sim, process } = makeWorld(seed);
      sim.byHand.write('/etc/app/unsynced', 'still there');
      let resolved = false;
      void sim
        .for(process)
        .create('/etc/app/a', 'ab', 0o644)
        .then(() => {
          resolved = true;
        });
      process.kill();
      await clock.runFor(1_000);
      expect([resolved, sim.contentNow('/etc/app/unsynced')]).toEqual([false, 'still there']);
      left.add(sim.contentNow('/etc/app/a'));
    }
    expect(left).toEqual(new Set([undefined, '', 'a', 'ab']));
  });

  it('leaves a folder that was made but perhaps not synced', async () => {
    const left = new Set<string>();
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const { sim, process } = makeWorld(seed);
      void sim.for(process).makeFolder('/etc/app/x/y');
      process.kill();
      left.add(
        `${sim.kindNow('/etc/app/x')} ${sim.kindNow('/etc/app/x/y')} ${sim.durableKind('/etc/app/x/y')}`,
      );
    }
    expect(left).toEqual(
      new Set([
        'absent absent absent',
        'folder absent absent',
        'folder folder uncertain',
        'folder folder folder',
      ]),
    );
  });
});
