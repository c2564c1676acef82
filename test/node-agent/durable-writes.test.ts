// Every durable write of the agent, with each of its I/Os failing in turn and with the power cut in the middle of each.
import { dirname } from 'node:path/posix';
import { describe, expect, it } from 'vitest';
import { TEMPORARY_SUFFIX, writeAtomically } from '../../node-agent/atomic-write.ts';
import type { Disk } from '../../node-agent/disk.ts';
import { DurableFolders } from '../../node-agent/durable-folders.ts';
import { DiskFlagFiles } from '../../node-agent/flag-files.ts';
import { DiskSpecCopies } from '../../node-agent/spec-copies.ts';
import { formatCopy, type KnownSpec } from '../../reconcilers/copy/known-spec.ts';
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
  const paths = { persistent: PERSISTENT, volatile: '/run/.node_locked' };
  const shared = { disk, folders, guard: unguarded };
  return {
    folders,
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
const writeCopy = ({ copies }: Adapters) => copies.write('desired-a.json', known(7));
const anyFile = ({ folders }: Adapters, disk: Disk) =>
  writeAtomically(disk, '/etc/mtc/any', 'new', { mode: 0o644, durable: folders });

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
