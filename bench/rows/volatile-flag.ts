// Row: the volatile flag is deleted and comes back, 10,000 times, none missed; beside a bare fs.watch loop, systemd's path unit and monit.
import { existsSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Bench, Measurement } from '../bench.ts';
import { startBare } from '../comparators/bare-node.ts';
import { beside } from '../comparators/beside.ts';
import { MONIT_CYCLE_MS, startMonit } from '../comparators/monit.ts';
import { SystemdUnits } from '../comparators/systemd.ts';
import { describeFigures } from '../figures.ts';
import { MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import { residentMiB } from '../proc.ts';
import type { Program } from '../programs.ts';
import type { Comparison, Row, RowResult, Spread } from '../row.ts';
import { type Samples, summarise } from '../statistics.ts';
import { pause, timeDeeds } from '../stopwatch.ts';
import { memoryAfterDeletions, memoryAfterStart } from './memory.ts';

const LOOP = 'bare Node fs.watch loop';
const SYSTEMD = 'systemd path unit';
const MONIT = 'monit, a cycle of 1 s';

const row: Row = {
  id: 'volatile-flag',
  what: 'volatile flag deleted -> back, 10,000 deletions',
  unit: 'ms',
  targets: [
    { statistic: 'p50', atMost: 2 },
    { statistic: 'p99', atMost: 10 },
  ],
  comparators: [LOOP, SYSTEMD, MONIT],
  method:
    'From just before unlink(2) to the first look that finds the flag, by a process that looks every 0.1 ms and sleeps in between: one that spun would hold the core on which the agent is woken. The next deletion follows 0 to 20 ms ' +
    'after that, at random (seeded): also in the middle of what the agent does after a correction, which then waits for nothing but the pass. Lockstep and the bare loop take ' +
    'turns, 1,000 and 200 deletions at a time; systemd (100, 50 to 100 ms apart, because it misses what is deleted before its service has ended; where another program is process 1 a manager that the bench starts for itself) and monit (20) follow. The agent is connected to a controller and logs and reports each correction. Most of it is waking ' +
    "the agent's process, and its watch library taking three events for one file that is made beside and renamed into place.",
};

export const volatileFlag: Measurement = {
  name: 'volatile-flag',
  rows: [row, memoryAfterStart, memoryAfterDeletions],
  async run(bench) {
    const builtBin = await bench.builtBin();
    const controller = await MeasuredController.start(bench);
    const host = new MeasuredHost(bench, controller, 'lockstep');
    const builtHost = new MeasuredHost(bench, controller, 'built');
    // An agent's first start ever compiles all of its sources, and keeps what it took for that: 0.6 x more. Hosts have that once.
    await host.startLocked();
    await host.endAgent();
    await host.startLocked();
    await builtHost.startLocked(builtBin);
    const bareFlag = join(bench.folders.memory, 'bare/.node_locked');
    const bare = startBare(bench, 'flag-loop', [bareFlag]);
    await bare.until('the bare loop made its flag', () => existsSync(bareFlag), bench.signal);
    const nothing = startBare(bench, 'idle', ['nothing']);
    await pause(5_000);
    const before = memoryOf(host, nothing);
    const ofBuilt = ratio(residentMiB(builtHost.agentPid), before.nothing);
    await builtHost.endAgent();

    const lockstep: (number | undefined)[] = [];
    const own: number[] = [];
    const loop: (number | undefined)[] = [];
    const blocks = bench.count(10, 2);
    for (let block = 1; block <= blocks; block++) {
      lockstep.push(...(await deletions(bench, 'Lockstep', host.flags.volatile, bench.count(1_000, 100))));
      own.push(...host.ownLatencies());
      loop.push(...(await deletions(bench, LOOP, bareFlag, bench.count(200, 50))));
      bench.say(`volatile flag: ${lockstep.length} deletions`);
    }
    const after = memoryOf(host, nothing);
    const bareMiB = residentMiB(bare.pid);

    const comparisons = [
      { name: LOOP, figures: summarise(loop) },
      await beside(bench, SYSTEMD, () => besideSystemd(bench)),
      await beside(bench, MONIT, () => besideMonit(bench)),
    ];
    return [
      { row, lockstep: summarise(lockstep), comparisons, notes: [ownAccount(own)] },
      memoryResult(memoryAfterStart, before, [], [`The built agent: ${describeFigures(ofBuilt, 'x')}.`]),
      memoryResult(memoryAfterDeletions, after, [
        { name: 'bare Node fs.watch loop, after its deletions', figures: ratio(bareMiB, after.nothing) },
      ]),
    ];
  },
};

/** What the agent itself says it took, which is the outside figure without the way of the event to it. */
function ownAccount(own: Samples): string {
  return `By the agent's own account, from its event to both flags found as desired: ${describeFigures(summarise(own), 'ms')}, of the newest corrections after each turn.`;
}

function deletions(
  bench: Bench,
  what: string,
  flag: string,
  count: number,
  pauseMs = PAUSE_MS,
): Promise<(number | undefined)[]> {
  const act = () => unlinkSync(flag);
  return timeDeeds({ what, count, act, isDone: () => existsSync(flag), pauseMs }, bench);
}

const PAUSE_MS = { from: 0, to: 20 };
/** A path unit watches again only once its service has ended: a deletion before that, some 10 ms after the flag is back, it never sees. */
const SYSTEMD_PAUSE_MS = { from: 50, to: 100 };

async function besideSystemd(bench: Bench): Promise<Spread | string> {
  const units = await SystemdUnits.find(bench);
  if (typeof units === 'string') return units;
  const flag = join(bench.folders.memory, 'systemd/.node_locked');
  mkdirSync(dirname(flag), { recursive: true });
  writeFileSync(flag, '');
  try {
    await units.restoreFlag(flag);
    return summarise(await deletions(bench, SYSTEMD, flag, bench.count(100, 10), SYSTEMD_PAUSE_MS));
  } finally {
    await units.remove();
  }
}

async function besideMonit(bench: Bench): Promise<Spread | string> {
  const flag = join(bench.folders.memory, 'monit/.node_locked');
  mkdirSync(dirname(flag), { recursive: true });
  const monit = await startMonit(bench, flag);
  if (typeof monit === 'string') return monit;
  const samples = await timeDeeds(
    {
      what: MONIT,
      count: bench.count(20, 3),
      act: () => unlinkSync(flag),
      isDone: () => existsSync(flag),
      // At any moment of its cycle.
      pauseMs: { from: 0, to: MONIT_CYCLE_MS },
    },
    bench,
  );
  await monit.end();
  return summarise(samples);
}

interface Memory {
  readonly agent: number;
  readonly nothing: number;
}

function memoryOf(host: MeasuredHost, nothing: Program): Memory {
  return { agent: residentMiB(host.agentPid), nothing: residentMiB(nothing.pid) };
}

function memoryResult(
  of: Row,
  { agent, nothing }: Memory,
  more: readonly Comparison[],
  notes: readonly string[] = [],
): RowResult {
  const bareNode = { name: 'bare Node with one timer', figures: ratio(nothing, nothing) };
  return { row: of, lockstep: ratio(agent, nothing), comparisons: [bareNode, ...more], notes };
}

function ratio(mib: number, of: number) {
  return {
    kind: 'value' as const,
    value: Math.round((mib / of) * 100) / 100,
    detail: `${mib.toFixed(0)} MiB`,
  };
}
