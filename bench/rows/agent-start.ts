// Row: an agent is started, and the flags that were deleted while it was down are there.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bench, Measurement } from '../bench.ts';
import { bareScript } from '../comparators/bare-node.ts';
import { MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import { CHECKOUT_BIN, type Program } from '../programs.ts';
import type { Row } from '../row.ts';
import { summarise } from '../statistics.ts';
import { LIMIT_MS, pause, waitUntil } from '../stopwatch.ts';

const COMPARATOR = 'bare Node that writes both flags';

const COMMON = {
  unit: 'ms',
  targets: [{ statistic: 'p99', atMost: 300 }],
  comparators: [COMPARATOR],
} as const;

const built: Row = {
  ...COMMON,
  id: 'agent-start',
  what: 'agent start -> both flags right, built',
  method:
    'The agent is ended, both flags are deleted, and it is started through bin/lockstep-agent of what `npm run build` makes: from just before the spawn to the first look (0.1 ms apart) that ' +
    'finds both. It remembers that it is locked, and reads that and its configuration first. In turns with the agent of the checkout, which has the same configuration and memory, and with a ' +
    'bare Node that writes two flags, one synced. Node itself is a quarter of it, its modules and libraries are half.',
};

const fromCheckout: Row = {
  ...COMMON,
  id: 'agent-start-checkout',
  what: 'agent start -> both flags right, from a checkout',
  method:
    'The same through bin/lockstep-agent of the checkout, which runs from .ts: some 300 files are found and read, and compiled by what the compile cache has of an earlier start. That is nearly ' +
    'all of it.',
};

export const agentStart: Measurement = {
  name: 'agent-start',
  rows: [built, fromCheckout],
  async run(bench) {
    const builtBin = await bench.builtBin();
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
    const ofBuilt: (number | undefined)[] = [];
    const ofCheckout: (number | undefined)[] = [];
    const starter: (number | undefined)[] = [];
    for (let round = 0; round < bench.count(30, 3); round++) {
      ofBuilt.push(await timeStart(bench, host.flags, () => host.spawnAgent(builtBin)));
      ofCheckout.push(await timeStart(bench, host.flags, () => host.spawnAgent(CHECKOUT_BIN)));
      starter.push(await timeStart(bench, bare, startBare));
    }
    const comparisons = [{ name: COMPARATOR, figures: summarise(starter) }];
    return [
      { row: built, lockstep: summarise(ofBuilt), comparisons, notes: [] },
      { row: fromCheckout, lockstep: summarise(ofCheckout), comparisons, notes: [] },
    ];
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
