// Every durable write of the agent, with each of its I/Os failing in turn and with the power cut in the middle of each.
import { dirname } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { writeDurably } from '../../node-agent/atomic-write.ts';
import type { Disk } from '../../node-agent/disk.ts';
import { Drafts, TEMPORARY_SUFFIX } from '../../node-agent/drafts.ts';
import { DurableFolders } from '../../node-agent/durable-folders.ts';
import { DiskFlagFiles } from '../../node-agent/flag-files.ts';
import { DiskSpecCopies } from '../../node-agent/spec-copies.ts';
import { CopyReconciler } from '../../reconcilers/copy/copy-reconciler.ts';
import { formatCopy, type KnownSpec } from '../../reconcilers/copy/known-spec.ts';
import { COPY_NAMES, type SpecCopies } from '../../reconcilers/copy/spec-copies.ts';
import { type FlagContent, formatFlag } from '../../reconcilers/flags/flag-files.ts';
import { DiskRig, unguarded } from '../support/disk-rig.ts';

const PERSISTENT = '/etc/mtc/tmp/.node_locked';
const COPY = '/var/lib/lockstep/desired-a.json';
const TRACE = '/etc/mtc/tmp/.lockstep';

const lock = (generation: number): FlagContent => ({ generation, since: undefined, reason: undefined });
const known = (generation: number): KnownSpec => ({
  generation,
  spec: { locked: true, servicesEnabled: false },
});

function adapters(disk: Disk) {
  const folders = new DurableFolders(disk);
  const drafts = new Drafts(disk, unguarded);
  const paths = { persistent: PERSISTENT, volatile: '/run/.node_locked' };
  const shared = { disk, folders, drafts, guard: unguarded };
  return {
    folders,
    drafts,
    flags: new DiskFlagFiles({ ...shared, paths }),
    copies: new DiskSpecCopies({ ...shared, stateDir: '/var/lib/lockstep', persistentFlagPath: PERSISTENT }),
  };
}

type Adapters = ReturnType<typeof adapters>;

interface Write {
  readonly what: string;
  readonly path: string;
  /** What stands there before, durably; null: nothing; undefined: not even its folder. */
  readonly before: string | null | undefined;
  /** What is to stand there, durably, once it returned; null: nothing. */
  readonly after: string | null;
  readonly deed: (adapters: Adapters, disk: Disk) => Promise<void>;
}

const create = ({ flags }: Adapters) => flags.create('persistent', lock(7));
const remove = ({ flags }: Adapters) => flags.remove('persistent');
const writeCopy = async ({ copies }: Adapters) => {
  await copies.write('desired-a.json', known(7));
  await copies.settle();
};
const createDrafted = async ({ flags }: Adapters) => {
  flags.draft(lock(7));
  await flags.create('persistent', lock(7));
};
const createOfAnother = async ({ flags }: Adapters) => {
  flags.draft(lock(6));
  await flags.create('persistent', lock(7));
};
const writeCopyDrafted = async ({ copies, drafts }: Adapters) => {
  copies.draft(known(7));
  await copies.write('desired-a.json', known(7));
  await copies.settle();
  await drafts.discard();
};
const anyFile = ({ folders, drafts }: Adapters, disk: Disk) =>
  writeDurably(disk, '/etc/mtc/any', 'new', { mode: 0o644, folders, drafts });

const writes: readonly Write[] = [
  { what: 'a file, made', path: '/etc/mtc/any', before: null, after: 'new', deed: anyFile },
  { what: 'a file, replaced', path: '/etc/mtc/any', before: 'old', after: 'new', deed: anyFile },
  {
    what: 'the persistent flag, made',
    path: PERSISTENT,
    before: null,
    after: formatFlag(lock(7)),
    deed: create,
  },
  {
    what: 'the persistent flag, made with its folders',
    path: PERSISTENT,
    before: undefined,
    after: formatFlag(lock(7)),
    deed: create,
  },
  {
    what: 'the persistent flag, replaced',
    path: PERSISTENT,
    before: formatFlag(lock(6)),
    after: formatFlag(lock(7)),
    deed: create,
  },
  {
    what: 'the persistent flag, removed',
    path: PERSISTENT,
    before: formatFlag(lock(6)),
    after: null,
    deed: remove,
  },
  {
    what: 'the persistent flag, removed though absent',
    path: PERSISTENT,
    before: null,
    after: null,
    deed: remove,
  },
  {
    what: 'the persistent flag, drafted and made',
    path: PERSISTENT,
    before: null,
    after: formatFlag(lock(7)),
    deed: createDrafted,
  },
  {
    what: 'the persistent flag, drafted and made with its folders',
    path: PERSISTENT,
    before: undefined,
    after: formatFlag(lock(7)),
    deed: createDrafted,
  },
  {
    what: 'the persistent flag, drafted and replaced',
    path: PERSISTENT,
    before: formatFlag(lock(6)),
    after: formatFlag(lock(7)),
    deed: createDrafted,
  },
  {
    what: 'the persistent flag, made when another was drafted',
    path: PERSISTENT,
    before: null,
    after: formatFlag(lock(7)),
    deed: createOfAnother,
  },
  {
    what: 'a copy, drafted and replaced',
    path: COPY,
    before: formatCopy(known(6)),
    after: formatCopy(known(7)),
    deed: writeCopyDrafted,
  },
  { what: 'a copy, made', path: COPY, before: null, after: formatCopy(known(7)), deed: writeCopy },
  {
    what: 'a copy, made with its folder',
    path: COPY,
    before: undefined,
    after: formatCopy(known(7)),
    deed: writeCopy,
  },
  {
    what: 'a copy, replaced',
    path: COPY,
    before: formatCopy(known(6)),
    after: formatCopy(known(7)),
    deed: writeCopy,
  },
  {
    what: 'the trace',
    path: TRACE,
    before: undefined,
    after:
      'Lockstep keeps this host: a host with this file and no other trace of its state is not a fresh install.\n',
    deed: ({ copies }) => copies.leaveTrace(),
  },
];

/** A machine on which stands what stood there before. */
function setUp({ path, before }: Write, seed?: number) {
  const rig = new DiskRig(seed);
  if (before !== undefined) rig.sim.byHand.mkdir(dirname(path));
  if (before !== undefined && before !== null) rig.sim.byHand.write(path, before);
  rig.sim.byHand.sync();
  const parts = adapters(rig.disk);
  return { rig, parts };
}

const standing = (rig: DiskRig, path: string) => rig.sim.contentNow(path) ?? null;

describe.each(writes)('$what', (write) => {
  const { path, before = null, after, deed } = write;

  it('is on the disk when it returns, and leaves nothing beside it', async () => {
    const { rig, parts } = setUp(write);
    await rig.run(() => deed(parts, rig.disk));
    expect(rig.sim.durableKind(path)).toBe(after === null ? 'absent' : 'file');
    if (after !== null) expect(rig.sim.durableContent(path)).toBe(after);
    expect(rig.sim.listNow(dirname(path)).filter((name) => name.endsWith(TEMPORARY_SUFFIX))).toEqual([]);
  });

  it('is on the disk although somebody made its folders anew and synced nothing', async () => {
    const { rig, parts } = setUp(write);
    rig.sim.byHand.rm(`/${path.split('/')[1]}`);
    rig.sim.byHand.sync();
    rig.sim.byHand.mkdir(dirname(path));
    if (typeof write.before === 'string') rig.sim.byHand.write(path, write.before);
    await rig.run(() => deed(parts, rig.disk));
    expect(rig.sim.durableKind(path)).toBe(after === null ? 'absent' : 'file');
    if (after !== null) expect(rig.sim.durableContent(path)).toBe(after);
  });

  it('leaves the old or the new, never a part, whichever I/O fails, and gets through when tried again', async () => {
    const counting = setUp(write);
    const calls = await counting.rig.countCalls(() => deed(counting.parts, counting.rig.disk));
    for (let nth = 1; nth <= calls; nth += 1) {
      const { rig, parts } = setUp(write);
      const error = await rig.failingNth(nth, () => deed(parts, rig.disk));
      expect([before, after]).toContain(standing(rig, path));
      const survivors = rig.sim
        .survivors(path)
        .map(({ kind, content }) => (kind === 'absent' ? null : content));
      for (const survivor of survivors) expect([before, after]).toContain(survivor);
      if (error === undefined) expect(survivors).toEqual([after]);
      await rig.run(() => deed(parts, rig.disk));
      expect(rig.sim.durableKind(path)).toBe(after === null ? 'absent' : 'file');
      if (after !== null) expect(rig.sim.durableContent(path)).toBe(after);
    }
    expect(calls).toBeGreaterThan(1);
  });

  it('leaves the old or the new, never a part, wherever in it the power is cut', async () => {
    const counting = setUp(write);
    const calls = await counting.rig.countCalls(() => deed(counting.parts, counting.rig.disk));
    for (let nth = 1; nth <= calls; nth += 1) {
      for (let seed = 1; seed <= 10; seed += 1) {
        const { rig, parts } = setUp(write, seed);
        await rig.powerCutAtNth(nth, () => deed(parts, rig.disk));
        expect([before, after]).toContain(standing(rig, path));
      }
    }
  });
});

describe.each([
  // To each copy: create, sync, rename; to the folder and the three above it: a sync.
  { what: 'written', isDrafted: false, needed: 10 },
  // A draft that fails is written.
  { what: 'drafted and put in place', isDrafted: true, needed: 6 },
])('both copies, $what side by side', ({ isDrafted, needed }) => {
  const COPIES = COPY_NAMES.map((name) => `/var/lib/lockstep/${name}`);
  const [before, after] = [formatCopy(known(6)), formatCopy(known(7))];

  function setUpBoth(seed?: number) {
    const rig = new DiskRig(seed);
    rig.sim.byHand.mkdir('/var/lib/lockstep');
    for (const path of COPIES) rig.sim.byHand.write(path, before);
    rig.sim.byHand.sync();
    const { copies, drafts } = adapters(rig.disk);
    const reconciler = new CopyReconciler({ ...through(copies), hasTrace: async () => true });
    const remember = async () => {
      if (isDrafted) copies.draft(known(7));
      const result = await reconciler.reconcile(known(7));
      await drafts.discard();
      return result;
    };
    return { rig, remember };
  }

  const countCalls = () => {
    const { rig, remember } = setUpBoth();
    return rig.countCalls(remember);
  };

  it('I1: are on the disk when they are remembered', async () => {
    const { rig, remember } = setUpBoth();
    expect((await rig.run(remember)).remembered).toBe(true);
    for (const path of COPIES) expect(rig.sim.durableContent(path)).toBe(after);
  });

  it('I1: are each the old or the new, and not remembered, whichever I/O fails; tried again, they are', async () => {
    const calls = await countCalls();
    let failed = 0;
    for (let nth = 1; nth <= calls; nth += 1) {
      const { rig, remember } = setUpBoth();
      let isRemembered = false;
      await rig.failingNth(nth, async () => {
        isRemembered = (await remember()).remembered;
      });
      for (const path of COPIES) {
        const left = rig.sim.survivors(path).map(({ content }) => content);
        for (const content of left) expect(isRemembered ? [after] : [before, after]).toContain(content);
      }
      if (!isRemembered) failed += 1;
      expect((await rig.run(remember)).remembered).toBe(true);
      for (const path of COPIES) expect(rig.sim.durableContent(path)).toBe(after);
    }
    expect(failed).toBe(needed);
  });

  it('I1: are each the old or the new, wherever the power is cut', async () => {
    const calls = await countCalls();
    const left = new Set<string>();
    for (let nth = 1; nth <= calls; nth += 1) {
      for (let seed = 1; seed <= 30; seed += 1) {
        const { rig, remember } = setUpBoth(seed);
        await rig.powerCutAtNth(nth, remember);
        const contents = COPIES.map((path) => rig.sim.contentNow(path));
        for (const content of contents) expect([before, after]).toContain(content);
        left.add(contents.map((content) => (content === after ? 'new' : 'old')).join(' '));
      }
    }
    // A cut may well leave the second alone: neither is the first.
    expect([...left].sort()).toEqual(['new new', 'new old', 'old new', 'old old']);
  });
});

/** The same copies, as an object that can be spread. */
function through(copies: DiskSpecCopies): SpecCopies {
  return {
    observe: () => copies.observe(),
    write: (copy, spec) => copies.write(copy, spec),
    confirm: (copy) => copies.confirm(copy),
    settle: () => copies.settle(),
    setAside: (copy) => copies.setAside(copy),
    hasTrace: () => copies.hasTrace(),
    leaveTrace: () => copies.leaveTrace(),
  };
}
