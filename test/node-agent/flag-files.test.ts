import { describe, expect, it } from 'vitest';
import { Drafts } from '../../node-agent/drafts.ts';
import { DurableFolders } from '../../node-agent/durable-folders.ts';
import { DiskFlagFiles } from '../../node-agent/flag-files.ts';
import { type FlagContent, formatFlag } from '../../reconcilers/flags/flag-files.ts';
import { DiskRig, unguarded } from '../support/disk-rig.ts';

const PATHS = { persistent: '/etc/mtc/tmp/.node_locked', volatile: '/run/.node_locked' };
const content: FlagContent = { generation: 7, since: undefined, reason: undefined };

function setUp(guard: (path: string) => Promise<void> = unguarded, paths = PATHS) {
  const rig = new DiskRig();
  rig.sim.byHand.mkdir('/etc/mtc/tmp');
  const { disk, sim } = rig;
  const flags = new DiskFlagFiles({
    disk,
    folders: new DurableFolders(disk),
    drafts: new Drafts(disk, guard),
    guard,
    paths,
  });
  const observe = (withGeneration = true) => rig.run(() => flags.observe({ withGeneration }));
  return { rig, sim, flags, observe };
}

describe('observing the flags', () => {
  it('sees absent and present ones, with the generation where it is asked for', async () => {
    const { sim, observe } = setUp();
    sim.byHand.write(PATHS.persistent, formatFlag(content));
    expect(await observe()).toEqual({
      persistent: { state: 'present', generation: 7 },
      volatile: { state: 'absent' },
    });
    expect((await observe(false)).persistent).toEqual({ state: 'present', generation: null });
  });

  it('sees a flag whose folder is missing as absent', async () => {
    const { sim, observe } = setUp();
    sim.byHand.rm('/etc/mtc');
    expect((await observe()).persistent).toEqual({ state: 'absent' });
  });

  it('I9: does not follow a link, and does not open a fifo', async () => {
    const { sim, observe } = setUp();
    sim.byHand.write('/etc/elsewhere', formatFlag(content));
    sim.byHand.link('/etc/elsewhere', PATHS.persistent);
    sim.byHand.mkfifo(PATHS.volatile);
    expect(await observe()).toEqual({
      persistent: { state: 'obstructed', by: 'a link' },
      volatile: { state: 'obstructed', by: 'a fifo, device or socket' },
    });
  });

  it('I9: says of a folder what is expected, what is found, and what to do', async () => {
    const { sim, observe } = setUp();
    sim.byHand.mkdir(PATHS.persistent);
    expect((await observe()).persistent).toEqual({
      state: 'blocked',
      unreadable: false,
      message: `expected a regular file at ${PATHS.persistent}, found a folder: move it away, Lockstep does not delete it`,
    });
  });

  it('F3: tells of the volatile one that it is a hard link to the persistent one, until it is made anew', async () => {
    const paths = { ...PATHS, volatile: '/etc/.node_locked' };
    const { rig, sim, flags, observe } = setUp(unguarded, paths);
    sim.byHand.write(paths.persistent, formatFlag(content));
    sim.byHand.hardLink(paths.persistent, paths.volatile);
    const linked = {
      persistent: { state: 'present', generation: null },
      volatile: {
        state: 'present',
        generation: null,
        flaw: 'the flag is a hard link to the persistent one',
      },
    };
    expect(await observe(false)).toEqual(linked);
    await rig.run(() => flags.create('volatile', { ...content, generation: 8 }));
    expect(await observe()).toEqual({
      persistent: { state: 'present', generation: 7 },
      volatile: { state: 'present', generation: 8 },
    });
  });

  it.each([
    ['0000', 0],
    ['0600', 0o600],
    ['0666', 0o666],
    ['4644', 0o4644],
  ])('F3: tells of a flag that it has another mode than 0644: %s', async (told, mode) => {
    const { rig, sim, flags, observe } = setUp();
    for (const path of Object.values(PATHS)) sim.byHand.write(path, formatFlag(content));
    sim.byHand.chmod(PATHS.volatile, mode);
    const present = { state: 'present', generation: 7 };
    const flaw = `the flag has mode ${told} instead of 0644`;
    expect(await observe()).toEqual({ persistent: present, volatile: { ...present, flaw } });
    await rig.run(() => flags.create('volatile', content));
    expect(await observe()).toEqual({ persistent: present, volatile: present });
  });

  it('minds no hard link to anything else', async () => {
    const { sim, observe } = setUp();
    for (const [name, path] of Object.entries(PATHS)) {
      sim.byHand.write(path, formatFlag(content));
      sim.byHand.hardLink(path, `${path}-${name}`);
    }
    const present = { state: 'present', generation: 7 };
    expect(await observe()).toEqual({ persistent: present, volatile: present });
  });

  it('I4: takes what cannot be looked at for neither present nor absent', async () => {
    const { sim, observe } = setUp();
    sim.faults.add({ code: 'EIO', under: PATHS.persistent, operations: ['entryOf'] });
    expect((await observe()).persistent.state).toBe('blocked');
  });

  it('I4: takes what a flag says and cannot be read for neither a generation nor none', async () => {
    const { sim, observe } = setUp();
    sim.byHand.write(PATHS.persistent, formatFlag(content));
    sim.faults.add({ code: 'EIO', under: PATHS.persistent, operations: ['read'] });
    expect((await observe()).persistent).toEqual({ state: 'present', generation: 'unreadable' });
  });

  it('does not look through a folder that leads out of the root', async () => {
    const { observe } = setUp(async (path) => {
      throw new Error(`${path} leads out of the root`);
    });
    expect((await observe()).volatile).toEqual({
      state: 'blocked',
      unreadable: true,
      message: `${PATHS.volatile} cannot be looked at: ${PATHS.volatile} leads out of the root`,
    });
  });

  it('reads no more of a huge flag than Lockstep could have written', async () => {
    const { sim, observe } = setUp();
    sim.byHand.write(PATHS.persistent, `${formatFlag(content)}${'x'.repeat(1_000_000)}`);
    expect((await observe()).persistent).toEqual({ state: 'present', generation: null });
  });
});

describe('changing the flags', () => {
  it.each(['persistent', 'volatile'] as const)('creates the %s one, readable by all', async (flag) => {
    const { rig, sim, flags } = setUp();
    await rig.run(() => flags.create(flag, content));
    expect(sim.contentNow(PATHS[flag])).toBe(formatFlag(content));
    expect(sim.modeNow(PATHS[flag])).toBe(0o644);
  });

  it.each(['link', 'mkfifo'] as const)(
    'I9: replaces and removes a %s without touching what it leads to',
    async (kind) => {
      const { rig, sim, flags } = setUp();
      sim.byHand.write('/etc/elsewhere', 'keep me');
      const obstruct = () => {
        if (kind === 'link') sim.byHand.link('/etc/elsewhere', PATHS.persistent);
        else sim.byHand.mkfifo(PATHS.persistent);
      };
      obstruct();
      await rig.run(() => flags.create('persistent', content));
      expect(sim.kindNow(PATHS.persistent)).toBe('file');
      sim.byHand.rm(PATHS.persistent);
      obstruct();
      await rig.run(() => flags.remove('persistent'));
      expect(sim.kindNow(PATHS.persistent)).toBe('absent');
      expect(sim.contentNow('/etc/elsewhere')).toBe('keep me');
    },
  );

  it('I9: neither replaces nor removes a folder', async () => {
    const { rig, sim, flags } = setUp();
    sim.byHand.mkdir(PATHS.persistent);
    await expect(rig.run(() => flags.create('persistent', content))).rejects.toThrow('EISDIR');
    await expect(rig.run(() => flags.remove('persistent'))).rejects.toThrow('EISDIR');
    expect(sim.kindNow(PATHS.persistent)).toBe('folder');
    expect(sim.listNow('/etc/mtc/tmp')).toEqual(['.node_locked']);
  });

  it('removes what is not there, folder and all, without an error', async () => {
    const { rig, sim, flags } = setUp();
    sim.byHand.rm('/etc/mtc');
    await rig.run(() => flags.remove('persistent'));
    await rig.run(() => flags.confirm('persistent'));
  });

  it('confirms a flag that was made by hand: it is on the disk then', async () => {
    const { rig, sim, flags } = setUp();
    sim.byHand.sync();
    sim.byHand.write(PATHS.persistent, 'by hand');
    expect(sim.durableKind(PATHS.persistent)).toBe('uncertain');
    await rig.run(() => flags.confirm('persistent'));
    expect(sim.durableContent(PATHS.persistent)).toBe('by hand');
  });

  it('confirms that there is none: a removal by hand is on the disk then', async () => {
    const { rig, sim, flags } = setUp();
    sim.byHand.write(PATHS.persistent, 'by hand');
    sim.byHand.sync();
    sim.byHand.rm(PATHS.persistent);
    expect(sim.durableKind(PATHS.persistent)).toBe('uncertain');
    await rig.run(() => flags.confirm('persistent'));
    expect(sim.durableKind(PATHS.persistent)).toBe('absent');
  });

  it('touches nothing through a folder that leads out of the root', async () => {
    const { rig, sim, flags } = setUp(() => Promise.reject(new Error('it leads out of the root')));
    for (const deed of [
      () => flags.create('persistent', content),
      () => flags.remove('persistent'),
      () => flags.confirm('persistent'),
    ]) {
      await expect(rig.run(deed)).rejects.toThrow('out of the root');
    }
    await rig.run(() => flags.sweep());
    expect(sim.calls).toBe(0);
  });

  it('sweeps away what a crash in the middle of a write left, and the next write minds it not', async () => {
    const { rig, sim, flags } = setUp();
    for (const path of Object.values(PATHS)) sim.byHand.write(`${path}.lockstep-tmp`, 'torn');
    await rig.run(() => flags.create('persistent', content));
    await rig.run(() => flags.sweep());
    expect(sim.listNow('/etc/mtc/tmp')).toEqual(['.node_locked']);
    expect(sim.listNow('/run')).toEqual([]);
  });
});
