// Runs one script to its end: detached in a session of its own, with its output in a file. It waits for the script, not for what the script leaves
// behind: a daemon of a start that ended lives on, untouched. At the time limit, and on abort, the run is ended with everything that belongs to it.
import { messageOf } from '../../../desired-state/errors.ts';
import type { Clock } from '../../../reconcilers/loop/clock.ts';
import type { Log } from '../../../reconcilers/loop/log.ts';
import type { RunResult } from '../../../reconcilers/services/service-driver.ts';
import type { Disk } from '../../disk.ts';
import { DIRECT_STARTER } from './direct-starter.ts';
import { openOutput, readTail } from './output-files.ts';
import type { ProcessIdentity } from './processes.ts';
import { endRun, findLeader, type Run } from './run-processes.ts';
import type { ScriptEnd, ScriptProcess, ScriptStart, ScriptStarter } from './script-starter.ts';

export interface ScriptCall extends ScriptStart {
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
  /** {@link DIRECT_STARTER} when left out. */
  readonly starter?: ScriptStarter;
}

/** Time to end by itself that a run of start, stop or a gate gets at its limit, ms. */
export const GRACE_MS = 500;

type Ending = ScriptEnd | { readonly kind: 'limit' } | { readonly kind: 'abort' };

/**
 * Never rejects. On abort and at the limit it resolves once all processes of the run are gone (or, logged, could not be ended: see `endRun`).
 * @param onSpawned is told which process the script is, and waited for; it must not reject.
 */
export async function runScript(
  call: ScriptCall,
  context: RunContext,
  signal: AbortSignal,
  onSpawned?: (leader: ProcessIdentity) => Promise<void>,
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
  onSpawned: ((leader: ProcessIdentity) => Promise<void>) | undefined,
): Promise<RunResult> {
  const output = call.outputPath === undefined ? undefined : await openOutput(context.disk, call.outputPath);
  const { clock, letGo, starter = DIRECT_STARTER } = context;
  await starter.turn();
  if (signal.aborted || letGo.aborted) {
    await output?.file.close();
    return { kind: 'aborted' };
  }
  const startedMs = clock.monotonicMs();
  const script = tryStart(starter, call, output?.file.fd);
  if (script instanceof Error) {
    await output?.file.close();
    return { kind: 'not-run', message: script.message };
  }
  const ending = waitForEnd(script, call.limitMs, context, signal);
  const telling = onSpawned && tellLeader(script, onSpawned);
  const [ended] = await Promise.all([ending, telling, output?.file.close()]);
  const readOutput = async () =>
    call.outputPath === undefined ? '' : await readTail(call.outputPath, output?.fromByte ?? 0);
  switch (ended.kind) {
    case 'not-run':
      return ended;
    case 'lost':
      if (!letGo.aborted) await endWhatIsThere(call, script, context);
      return { kind: 'not-run', message: ended.message };
    case 'exited': {
      const durationMs = clock.monotonicMs() - startedMs;
      const { exitCode, signal: endedBy } = ended;
      if (exitCode === 0) return { kind: 'succeeded', durationMs };
      return { kind: 'failed', exitCode, signal: endedBy, tail: await readOutput(), durationMs };
    }
    case 'limit':
    case 'abort':
      await endWhatIsThere(call, script, context);
      if (ended.kind === 'abort') return { kind: 'aborted' };
      return { kind: 'timed-out', afterMs: call.limitMs, tail: await readOutput() };
  }
}

/** Ends a run of which it may not be known which process its script is, or whether there is one. Never rejects. */
async function endWhatIsThere(
  { path, runId, graceMs }: ScriptCall,
  script: ScriptProcess,
  context: RunContext,
): Promise<void> {
  try {
    const leader = (await script.leader()) ?? (await findLeader(runId, path));
    // Not known, it may be there all the same: one that became another program is not called by its path any more.
    await endAndReport(path, { runId, leader }, graceMs, context);
  } catch (error) {
    context.log.error({ path, error: messageOf(error) }, 'the processes of a script could not be looked for');
  }
}

/** Ends a run with all that belongs to it; what could not be ended is logged. Never rejects. */
export async function endAndReport(
  path: string,
  run: Run,
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

/** Some errors are thrown, others told by the script's end. */
function tryStart(
  starter: ScriptStarter,
  call: ScriptCall,
  output: number | undefined,
): ScriptProcess | Error {
  try {
    return starter.start(call, output);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function tellLeader(
  script: ScriptProcess,
  onSpawned: (leader: ProcessIdentity) => Promise<void>,
): Promise<void> {
  const leader = await script.leader();
  if (leader !== undefined) await onSpawned(leader);
}

/** Whichever comes first. */
function waitForEnd(
  script: ScriptProcess,
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
      script.letGo();
    };
    const cancelLimit = clock.setTimer(limitMs, () => settle({ kind: 'limit' }));
    signal.addEventListener('abort', onAbort, { once: true });
    letGo.addEventListener('abort', onLetGo, { once: true });
    void script.ended.then(settle);
  });
}
