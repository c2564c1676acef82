// Processes of the programs that were just built: each does what it should, or the build fails with what it said; none is left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LockstepError } from '../desired-state/errors.ts';

/** Far above what a slow machine needs, ms. */
const LIMIT_MS = 60_000;
const LOOK_INTERVAL_MS = 10;
/** Node's, for all that is tried: when a program ends, it leaves what V8 made of its chunks. */
const KEEP_CODE = `--require=${JSON.stringify(join(import.meta.dirname, 'keep-code.cjs'))}`;

export class Trial {
  readonly #bin: string;
  readonly #signal: AbortSignal;
  readonly #running = new Set<RunningProgram>();

  /** @param bin the folder of the programs. @param signal ends all of them. */
  constructor(bin: string, signal: AbortSignal) {
    this.#bin = bin;
    this.#signal = signal;
  }

  start(name: string, ...args: readonly string[]): RunningProgram {
    this.#signal.throwIfAborted();
    const program = new RunningProgram(this.#bin, name, args, this.#signal);
    this.#running.add(program);
    return program;
  }

  /** Runs it to its end. @throws LockstepError `Failed` for another exit code than 0. */
  async run(name: string, ...args: readonly string[]): Promise<void> {
    const program = this.start(name, ...args);
    await program.end();
    this.#running.delete(program);
  }

  async endAll(): Promise<void> {
    for (const program of this.#running) await program.kill();
  }
}

export class RunningProgram {
  readonly #what: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #output = '';

  constructor(bin: string, name: string, args: readonly string[], signal: AbortSignal) {
    this.#what = [name, ...args].join(' ');
    this.#child = spawn(join(bin, name), args, {
      env: { ...process.env, NODE_OPTIONS: KEEP_CODE, NODE_COMPILE_CACHE: undefined },
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
      timeout: LIMIT_MS,
    });
    // A signal that aborts is told as an error, too.
    this.#closed = once(this.#child, 'close').catch((error: unknown) => {
      this.#output += String(error);
    });
    const keep = (part: Buffer) => {
      this.#output += part.toString();
    };
    this.#child.stdout?.on('data', keep);
    this.#child.stderr?.on('data', keep);
  }

  /** @throws LockstepError `Failed` when it ends before `holds`. */
  async until(what: string, holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#child.exitCode !== null || this.#child.signalCode !== null) throw this.#failure(what);
      await setTimeout(LOOK_INTERVAL_MS);
    }
  }

  /** Ends it as an operator would. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    await this.end();
  }

  /** Waits for its end. @throws LockstepError `Failed` for another exit code than 0. */
  async end(): Promise<void> {
    await this.#closed;
    if (this.#child.exitCode !== 0) throw this.#failure('it ends with exit code 0');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #failure(what: string): LockstepError {
    const { exitCode, signalCode } = this.#child;
    return new LockstepError(
      'Failed',
      `the built ${this.#what}: expected that ${what}, found exit code ${exitCode ?? signalCode}: ${this.#output.trim()}`,
    );
  }
}
