import { describe, expect, it } from 'vitest';
import { type Draft, Drafts, TEMPORARY_SUFFIX } from '../../node-agent/drafts.ts';
import { DiskRig, unguarded } from '../support/disk-rig.ts';

const PLACE = '/etc/mtc/flag';
const BESIDE = PLACE + TEMPORARY_SUFFIX;
const draft: Draft = { path: PLACE, content: 'new', mode: 0o644 };

function setUp(guard: (path: string) => Promise<void> = unguarded, seed?: number) {
  const rig = new DiskRig(seed);
  rig.sim.byHand.mkdir('/etc/mtc');
  rig.sim.byHand.write(PLACE, 'old');
  rig.sim.byHand.sync();
  const drafts = new Drafts(rig.disk, guard);
  const take = (wanted: Draft = draft) => rig.run(() => drafts.take(wanted));
  return { rig, sim: rig.sim, drafts, take };
}

describe('Drafts', () => {
  it('lays a file down beside its place, synced, and leaves the place as it is', async () => {
    const { sim, drafts, take } = setUp();
    drafts.begin(draft);
    expect(sim.kindNow(BESIDE)).toBe('absent');
    expect(await take()).toBe(true);
    expect(sim.contentNow(PLACE)).toBe('old');
    const left = sim.survivors(BESIDE).filter(({ kind }) => kind === 'file');
    expect(left).toEqual([{ kind: 'file', content: 'new' }]);
    expect(sim.modeNow(BESIDE)).toBe(0o644);
  });

  it('gives a draft to one taker, who waits until it is whole', async () => {
    const { rig, drafts, take } = setUp();
    drafts.begin(draft);
    const both = () => Promise.all([drafts.take(draft), drafts.take(draft)]);
    expect(await rig.run(both)).toEqual([true, false]);
    expect(await take()).toBe(false);
  });

  it.each([
    ['of another content', { ...draft, content: 'other' }],
    ['of another mode', { ...draft, mode: 0o600 }],
    ['for another place', { ...draft, path: '/etc/mtc/other' }],
  ])('has no draft %s', async (_what, wanted) => {
    const { drafts, take } = setUp();
    drafts.begin(draft);
    expect(await take(wanted)).toBe(false);
  });

  it.each([
    ['created', { code: 'ENOSPC' as const }],
    ['synced', { code: 'EIO' as const, operations: ['syncFile' as const] }],
  ])('has none that could not be %s, and rejects nothing', async (_what, fault) => {
    const { sim, drafts, take } = setUp();
    sim.faults.add(fault);
    drafts.begin(draft);
    expect(await take()).toBe(false);
  });

  it('has none where something stands already, and leaves that to the write', async () => {
    const { sim, drafts, take } = setUp();
    sim.byHand.write(BESIDE, 'of a crash');
    drafts.begin(draft);
    expect(await take()).toBe(false);
    expect(sim.contentNow(BESIDE)).toBe('of a crash');
  });

  it('writes nothing where it is not let', async () => {
    const { sim, drafts, take } = setUp(async () => {
      throw new Error('it leads out of the root');
    });
    drafts.begin(draft);
    expect(await take()).toBe(false);
    expect(sim.kindNow(BESIDE)).toBe('absent');
  });

  it('removes what a failed draft left, and rejects nothing where there is nothing to remove', async () => {
    const { rig, sim, drafts } = setUp();
    sim.faults.add({ code: 'EIO', operations: ['syncFile'], nth: 1 });
    drafts.begin(draft);
    await rig.run(() => drafts.discard());
    expect(sim.kindNow(BESIDE)).toBe('absent');
    sim.faults.add({ code: 'ENOSPC', operations: ['create'] });
    drafts.begin(draft);
    await rig.run(() => drafts.discard());
    expect(sim.contentNow(PLACE)).toBe('old');
  });

  it('removes what nobody took, one that is not whole yet too', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const { rig, sim, drafts, take } = setUp(unguarded, seed);
      drafts.begin(draft);
      await rig.run(() => drafts.discard());
      // Time for a call that would still be under way.
      for (let more = 0; more < 3; more += 1) await rig.run(() => rig.disk.syncFolder('/etc/mtc'));
      expect(sim.kindNow(BESIDE)).toBe('absent');
      expect(await take()).toBe(false);
    }
  });

  it('never removes what somebody took', async () => {
    const { rig, sim, drafts, take } = setUp();
    drafts.begin(draft);
    await take();
    await rig.run(() => drafts.discard());
    expect(sim.kindNow(BESIDE)).toBe('file');
  });
});
