// Rows: what a converged agent costs the processor, without services and with two that name their pid files.
import { existsSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Bench, Measurement } from '../bench.ts';
import { startBare } from '../comparators/bare-node.ts';
import { isReady, MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import { childrenCpuMs, cpuMs, scriptShellOf } from '../proc.ts';
import type { Comparison, Row, Value } from '../row.ts';
import { addSample } from './service.ts';

const COMPARATORS = [
  'bare Node with a timer of 5 s and an fs.watch',
  'bare Node with a timer of 100 ms',
] as const;
/** The issue names one figure for both. */
const TARGETS = [{ statistic: 'value', atMost: 0.2 }] as const;

const alone: Row = {
  id: 'idle',
  what: 'idle agent, no services',
  unit: '% of a core',
  targets: TARGETS,
  comparators: COMPARATORS,
  method:
    'CPU time that all threads of the agent had, by the scheduler (/proc/PID/task/*/schedstat), over at least 60 s in which nothing happens: a look every 5 s, a heartbeat every 5 s. The ' +
    'agents and the bare processes are measured over the same time, beside each other, from 10 s after they were in sync. The looks are most of it.',
};

const withServices: Row = {
  id: 'idle-services',
  what: 'idle agent, two services with pid files',
  unit: '% of a core',
  targets: TARGETS,
  comparators: COMPARATORS,
  method:
    'As above, of an agent that watches two processes every 100 ms and asks two scripts for their status every 5 s. The figure is the agent itself and the shell ' +
    'that it has its scripts started by; what the scripts cost, which is theirs, is beside it (with what the shell forks to wait for each). What a look every 100 ms costs at least is beside it, too.',
};

export const idle: Measurement = {
  name: 'idle',
  rows: [alone, withServices],
  async run(bench) {
    const controller = await MeasuredController.start(bench);
    const quiet = new MeasuredHost(bench, controller, 'quiet');
    const serving = new MeasuredHost(bench, controller, 'serving');
    for (const name of ['10-first', 'second']) addSample(bench, serving, name);
    await serving.declare({ locked: false, servicesEnabled: true });
    serving.spawnAgent();
    await quiet.startLocked();
    await serving.untilHost('both services run', isReady);
    const watching = startBare(bench, 'idle', ['watch', bench.folders.memory]);
    const ticking = startBare(bench, 'idle', ['timer']);
    await watching.until('it runs', () => existsSync(`/proc/${watching.pid}/task`), bench.signal);
    await sleep(bench, bench.count(10_000, 2_000));
    const pids = [quiet.agentPid, serving.agentPid, watching.pid, ticking.pid] as const;
    bench.say('idle: nothing happens for a while');
    const [ofQuiet, ofServing, ofWatching, ofTicking] = await watchUsage(
      bench,
      pids,
      bench.count(61_000, 5_000),
    );
    const comparisons: readonly Comparison[] = [
      { name: COMPARATORS[0], figures: value(ofWatching, '') },
      { name: COMPARATORS[1], figures: value(ofTicking, '') },
    ];
    const scripts = `its scripts: ${share(ofServing.childrenMs, ofServing.elapsedMs)} more`;
    return [
      { row: alone, lockstep: value(ofQuiet, ''), comparisons, notes: [] },
      { row: withServices, lockstep: value(ofServing, scripts), comparisons, notes: [] },
    ];
  },
};

interface Usage {
  readonly ownMs: number;
  readonly childrenMs: number;
  readonly elapsedMs: number;
}

type Four<T> = readonly [T, T, T, T];

async function watchUsage(
  bench: Bench,
  [a, b, c, d]: Four<number>,
  durationMs: number,
): Promise<Four<Usage>> {
  const ends = [begin(a), begin(b), begin(c), begin(d)] as const;
  await sleep(bench, durationMs);
  return [ends[0](), ends[1](), ends[2](), ends[3]()];
}

/** Begins to count; what is returned ends that. An agent's shell counts as the agent, the shell's children as scripts. */
function begin(pid: number): () => Usage {
  const shell = scriptShellOf(pid);
  const pids = shell === undefined ? [pid] : [pid, shell];
  const sum = (of: (pid: number) => number) => pids.map(of).reduce((total, ms) => total + ms, 0);
  const before = { own: sum(cpuMs), children: sum(childrenCpuMs), at: performance.now() };
  return () => ({
    ownMs: sum(cpuMs) - before.own,
    childrenMs: sum(childrenCpuMs) - before.children,
    elapsedMs: performance.now() - before.at,
  });
}

function value({ ownMs, elapsedMs }: Usage, detail: string): Value {
  return { kind: 'value', value: share(ownMs, elapsedMs), detail };
}

/** Per cent, to a thousandth. */
function share(partMs: number, ofMs: number): number {
  return Math.round((partMs / ofMs) * 100_000) / 1_000;
}

async function sleep(bench: Bench, ms: number): Promise<void> {
  await setTimeout(ms, undefined, { signal: bench.signal });
}
