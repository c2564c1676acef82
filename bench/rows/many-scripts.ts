// Row: what the observation of 300 status scripts adds to the correction of a flag.
import { existsSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench, Measurement } from '../bench.ts';
import { startBare } from '../comparators/bare-node.ts';
import { describeFigures } from '../figures.ts';
import { isReady, MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import { childrenOf, scriptShellOf } from '../proc.ts';
import type { Row } from '../row.ts';
import { excess, summarise } from '../statistics.ts';
import { timeDeeds } from '../stopwatch.ts';

const WITHOUT = 'the same agent without services';
const BARE = 'bare Node fs.watch loop beside 300 scripts of a bare Node spawner';

const row: Row = {
  id: 'many-scripts',
  what: 'delay of a volatile flag deleted -> back by 300 status scripts',
  unit: 'ms',
  targets: [{ statistic: 'p99', atMost: 10 }],
  comparators: [WITHOUT, BARE],
  method:
    'The volatile flag is deleted again and again, as above, while an agent with 300 services asks each for its status at each resync (5 s); and of an agent without services; and of a bare ' +
    'loop beside a bare Node that runs the same scripts, eight at once, every 5 s. In turns, and only one of them runs at a time. Of the deletions that met running scripts, each percentile less ' +
    'the same one of the agent without services: what the machine does to both is no delay by scripts. The largest of each set is chance, so the target is held against p99. ' +
    'The comparators are not delays but whole latencies. The agent has its scripts started by a small shell, and leaves a processor to the flags.',
};

export const manyScripts: Measurement = {
  name: 'many-scripts',
  rows: [row],
  async run(bench) {
    const controller = await MeasuredController.start(bench);
    const loaded = new MeasuredHost(bench, controller, 'loaded');
    for (let index = 0; index < SCRIPTS; index++) loaded.addService(`service-${index}`, SCRIPT);
    await loaded.declare({ locked: true, servicesEnabled: true });
    const plain = new MeasuredHost(bench, controller, 'plain');
    const samples: Record<'with' | 'during' | 'without' | 'bare' | 'bareDuring', (number | undefined)[]> = {
      with: [],
      during: [],
      without: [],
      bare: [],
      bareDuring: [],
    };
    for (let block = 1; block <= bench.count(3, 1); block++) {
      await startWith(loaded, SCRIPTS);
      const pid = loaded.agentPid;
      await deleteFlag(bench, loaded.flags.volatile, { pid, all: samples.with, during: samples.during });
      await loaded.endAgent();
      await startWith(plain, 0);
      await deleteFlag(bench, plain.flags.volatile, {
        pid: plain.agentPid,
        all: samples.without,
        during: [],
      });
      await plain.endAgent();
      await deleteBare(bench, loaded.services, samples.bare, samples.bareDuring);
      bench.say(`300 scripts: ${samples.with.length} deletions beside them`);
    }
    const without = summarise(samples.without);
    const met = summarise(samples.during);
    const during = (of: (number | undefined)[]) =>
      of.length === 0 ? 'none' : describeFigures(summarise(of), 'ms');
    return [
      {
        row,
        lockstep: excess(met, without),
        comparisons: [
          { name: WITHOUT, figures: without },
          { name: BARE, figures: summarise(samples.bare) },
        ],
        notes: [
          `Whole latencies while scripts ran: ${describeFigures(met, 'ms')}; of the bare loop: ${during(samples.bareDuring)}.`,
          `With the scripts, whether they ran or not: ${describeFigures(summarise(samples.with), 'ms')}.`,
        ],
      },
    ];
  },
};

const SCRIPTS = 300;
/** Always running: what is measured is the asking. */
const SCRIPT = '#!/bin/sh\n# start|stop|status\ncase "$1" in status) exit 0 ;; esac\n';
/** Three resyncs, each with its 300 scripts. */
const TURN_MS = 16_000;

async function startWith(host: MeasuredHost, services: number): Promise<void> {
  host.spawnAgent();
  await host.until('both flags are there', () => host.hasBothFlags());
  await host.untilHost(`${services} services run and the host is Ready`, (now) => {
    const running = now.status.services.filter(({ state }) => state === 'running');
    return isReady(now) && running.length === services;
  });
}

interface Into {
  /** Which process runs scripts. */
  readonly pid: number;
  readonly all: (number | undefined)[];
  /** Those that began or ended while scripts ran. */
  readonly during: (number | undefined)[];
}

/** Scripts are children of the process, or of the agent's shell, which is always there. */
function runsScripts(pid: number): boolean {
  const shell = scriptShellOf(pid);
  if (shell === undefined) return childrenOf(pid).length > 0;
  return childrenOf(shell).length > 0 || childrenOf(pid).length > 1;
}

async function deleteFlag(bench: Bench, flag: string, { pid, all, during }: Into): Promise<void> {
  const untilMs = performance.now() + bench.count(TURN_MS, TURN_MS / 2);
  while (performance.now() < untilMs) {
    let wasRunning = false;
    const act = () => {
      wasRunning = runsScripts(pid);
      unlinkSync(flag);
    };
    const after = (elapsedMs: number | undefined) => {
      if (wasRunning || runsScripts(pid)) during.push(elapsedMs);
    };
    const isDone = () => existsSync(flag);
    all.push(
      ...(await timeDeeds({ what: flag, count: 1, act, isDone, pauseMs: { from: 0, to: 20 }, after }, bench)),
    );
  }
}

async function deleteBare(
  bench: Bench,
  services: string,
  all: (number | undefined)[],
  during: (number | undefined)[],
): Promise<void> {
  const flag = join(bench.folders.memory, 'bare/.node_locked');
  const loop = startBare(bench, 'flag-loop', [flag]);
  const spawner = startBare(bench, 'spawner', [join(services, 'worker')]);
  await loop.until('the bare loop made its flag', () => existsSync(flag), bench.signal);
  await deleteFlag(bench, flag, { pid: spawner.pid, all, during });
  await Promise.all([loop.end(), spawner.end()]);
}
