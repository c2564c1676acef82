import { describe, expect, it } from 'vitest';
import type { Disk } from '../../node-agent/disk.ts';
import { makeDiskWorld as makeWorld } from './disk-world.ts';

describe('a faulty disk', () => {
  it('fails the Nth call, for every N, and no other', async () => {
    const write = async (disk: Disk) => {
      await disk.create('/etc/app/a', 'a', 0o644);
      await disk.syncFile('/etc/app/a');
      await disk.rename('/etc/app/a', '/etc/app/b');
      await disk.syncFolder('/etc/app');
    };
    const { sim, run } = makeWorld('count');
    await run(write);
    expect(sim.calls).toBe(4);
    for (let nth = 1; nth <= 4; nth += 1) {
      const world = makeWorld(nth);
      world.sim.faults.add({ code: 'EIO', nth });
      await expect(world.run(write)).rejects.toMatchObject({ code: 'EIO' });
      expect(world.sim.calls).toBe(nth);
      world.sim.byHand.rm('/etc/app/a');
      await world.run(write);
    }
  });

  it('is full or read-only below a prefix, for the calls that this concerns, until it is cleared', async () => {
    const { sim, run } = makeWorld('full');
    await run((disk) => disk.create('/etc/app/old', 'old', 0o644));
    sim.faults.add({ code: 'ENOSPC', under: '/etc/app' });
    await expect(run((disk) => disk.create('/etc/app/a', '', 0o644))).rejects.toMatchObject({
      code: 'ENOSPC',
    });
    await run((disk) => disk.create('/run/a', '', 0o644));
    await run((disk) => disk.makeFolder('/etc/app'));
    await run((disk) => disk.rename('/etc/app/old', '/etc/app/new'));
    sim.faults.add({ code: 'EROFS' });
    await expect(run((disk) => disk.remove('/etc/app/new'))).rejects.toMatchObject({ code: 'EROFS' });
    expect(await run((disk) => disk.read('/etc/app/new', 10))).toBe('old');
    sim.faults.clear();
    await run((disk) => disk.remove('/etc/app/new'));
  });

  it('forgets what a failed sync should have written, whatever a later sync says', async () => {
    const { sim, run } = makeWorld('fsync');
    await run((disk) => disk.create('/etc/app/a', 'a', 0o644));
    await run((disk) => disk.syncFolder('/etc/app'));
    sim.faults.add({ code: 'EIO', operations: ['syncFile'], nth: 1 });
    await expect(run((disk) => disk.syncFile('/etc/app/a'))).rejects.toMatchObject({ code: 'EIO' });
    await run((disk) => disk.syncFile('/etc/app/a'));
    expect([sim.durableKind('/etc/app/a'), sim.durableContent('/etc/app/a')]).toEqual(['file', undefined]);
  });

  it('hangs below a prefix until it is let go', async () => {
    const { clock, sim, process, run } = makeWorld('hang');
    const letGo = sim.faults.hold('/etc');
    let ended = false;
    void sim
      .for(process)
      .syncFolder('/etc/app')
      .then(() => {
        ended = true;
      });
    await run((disk) => disk.create('/run/a', '', 0o644));
    expect(ended).toBe(false);
    letGo();
    await clock.runFor(0);
    expect(ended).toBe(true);
  });
});

describe('a watch on a folder', () => {
  it('tells what comes, goes and is written, by whoever, until the folder itself is gone', async () => {
    const { clock, sim, process, run } = makeWorld('watch');
    const seen: string[] = [];
    const end = sim.watches.watch(process, '/var/run', (name) => seen.push(name));
    sim.byHand.touch('/run/a');
    await clock.runFor(10);
    await run((disk) => disk.remove('/var/run/a'));
    sim.byHand.touch('/etc/app/elsewhere');
    await clock.runFor(10);
    expect(seen).toEqual(['a', 'a']);
    end();
    sim.byHand.touch('/run/b');
    await clock.runFor(10);
    expect(seen.length).toBe(2);
    sim.watches.watch(process, '/etc/app', (name) => seen.push(name));
    sim.byHand.rm('/etc/app');
    sim.byHand.mkdir('/etc/app');
    await clock.runFor(10);
    seen.length = 0;
    sim.byHand.touch('/etc/app/deaf');
    await clock.runFor(10);
    expect(seen).toEqual([]);
  });
});
