// Runs one script to its end: detached in a session of its own, with its output in a file. It waits for the script, not for what the script leaves
// behind: a daemon of a start that ended lives on, untouched. At the time limit, and on abort, the run is ended with everything that belongs to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { messageOf } from '../../../desired-state/errors.ts';
import type { Clock } from '../../../reconcilers/loop/clock.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';
import type { RunResult } from '../../../reconcilers/services/service-driver.ts';
import type { Disk } from '../../disk.ts';
import { openOutput, readTail } from './output-files.ts';
import { type ProcessIdentity, readStat } from './processes.ts';
import { endRun } from './run-processes.ts';
import { RUN_ID_VARIABLE } from './run-variables.ts';
import { spawnTurn } from './spawn-turn.ts';

export interface ScriptCall {
  readonly path: string;
  readonly args: readonly string[];
  readonly runId: string;
  /** Besides what every script gets. */
  readonly variables: Readonly<Record<string, string>>;
  /** Undefined: what it prints is thrown away. */
  readonly outputPath: string | undefined;
  readonly limitMs: number;
  /** Between SIGTERM and SIGKILL; 0: SIGKILL at once. */
  readonly graceMs: number;
}

export interface RunContext {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborted when the agent stops: runs in flight are let go. They have no time limit any more, can't be aborted and keep this process from nothing. */
  readonly letGo: AbortSignal;
}

/** Time to end by itself that a run of start, stop or a gate gets at its limit, ms. */
export const GRACE_MS = 500;

/** Node's own environment is not the scripts' business (and may hold secrets): they get what service(8) gives, and these. */
const INHERITED = ['HOME', 'LANG', 'LC_ALL', 'TZ'] as const;
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

type Ending =
  | { readonly kind: 'exited'; readonly exitCode: number | null; readonly signal: string | null }
  | { readonly kind: 'not-run'; readonly message: string }
  | { readonly kind: 'limit' }
  | { readonly kind: 'abort' };

/**
 * Never rejects. On abort and at the limit it resolves once all processes of the run are gone (or, logged, could not be ended: see `endRun`).
 * @param onSpawned is told which process the script is, and waited for; it must not reject.
 */
export async function runScript(
  call: ScriptCall,
  context: RunContext,
  signal: AbortSignal,
  onSpawned: (leader: ProcessIdentity) => Promise<void> = async () => undefined,
): Promise<RunResult> {
  try {
    return await run(call, context, signal, onSpawned);
  } catch (error) {
    return { kind: 'not-run', message: messageOf(error) };
  }
}

async function run(
  call: ScriptCall,
  context: RunContext,
  signal: AbortSignal,
  onSpawned: (leader: ProcessIdentity) => Promise<void>,
): Promise<RunResult> {
  const output = call.outputPath === undefined ? undefined : await openOutput(context.disk, call.outputPath);
  const { clock, letGo } = context;
  await spawnTurn();
  if (signal.aborted || letGo.aborted) {
    await output?.file.close();
    return { kind: 'aborted' };
  }
  const startedMs = clock.monotonicMs();
  const child = trySpawn(call, output?.file.fd ?? 'ignore');
  if (child instanceof Error) {
    await output?.file.close();
    return { kind: 'not-run', message: child.message };
  }
  // From the spawn to the next await all is in one turn: what the child has to tell comes later.
  const ending = waitForEnd(child, call.limitMs, context, signal);
  const leader = identify(child);
  const [ended] = await Promise.all([
    ending,
    output?.file.close(),
    leader === undefined ? undefined : onSpawned(leader),
  ]);
  const readOutput = async () =>
    call.outputPath === undefined ? '' : await readTail(call.outputPath, output?.fromByte ?? 0);
  switch (ended.kind) {
    case 'not-run':
      return ended;
    case 'exited': {
      const durationMs = clock.monotonicMs() - startedMs;
      const { exitCode, signal: endedBy } = ended;
      if (exitCode === 0) return { kind: 'succeeded', durationMs };
      return { kind: 'failed', exitCode, signal: endedBy, tail: await readOutput(), durationMs };
    }
    case 'limit':
    case 'abort':
      if (leader !== undefined) {
        await endAndReport(call.path, { runId: call.runId, leader }, call.graceMs, context);
      }
      if (ended.kind === 'abort') return { kind: 'aborted' };
      return { kind: 'timed-out', afterMs: call.limitMs, tail: await readOutput() };
  }
}

/** Ends a run with all that belongs to it; what could not be ended is logged. Never rejects. */
export async function endAndReport(
  path: string,
  run: { readonly runId: string; readonly leader: ProcessIdentity },
  graceMs: number,
  { clock, log }: Pick<RunContext, 'clock' | 'log'>,
): Promise<void> {
  try {
    const left = await endRun(run, graceMs, clock);
    if (left.length > 0) log.error({ path, pids: left }, 'processes of a script could not be ended');
  } catch (error) {
    log.error({ path, error: messageOf(error) }, 'the processes of a script could not be looked for');
  }
}

/** Some errors are thrown, others told by the child later. */
function trySpawn(call: ScriptCall, output: number | 'ignore'): ChildProcess | Error {
  try {
    return spawnScript(call, output);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function spawnScript({ path, args, runId, variables }: ScriptCall, output: number | 'ignore'): ChildProcess {
  const inherited = INHERITED.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return spawn(path, args, {
    detached: true,
    stdio: ['ignore', output, output],
    cwd: '/',
    env: { PATH, ...Object.fromEntries(inherited), ...variables, [RUN_ID_VARIABLE]: runId },
  });
}

/** Undefined when nothing was started. A child that ended already can still be asked: Node collects it later, in a turn of its own. */
function identify({ pid }: ChildProcess): ProcessIdentity | undefined {
  if (pid === undefined) return undefined;
  return { pid, startTicks: readStat(pid)?.startTicks ?? 0 };
}

/** Whichever comes first. `exit` and not `close`: a daemon keeps the output open. */
function waitForEnd(
  child: ChildProcess,
  limitMs: number,
  { clock, letGo }: RunContext,
  signal: AbortSignal,
): Promise<Ending> {
  return new Promise((resolve) => {
    const settle = (ending: Ending) => {
      cancelLimit();
      signal.removeEventListener('abort', onAbort);
      letGo.removeEventListener('abort', onLetGo);
      resolve(ending);
    };
    const onAbort = () => settle({ kind: 'abort' });
    const onLetGo = () => {
      cancelLimit();
      signal.removeEventListener('abort', onAbort);
      child.unref();
    };
    const cancelLimit = clock.setTimer(limitMs, () => settle({ kind: 'limit' }));
    signal.addEventListener('abort', onAbort, { once: true });
    letGo.addEventListener('abort', onLetGo, { once: true });
    child.once('error', (error) => settle({ kind: 'not-run', message: error.message }));
    child.once('exit', (exitCode, endedBy) => settle({ kind: 'exited', exitCode, signal: endedBy }));
  });
}
