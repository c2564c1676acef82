// `npm start`: a controller and an agent on a sandbox host, shown live, or put to the test with --for. Turns how it ended into an exit code.
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { formatDuration } from '../desired-state/duration.ts';
import { ERROR_CODES, LockstepError, messageOf } from '../desired-state/errors.ts';
import { type CommandLine, parseCommandLine, USAGE } from './command-line.ts';
import { makeDrift } from './drift.ts';
import { describeHints } from './hints.ts';
import { showHost } from './live-view.ts';
import { beOnlyDemo } from './only-demo.ts';
import { describeMeasured, type Measured, summarise } from './render.ts';
import { RunningDemo } from './running-demo.ts';
import { HOST, openSandbox } from './sandbox.ts';

const CHECKOUT = resolve(import.meta.dirname, '..');

await main();

async function main(): Promise<void> {
  try {
    const commandLine = parseCommandLine(process.argv.slice(2));
    process.exit(commandLine.isHelp ? help() : await run(commandLine));
  } catch (error) {
    process.stderr.write(`lockstep demo: ${messageOf(error)}\n`);
    const isUsage = error instanceof LockstepError && error.code === 'Usage';
    if (isUsage) process.stderr.write(USAGE);
    process.exit(ERROR_CODES[isUsage ? 'Usage' : 'Failed'].exitCode);
  }
}

function help(): number {
  process.stdout.write(USAGE);
  return 0;
}

/** @returns the exit code. */
async function run({ dir, driftMs }: CommandLine): Promise<number> {
  // An agent runs no script that others than its owner could have put there.
  process.umask(0o022);
  const signal = abortAtEnd();
  const sandbox = openSandbox(dir ?? join(CHECKOUT, '.lockstep'));
  beOnlyDemo(sandbox.dir);
  if (!sandbox.isSocketInside) {
    print(`The path of ${sandbox.dir} is too long for a socket: the controller's data is in ${sandbox.data}`);
  }
  const demo = new RunningDemo(sandbox);
  try {
    const start = demo.start({ asNew: driftMs !== undefined });
    await Promise.race([start, once(signal, 'abort')]);
    if (signal.aborted) return 0;
    const flagsAfterMs = await start;
    const work =
      driftMs === undefined ? show(demo, signal) : drift(demo, { forMs: driftMs, flagsAfterMs, signal });
    return await Promise.race([work, demo.diesNever()]);
  } finally {
    await demo.end();
  }
}

async function show(demo: RunningDemo, signal: AbortSignal): Promise<number> {
  const { sandbox } = demo;
  const texts = {
    title: `Lockstep demo: host ${HOST} in ${sandbox.root}`,
    hints: describeHints(sandbox, CHECKOUT),
  };
  await showHost(demo, texts, process.stdout, signal);
  print('Ending the agent, the controller and the sample services.');
  return 0;
}

interface DriftOptions {
  readonly forMs: number;
  readonly flagsAfterMs: number | undefined;
  readonly signal: AbortSignal;
}

async function drift(demo: RunningDemo, { forMs, flagsAfterMs, signal }: DriftOptions): Promise<number> {
  if (flagsAfterMs === undefined)
    throw new LockstepError('Failed', 'expected both flags on a new host, found that its agent made none');
  print(
    `Fresh start: ${HOST} is new, so locked; both flags were there ${flagsAfterMs.toFixed(0)} ms after its agent was started.`,
  );
  print(`Making drift for ${formatDuration(forMs)}, measured from outside:`);
  const measured: Measured[] = [];
  await makeDrift(demo, { forMs, signal }, (one) => {
    measured.push(one);
    print(describeMeasured(one));
  });
  print(summarise(measured));
  return measured.every(({ elapsedMs }) => elapsedMs !== undefined) ? 0 : 1;
}

/** Aborts when the demo is to end: by a signal, or because nobody reads what it prints. */
function abortAtEnd(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => controller.abort());
  process.stdout.on('error', () => controller.abort());
  return controller.signal;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
