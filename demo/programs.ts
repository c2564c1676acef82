// Lockstep's own programs as child processes, each with its log in a file; and the processes that a demo that was killed left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LockstepError } from '../desired-state/errors.ts';
import {
  isAlive,
  listProcesses,
  type ProcessIdentity,
  readEnvirons,
} from '../node-agent/linux/scripts/processes.ts';
import type { Sandbox } from './sandbox.ts';

const BIN = join(import.meta.dirname, '../bin');
/** Programs carry the sandbox's folder in it, so that they are found again after a kill -9 of the demo. */
const DEMO_VARIABLE = 'LOCKSTEP_DEMO';
/** A daemon ends within 1 s of SIGTERM; a machine under load gets more before SIGKILL. */
const END_LIMIT_MS = 5_000;
const LOG_TAIL_LINES = 15;

export class Program {
  /** Resolves when the process has ended, with how. */
  readonly ended: Promise<string>;
  readonly #name: string;
  readonly #logFile: string;
  readonly #child: ChildProcess;

  /** Runs bin/`name`; its standard error goes to `name`.log in the sandbox's folder. */
  constructor(name: string, args: readonly string[], { dir }: Sandbox) {
    this.#name = name;
    this.#logFile = join(dir, `${name}.log`);
    const log = openSync(this.#logFile, 'w', 0o600);
    // In a session of its own: Ctrl-C reaches the demo alone, which ends its programs in order.
    this.#child = spawn(join(BIN, name), args, {
      detached: true,
      env: { ...process.env, [DEMO_VARIABLE]: dir },
      stdio: ['ignore', 'ignore', log],
    });
    closeSync(log);
    this.ended = once(this.#child, 'exit').then(
      ([code, signal]) => (code === null ? `signal ${signal}` : `exit code ${code}`),
      (error: unknown) => String(error),
    );
  }

  /** Resolves never; @throws LockstepError `Failed` with the end of its log when the process ends. */
  async diesNever(): Promise<never> {
    const how = await this.ended;
    throw new LockstepError('Failed', `${this.#name} ended (${how}). ${this.#describeLog()}`);
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. */
  async end(): Promise<void> {
    this.#child.kill('SIGTERM');
    const limit = new AbortController();
    const late = setTimeout(END_LIMIT_MS, 'late' as const, { signal: limit.signal }).catch(() => undefined);
    if ((await Promise.race([this.ended, late])) === 'late') this.#child.kill('SIGKILL');
    limit.abort();
    await this.ended;
  }

  #describeLog(): string {
    const lines = readFileSync(this.#logFile, 'utf8').trimEnd().split('\n').slice(-LOG_TAIL_LINES);
    return [`The end of ${this.#logFile}:`, ...lines].join('\n  ');
  }
}

/** The programs of a demo that was killed. */
export function endProgramsLeft({ dir }: Sandbox): Promise<void> {
  return endCarriers(`${DEMO_VARIABLE}=${dir}`);
}

/** The scripts that an agent of the sandbox called, and all that they started: the agent gives them an environment of their own. */
export function endScriptsLeft({ runDir }: Sandbox): Promise<void> {
  return endCarriers(`LOCKSTEP_RUN_DIR=${runDir}`);
}

/** Ends the processes that carry `mark` in their environment, and waits for their end. */
async function endCarriers(mark: string): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    const deadlineMs = performance.now() + END_LIMIT_MS;
    let left = await findCarriers(mark);
    for (const { pid } of left) signalProcess(pid, signal);
    while (left.length > 0 && performance.now() < deadlineMs) {
      await setTimeout(10);
      left = left.filter(isAlive);
    }
  }
}

async function findCarriers(mark: string): Promise<readonly ProcessIdentity[]> {
  const processes = await listProcesses();
  const environs = await readEnvirons(processes);
  return processes.filter((_, index) => environs[index]?.has(mark));
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}
