// Row: the process of a service that names its pid file is killed, and runs again; beside a bare Node supervisor, systemd and supervisord.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { serviceScript } from '../../demo/sample-scripts.ts';
import type { Bench, Measurement } from '../bench.ts';
import { startBare } from '../comparators/bare-node.ts';
import { beside } from '../comparators/beside.ts';
import { startSupervisord } from '../comparators/supervisord.ts';
import { SystemdUnits } from '../comparators/systemd.ts';
import { MeasuredController, MeasuredHost } from '../lockstep-host.ts';
import type { Row, Spread } from '../row.ts';
import { summarise } from '../statistics.ts';
import { LIMIT_MS, pause, timeDeeds, waitUntil } from '../stopwatch.ts';

const SUPERVISOR = 'bare Node supervisor';
const SYSTEMD = 'systemd, Restart=always';
const SUPERVISORD = 'supervisord';
const COMPARATORS = [SUPERVISOR, SYSTEMD, SUPERVISORD];
const TARGETS = [{ statistic: 'p50', atMost: 100 }] as const;

const few: Row = {
  id: 'service',
  what: 'service with a pid file killed -> running, one of two',
  unit: 'ms',
  targets: TARGETS,
  comparators: COMPARATORS,
  method:
    'From kill -9 of the process that the pid file names to the first look (0.1 ms apart) that finds another pid in it, alive and running the same program. Services as distributions ' +
    'ship them: scripts with start, stop and status. Eight agents on this machine have two each; they are killed one after the other, 0.7 to 0.9 s apart, so none twice within 10 s, ' +
    'which would be backed off. The supervisors are parents of their process and hear of its death from the kernel; Lockstep is not, and reads procfs every 100 ms: half of that, a look ' +
    'at both services through their scripts, and the start script itself are most of it.',
};

const many: Row = {
  id: 'service-of-many',
  what: 'service with a pid file killed -> running, one of sixteen',
  unit: 'ms',
  targets: TARGETS,
  comparators: COMPARATORS,
  method:
    'The same of one agent that has sixteen services. It asks the script of the one that died, and none whose process lives on; at each resync it asks all sixteen, eight at once, and a kill ' +
    'just then waits for that.',
};

const SERVICES = 16;

export const service: Measurement = {
  name: 'service',
  rows: [few, many],
  async run(bench) {
    const controller = await MeasuredController.start(bench);
    const bare = makeSample(bench, 'bare');
    const supervisor = startBare(bench, 'supervisor', [bare.pidFile, bare.logFile]);
    await supervisor.until('it runs its process', () => pidOf(bare) !== undefined, bench.signal);
    const supervised: (number | undefined)[] = [];
    const measure = async (prefix: string, servicesEach: number, rounds: number) => {
      const killed: (number | undefined)[] = [];
      await withServices(bench, { controller, prefix, servicesEach }, async (samples) => {
        for (let round = 0; round < rounds; round++) {
          killed.push(...(await killInTurn(bench, samples)));
          supervised.push(...(await killAgain(bench, bare, bench.count(20, 5))));
          bench.say(`service: ${killed.length} kills, of ${servicesEach} each`);
        }
      });
      return summarise(killed);
    };
    const ofFew = await measure('few', 2, bench.count(3, 1));
    const ofMany = await measure('many', SERVICES, bench.count(2, 1));
    const comparisons = [
      { name: SUPERVISOR, figures: summarise(supervised) },
      await beside(bench, SYSTEMD, () => besideSystemd(bench)),
      await beside(bench, SUPERVISORD, () => besideSupervisord(bench)),
    ];
    return [
      { row: few, lockstep: ofFew, comparisons, notes: [] },
      { row: many, lockstep: ofMany, comparisons, notes: [] },
    ];
  },
};

interface Services {
  readonly controller: MeasuredController;
  readonly prefix: string;
  readonly servicesEach: number;
}

/** Sixteen running services on as many agents as that takes, while `use` runs. */
async function withServices(
  bench: Bench,
  { controller, prefix, servicesEach }: Services,
  use: (samples: readonly Sample[]) => Promise<void>,
): Promise<void> {
  const hosts: MeasuredHost[] = [];
  const samples: Sample[] = [];
  try {
    for (let first = 0; first < SERVICES; first += servicesEach) {
      const host = new MeasuredHost(bench, controller, `${prefix}-${first}`);
      const names = Array.from({ length: servicesEach }, (_, index) => `${prefix}-${first + index}`);
      const own = names.map((name) => addSample(bench, host, name));
      samples.push(...own);
      await host.declare({ locked: false, servicesEnabled: true });
      host.spawnAgent();
      hosts.push(host);
      await host.until('its services run', () => own.every((sample) => pidOf(sample) !== undefined));
    }
    // What was started less than 10 s ago would be backed off.
    await pause(bench.count(11_000, 2_000));
    await use(samples);
  } finally {
    // Their services run on, and are ended with the measurement.
    await Promise.all(hosts.map((host) => host.endAgent()));
  }
}

/** A service of one process that follows a log of its own, so that its command line names it. */
interface Sample {
  readonly name: string;
  readonly pidFile: string;
  readonly logFile: string;
}

function makeSample(bench: Bench, name: string): Sample {
  const folder = join(bench.folders.memory, 'samples');
  mkdirSync(folder, { recursive: true });
  const sample = { name, pidFile: join(folder, `${name}.pid`), logFile: join(folder, `${name}.log`) };
  writeFileSync(sample.logFile, '');
  return sample;
}

/** A service of `host`. */
export function addSample(bench: Bench, host: MeasuredHost, name: string): Sample {
  const sample = makeSample(bench, name);
  host.addService(name, serviceScript(sample));
  return sample;
}

/** The living process of it; undefined: none, or not yet what it is to be. */
function pidOf({ pidFile, logFile }: Sample): number | undefined {
  try {
    const pid = Number(readFileSync(pidFile, 'utf8'));
    // Empty for a zombie; a shell that has not become the program yet has another first word.
    const words = pid > 1 ? readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0') : [];
    return words[0]?.endsWith('tail') === true && words.includes(logFile) ? pid : undefined;
  } catch {
    return undefined;
  }
}

async function killInTurn(
  bench: Bench,
  samples: readonly Sample[],
): Promise<readonly (number | undefined)[]> {
  const elapsed: (number | undefined)[] = [];
  for (const sample of samples) {
    elapsed.push(...(await kill(bench, sample, { count: 1, pauseMs: { from: 700, to: 900 } })));
  }
  return elapsed;
}

function killAgain(bench: Bench, sample: Sample, count: number) {
  return kill(bench, sample, { count, pauseMs: { from: 20, to: 120 } });
}

function kill(
  bench: Bench,
  sample: Sample,
  {
    count,
    pauseMs,
  }: { readonly count: number; readonly pauseMs: { readonly from: number; readonly to: number } },
): Promise<(number | undefined)[]> {
  let before: number | undefined;
  const act = () => {
    before = pidOf(sample);
    if (before === undefined) throw new Error(`expected a process of ${sample.name} to kill, found none`);
    process.kill(before, 'SIGKILL');
  };
  const isDone = () => {
    const now = pidOf(sample);
    return now !== undefined && now !== before;
  };
  return timeDeeds({ what: sample.name, count, act, isDone, pauseMs }, bench);
}

async function besideSystemd(bench: Bench): Promise<Spread | string> {
  const units = await SystemdUnits.find(bench);
  if (typeof units === 'string') return units;
  const sample = makeSample(bench, 'systemd');
  try {
    await units.keepRunning(sample.pidFile, sample.logFile);
    if (waitUntil(() => pidOf(sample) !== undefined, performance.now(), LIMIT_MS) === undefined) {
      return 'not available here (its service did not start)';
    }
    return summarise(await killAgain(bench, sample, bench.count(50, 5)));
  } finally {
    await units.remove();
  }
}

async function besideSupervisord(bench: Bench): Promise<Spread | string> {
  const sample = makeSample(bench, 'supervisord');
  const supervisord = startSupervisord(bench, sample.pidFile, sample.logFile);
  if (typeof supervisord === 'string') return supervisord;
  await supervisord.until('supervisord started the sample', () => pidOf(sample) !== undefined, bench.signal);
  return summarise(await killAgain(bench, sample, bench.count(10, 3)));
}
