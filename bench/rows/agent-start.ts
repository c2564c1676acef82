// Row: an agent is started, and the flags that were deleted while it was down are there.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bench, Measurement } from '../bench.ts';
import { bareScript } from '../comparators/bare-node.ts';
import { MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import type { Program } from '../programs.ts';
import type { Row } from '../row.ts';
import { summarise } from '../statistics.ts';
import { LIMIT_MS, pause, waitUntil } from '../stopwatch.ts';

const COMPARATOR = 'bare Node that writes both flags';

const row: Row = {
  id: 'agent-start',
  what: 'agent start -> both flags right',
  unit: 'ms',
  targets: [{ statistic: 'p99', atMost: 300 }],
  comparators: [COMPARATOR],
  method:
    'The agent is ended, both flags are deleted, and it is started through bin/lockstep-agent: from just before the spawn to the first look (0.1 ms apart) that finds both. It remembers ' +
    'that it is locked, and reads that, its configuration and its sources first, the latter from the compile cache that an earlier start left. In turns with a bare Node that writes two ' +
    'flags, one synced. Loading Node and the libraries is nearly all of it.',
};

export const agentStart: Measurement = {
  name: 'agent-start',
  rows: [row],
  async run(bench) {
    const host = new MeasuredHost(bench, await MeasuredController.start(bench), 'lockstep');
    await host.startLocked();
    await host.endAgent();
    const bare = {
      volatile: join(bench.folders.memory, 'bare/.node_locked'),
      persistent: join(bench.folders.disk, 'bare-flag/.node_locked'),
    };
    for (const path of Object.values(bare)) mkdirSync(dirname(path), { recursive: true });
    const script = bareScript(bench, 'starter');
    const startBare = () => bench.programs.start(process.execPath, [script, bare.volatile, bare.persistent]);
    const lockstep: (number | undefined)[] = [];
    const starter: (number | undefined)[] = [];
    for (let round = 0; round < bench.count(30, 3); round++) {
      lockstep.push(await timeStart(bench, host.flags, () => host.spawnAgent()));
      starter.push(await timeStart(bench, bare, startBare));
    }
    const comparisons = [{ name: COMPARATOR, figures: summarise(starter) }];
    return [{ row, lockstep: summarise(lockstep), comparisons, notes: [] }];
  },
};

interface Flags {
  readonly volatile: string;
  readonly persistent: string;
}

async function timeStart(bench: Bench, flags: Flags, start: () => Program): Promise<number | undefined> {
  bench.signal.throwIfAborted();
  for (const path of Object.values(flags)) rmSync(path, { force: true });
  const startedMs = performance.now();
  const program = start();
  const areThere = () => existsSync(flags.volatile) && existsSync(flags.persistent);
  const elapsedMs = waitUntil(areThere, startedMs, LIMIT_MS);
  // It is to be up before it is ended.
  await pause(200);
  await program.end();
  return elapsedMs;
}
