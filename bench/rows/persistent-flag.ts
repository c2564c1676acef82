// Rows: the persistent flag is deleted and comes back, written durably; and both are, where the volatile one's return says that the other one is on the disk.
import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Measurement } from '../bench.ts';
import { startBare } from '../comparators/bare-node.ts';
import { MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import type { Row } from '../row.ts';
import { summarise } from '../statistics.ts';
import { timeDeeds } from '../stopwatch.ts';

const COMPARATOR = 'bare Node fs.watch loop, same syncs';
const TARGETS = [{ statistic: 'p99', atMost: 15 }] as const;

const seen: Row = {
  id: 'persistent-flag',
  what: 'persistent flag deleted -> back',
  unit: 'ms',
  targets: TARGETS,
  comparators: [COMPARATOR],
  method:
    'Measured as the volatile flag. A flag that can be seen is written, synced and renamed into place; the sync of its folder follows. Both Lockstep and the bare loop write beside it, ' +
    'sync, rename and sync the folder. The sync of the file is most of it.',
};

const durable: Row = {
  id: 'both-flags',
  what: 'both flags deleted -> both back, both syncs done',
  unit: 'ms',
  targets: TARGETS,
  comparators: [COMPARATOR],
  method:
    'The persistent flag is deleted, then at once the volatile one; from before the first to the return of the volatile one. That is written only when the persistent flag is on the disk, ' +
    'file and folder (I8), so this is what both syncs cost, seen from outside. Where the file system has to write its journal for each sync, they are most of it.',
};

export const persistentFlag: Measurement = {
  name: 'persistent-flag',
  rows: [seen, durable],
  async run(bench) {
    const host = new MeasuredHost(bench, await MeasuredController.start(bench), 'lockstep');
    await host.startLocked();
    const bare = {
      volatile: join(bench.folders.memory, 'bare/.node_locked'),
      persistent: join(bench.folders.disk, 'bare-flag/.node_locked'),
    };
    const loop = startBare(bench, 'flag-loop', [bare.volatile, bare.persistent]);
    await loop.until('the bare loop made its flags', () => existsSync(bare.volatile), bench.signal);

    const samples: Record<'seen' | 'durable' | 'bareSeen' | 'bareDurable', (number | undefined)[]> = {
      seen: [],
      durable: [],
      bareSeen: [],
      bareDurable: [],
    };
    const blocks = bench.count(5, 1);
    const count = bench.count(100, 20);
    for (let block = 1; block <= blocks; block++) {
      samples.seen.push(...(await deletePersistent(bench, host.flags, count)));
      samples.bareSeen.push(...(await deletePersistent(bench, bare, count)));
      samples.durable.push(...(await deleteBoth(bench, host.flags, count)));
      samples.bareDurable.push(...(await deleteBoth(bench, bare, count)));
      bench.say(`persistent flag: ${samples.seen.length + samples.durable.length} deletions`);
    }
    const beside = (of: (number | undefined)[]) => [{ name: COMPARATOR, figures: summarise(of) }];
    return [
      { row: seen, lockstep: summarise(samples.seen), comparisons: beside(samples.bareSeen), notes: [] },
      {
        row: durable,
        lockstep: summarise(samples.durable),
        comparisons: beside(samples.bareDurable),
        notes: [],
      },
    ];
  },
};

interface Flags {
  readonly volatile: string;
  readonly persistent: string;
}

const PAUSE_MS = { from: 0, to: 20 } as const;

function deletePersistent(bench: Bench, { persistent }: Flags, count: number) {
  const act = () => unlinkSync(persistent);
  return timeDeeds(
    { what: persistent, count, act, isDone: () => existsSync(persistent), pauseMs: PAUSE_MS },
    bench,
  );
}

function deleteBoth(bench: Bench, { volatile, persistent }: Flags, count: number) {
  const act = () => {
    unlinkSync(persistent);
    unlinkSync(volatile);
  };
  return timeDeeds(
    { what: persistent, count, act, isDone: () => existsSync(volatile), pauseMs: PAUSE_MS },
    bench,
  );
}
