import { describe, expect, it } from 'vitest';
import { Drafts } from '../../node-agent/drafts.ts';
import { DurableFolders } from '../../node-agent/durable-folders.ts';
import { DiskSpecCopies } from '../../node-agent/spec-copies.ts';
import { formatCopy, type KnownSpec } from '../../reconcilers/copy/known-spec.ts';
import { DiskRig, unguarded } from '../support/disk-rig.ts';

const STATE_DIR = '/var/lib/lockstep';
const A = `${STATE_DIR}/desired-a.json`;
const known: KnownSpec = { generation: 7, spec: { locked: true, servicesEnabled: false } };

function setUp() {
  const rig = new DiskRig();
  const { disk, sim } = rig;
  const copies = new DiskSpecCopies({
    disk,
    folders: new DurableFolders(disk),
    drafts: new Drafts(disk, unguarded),
    guard: unguarded,
    stateDir: STATE_DIR,
    persistentFlagPath: '/etc/mtc/tmp/.node_locked',
  });
  const observeA = async () => (await rig.run(() => copies.observe()))['desired-a.json'];
  return { rig, sim, copies, observeA };
}

describe('DiskSpecCopies', () => {
  it('reads back what it wrote, each copy for itself', async () => {
    const { rig, copies } = setUp();
    await rig.run(() => copies.write('desired-b.json', known));
    expect(await rig.run(() => copies.observe())).toEqual({
      'desired-a.json': { state: 'absent' },
      'desired-b.json': { state: 'valid', known },
    });
  });

  it.each([
    ['empty', ''],
    ['torn', formatCopy(known).slice(0, 40)],
    ['of zeros', '\0'.repeat(200)],
    ['huge', 'x'.repeat(1_000_000)],
  ])('sees a copy that is %s as corrupt', async (_what, text) => {
    const { sim, observeA } = setUp();
    sim.byHand.mkdir(STATE_DIR);
    sim.byHand.write(A, text);
    expect((await observeA()).state).toBe('corrupt');
  });

  it('I4: sees a copy that cannot be read as neither absent nor corrupt', async () => {
    const { rig, sim, copies, observeA } = setUp();
    await rig.run(() => copies.write('desired-a.json', known));
    sim.faults.add({ code: 'EIO', under: A });
    expect((await observeA()).state).toBe('unreadable');
  });

  it('I9: does not follow a link in the place of a copy, and replaces it', async () => {
    const { rig, sim, copies, observeA } = setUp();
    sim.byHand.mkdir(STATE_DIR);
    sim.byHand.write('/etc/elsewhere', formatCopy(known));
    sim.byHand.link('/etc/elsewhere', A);
    expect((await observeA()).state).toBe('unreadable');
    await rig.run(() => copies.write('desired-a.json', { ...known, generation: 8 }));
    expect(sim.kindNow(A)).toBe('file');
    expect(sim.contentNow('/etc/elsewhere')).toBe(formatCopy(known));
  });

  it('keeps a corrupt copy aside, the newest of each', async () => {
    const { rig, sim, copies } = setUp();
    sim.byHand.mkdir(STATE_DIR);
    for (const text of ['rotten', 'more rotten']) {
      sim.byHand.write(A, text);
      await rig.run(() => copies.setAside('desired-a.json'));
    }
    expect(sim.kindNow(A)).toBe('absent');
    expect(sim.contentNow(`${A}.corrupt`)).toBe('more rotten');
  });

  it('leaves a trace beside the persistent flag, and finds it', async () => {
    const { rig, sim, copies } = setUp();
    expect(await rig.run(() => copies.hasTrace())).toBe(false);
    await rig.run(() => copies.leaveTrace());
    expect(await rig.run(() => copies.hasTrace())).toBe(true);
    expect(sim.durableKind('/etc/mtc/tmp/.lockstep')).toBe('file');
  });

  it('I4: takes a trace that cannot be looked for as there', async () => {
    const { rig, sim, copies } = setUp();
    sim.faults.add({ code: 'EIO', under: '/etc/mtc' });
    expect(await rig.run(() => copies.hasTrace())).toBe(true);
  });

  it('makes a copy durable that a crash left unsynced', async () => {
    const { rig, sim, copies } = setUp();
    sim.byHand.mkdir(STATE_DIR);
    sim.byHand.write(A, formatCopy(known));
    expect(sim.durableKind(A)).toBe('uncertain');
    await rig.run(() => copies.confirm('desired-a.json'));
    await rig.run(() => copies.settle());
    expect(sim.durableContent(A)).toBe(formatCopy(known));
  });

  it('I1: settles the folders above anew with each generation: a person may have made them again', async () => {
    const { rig, sim, copies } = setUp();
    for (const generation of [7, 8]) {
      await rig.run(() => copies.write('desired-a.json', { ...known, generation }));
      await rig.run(() => copies.settle());
      expect(sim.durableContent(A)).toBe(formatCopy({ ...known, generation }));
      sim.byHand.rm('/var/lib');
      sim.byHand.sync();
      sim.byHand.mkdir(STATE_DIR);
    }
  });

  it('I1: has a copy on the disk only once the folder is settled, whole or as it was until then', async () => {
    const { rig, sim, copies } = setUp();
    await rig.run(() => copies.write('desired-a.json', known));
    await rig.run(() => copies.settle());
    const newer = { ...known, generation: 8 };
    await rig.run(() => copies.write('desired-a.json', newer));
    const left = sim.survivors(A).map(({ content }) => content);
    expect(left.sort()).toEqual([formatCopy(newer), formatCopy(known)].sort());
    await rig.run(() => copies.settle());
    expect(sim.durableContent(A)).toBe(formatCopy(newer));
  });
});
