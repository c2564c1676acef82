// Programs that a measurement starts: each is ended by its pid, whatever happens, and what it wrote last is said when it ended by itself.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LockstepError, messageOf } from '../desired-state/errors.ts';
import { listProcesses, readEnvirons } from '../node-agent/linux/scripts/processes.ts';

/** The programs of this checkout. */
export const CHECKOUT_BIN = join(import.meta.dirname, '../bin');

/** A program ends within 1 s of SIGTERM; a machine under load gets more before SIGKILL. */
const END_LIMIT_MS = 5_000;
/** Of its log, in the error of a program that ended by itself. */
const LOG_TAIL_LINES = 5;
/** monit and supervisord take their time to be up. */
const START_LIMIT_MS = 30_000;
const LOOK_INTERVAL_MS = 5;

/**
 * Ends by pid what scripts of agents started, also of runs that the agents left, and waits for it: they carry the agent's runDir in their environment.
 * @param folder that the runDirs lie in. For when no agent runs.
 */
export async function endScriptsOf(folder: string): Promise<void> {
  const deadlineMs = performance.now() + END_LIMIT_MS;
  for (;;) {
    const processes = await listProcesses();
    const environs = await readEnvirons(processes);
    const mark = `LOCKSTEP_RUN_DIR=${folder}/`;
    const left = processes.filter((_, index) =>
      [...(environs[index] ?? [])].some((entry) => entry.startsWith(mark)),
    );
    if (left.length === 0 || performance.now() > deadlineMs) return;
    for (const { pid } of left) endHard(pid);
    await setTimeout(LOOK_INTERVAL_MS);
  }
}

export class Programs {
  readonly #logFolder: string;
  readonly #running = new Set<Program>();

  /** Each program's output goes to a file in `logFolder`. */
  constructor(logFolder: string) {
    this.#logFolder = logFolder;
    // The last resort, a bug in the bench: nothing is left behind. Signals are main's.
    process.on('exit', this.#killAll);
  }

  start(file: string, args: readonly string[]): Program {
    const program = new Program(file, args, this.#logFolder);
    this.#running.add(program);
    void program.ended.then(() => this.#running.delete(program));
    return program;
  }

  async endAll(): Promise<void> {
    await Promise.all([...this.#running].map((program) => program.end()));
    process.off('exit', this.#killAll);
  }

  readonly #killAll = (): void => {
    for (const program of this.#running) program.kill('SIGKILL');
  };
}

export class Program {
  /** Resolves with how it ended. */
  readonly ended: Promise<string>;
  readonly #name: string;
  readonly #logFile: string;
  readonly #child: ChildProcess;
  #end: string | undefined;

  constructor(file: string, args: readonly string[], logFolder: string) {
    this.#name = basename(file);
    this.#logFile = join(logFolder, `${this.#name}-${++started}.log`);
    const log = openSync(this.#logFile, 'w', 0o600);
    // In a session of its own: Ctrl-C reaches the bench alone, which ends its programs in order.
    this.#child = spawn(file, args, { detached: true, stdio: ['ignore', log, log] });
    closeSync(log);
    this.ended = once(this.#child, 'exit').then(
      ([code, signal]) => (code === null ? `signal ${signal}` : `exit code ${code}`),
      messageOf,
    );
    void this.ended.then((how) => {
      this.#end = how;
    });
  }

  /** @throws LockstepError `Failed` when it could not be started. */
  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new LockstepError('Failed', `${this.#name} could not be started`);
    return pid;
  }

  /** Polls. @throws LockstepError `Failed` when it ends, or `what` does not come true within 30 s. */
  async until(what: string, holds: () => boolean | Promise<boolean>, signal: AbortSignal): Promise<void> {
    const deadlineMs = performance.now() + START_LIMIT_MS;
    while (!(await holds())) {
      signal.throwIfAborted();
      if (this.#end !== undefined) throw this.#failure(`it ended with ${this.#end}`, what);
      if (performance.now() > deadlineMs)
        throw this.#failure(`nothing of it within ${START_LIMIT_MS / 1_000} s`, what);
      await setTimeout(LOOK_INTERVAL_MS);
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. */
  async end(): Promise<void> {
    this.kill('SIGTERM');
    const limit = new AbortController();
    const late = setTimeout(END_LIMIT_MS, 'late' as const, { signal: limit.signal }).catch(() => undefined);
    if ((await Promise.race([this.ended, late])) === 'late') this.kill('SIGKILL');
    limit.abort();
    await this.ended;
  }

  #failure(found: string, what: string): LockstepError {
    const tail = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
    return new LockstepError(
      'Failed',
      `${this.#name}: expected that ${what}, found ${found}; its last words: ${tail.join(' / ')}`,
    );
  }
}

function endHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended meanwhile.
  }
}

/** So that no two programs share a log. */
let started = 0;
