// Row: an agent is started, and the flags that were deleted while it was down are there.
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bench, Measurement } from '../bench.ts';
import { bareScript } from '../comparators/bare-node.ts';
import { MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import { CHECKOUT_BIN, type Program } from '../programs.ts';
import type { Row } from '../row.ts';
import { SAMPLES_OF_A_P99, summarise } from '../statistics.ts';
import { LIMIT_MS, pause, waitUntil } from '../stopwatch.ts';

const BARE = 'bare Node that writes both flags';
const FROM_CHECKOUT = 'the same agent from a checkout';

const row: Row = {
  id: 'agent-start',
  what: 'agent start -> both flags right',
  unit: 'ms',
  targets: [{ statistic: 'p99', atMost: 300 }],
  comparators: [FROM_CHECKOUT, BARE],
  method:
    'The agent is ended, both flags are deleted, and it is started through bin/lockstep-agent of what `npm run build` makes, which is what runs on a host: from just before the spawn to the ' +
    'first look (0.1 ms apart) that finds both. It remembers that it is locked, and reads that and its configuration first. Node itself is a quarter of it, its modules and libraries are half. ' +
    'In turns with bin/lockstep-agent of the checkout, which has the same configuration and memory: some 300 files of .ts and libraries are found, read, and compiled by what the compile cache ' +
    'has of an earlier start. And with a bare Node that writes two flags, one synced.',
};

export const agentStart: Measurement = {
  name: 'agent-start',
  rows: [row],
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
    for (let round = 0; round < bench.count(SAMPLES_OF_A_P99, 3); round++) {
      ofBuilt.push(await timeStart(bench, host.flags, () => host.spawnAgent(builtBin)));
      ofCheckout.push(await timeStart(bench, host.flags, () => host.spawnAgent(CHECKOUT_BIN)));
      starter.push(await timeStart(bench, bare, startBare));
    }
    const comparisons = [
      { name: FROM_CHECKOUT, figures: summarise(ofCheckout) },
      { name: BARE, figures: summarise(starter) },
    ];
    return [{ row, lockstep: summarise(ofBuilt), comparisons, notes: [] }];
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
