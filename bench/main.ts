// `npm run bench`: measures, prints one table and writes the page. It ends all that it started, also when it is ended itself.
import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { ERROR_CODES, LockstepError, messageOf } from '../desired-state/errors.ts';
import { type Bench, runMeasurement } from './bench.ts';
import { BuiltPrograms } from './built-programs.ts';
import { parseCommandLine, usage } from './command-line.ts';
import { cellsOf, isSound } from './figures.ts';
import { Folders, fileSystems } from './folders.ts';
import { describeMachine, type Machine } from './machine.ts';
import { MEASUREMENTS } from './measurements.ts';
import { renderPage } from './page.ts';
import { Programs } from './programs.ts';
import type { BrokenRow, RowResult } from './row.ts';
import { seededRandom } from './statistics.ts';
import { renderTable } from './table.ts';

const CHECKOUT = resolve(import.meta.dirname, '..');
const NAMES = MEASUREMENTS.map(({ name }) => name);
/** Any number; the same one, so that the pauses are the same in each run. */
const SEED = 3;
/** As shells tell it: 128 + SIGINT. */
const INTERRUPTED = 130;
const QUICK = 'Quick: too few repetitions to say how fast anything is, and no page is written.';

await main();

async function main(): Promise<void> {
  try {
    process.exitCode = await run(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`lockstep bench: ${messageOf(error)}\n`);
    const isUsage = error instanceof LockstepError && error.code === 'Usage';
    if (isUsage) process.stderr.write(usage(NAMES));
    process.exitCode = ERROR_CODES[isUsage ? 'Usage' : 'Failed'].exitCode;
  }
}

/** @returns the exit code: 1 when something was missed or broke, not when it was slow. */
async function run(args: readonly string[]): Promise<number> {
  const { only, isQuick, out, isHelp } = parseCommandLine(args, NAMES);
  if (isHelp) {
    process.stdout.write(usage(NAMES));
    return 0;
  }
  // An agent runs no script that others than its owner could have put there.
  process.umask(0o022);
  const signal = abortAtEnd();
  const at = new Date().toISOString();
  const machine = readMachine();
  const results: (RowResult | BrokenRow)[] = [];
  const built = new BuiltPrograms(signal);
  try {
    for (const measurement of MEASUREMENTS) {
      if (only.length > 0 && !only.includes(measurement.name)) continue;
      say(`${measurement.name}...`);
      results.push(...(await runMeasurement(measurement, makeBench(signal, isQuick, built))));
      if (signal.aborted) return INTERRUPTED;
    }
  } finally {
    built.remove();
  }
  print([
    ...(isQuick ? [QUICK] : []),
    ...describeMachine(machine),
    '',
    ...renderTable(results.map(cellsOf)),
    '',
  ]);
  const command = ['npm run bench', ...(args.length === 0 ? [] : ['--', ...args])].join(' ');
  if (out !== undefined) {
    const file = resolve(CHECKOUT, out);
    writeFileSync(file, renderPage({ results, machine, at, command, isQuick }));
    say(`written: ${out}`);
  }
  return results.every(isSound) ? 0 : 1;
}

function makeBench(signal: AbortSignal, isQuick: boolean, built: BuiltPrograms): Bench {
  const folders = new Folders();
  return {
    signal,
    folders,
    builtBin: () => built.bin(),
    programs: new Programs(folders.disk),
    random: seededRandom(SEED),
    count: (full, quick) => (isQuick ? quick : full),
    say,
  };
}

/** Aborts when the bench is to end: what is measured then stops, and its programs are ended. */
function abortAtEnd(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => controller.abort());
  return controller.signal;
}

function readMachine(): Machine {
  const [first] = cpus();
  return {
    cores: cpus().length,
    cpu: first?.model.trim() ?? 'an unknown processor',
    memoryBytes: totalmem(),
    kernel: release(),
    nodeVersion: process.versions.node,
    loadAverage: Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? loadavg()[0]),
    fileSystems: fileSystems(),
  };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

function print(lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}
