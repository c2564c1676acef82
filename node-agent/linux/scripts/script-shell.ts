// Starts scripts whose output nobody wants through a small shell of its own: a fork holds up whoever asks for it while the kernel copies its page tables, 4.5 ms in a process of 99 MB
// (docs/adr/0013). It keeps one, replaces it when it ends, and does without where a host has none that will do; limits and what becomes of a script's processes are the run's.
import type { Log } from '../../../reconcilers/loop/log.ts';
import { DIRECT_STARTER } from './direct-starter.ts';
import { RunningShell } from './running-shell.ts';
import type { ScriptProcess, ScriptStart, ScriptStarter } from './script-starter.ts';
import { spawnTurn } from './spawn-turn.ts';

export interface ScriptShellOptions {
  readonly log: Log;
  /** The shell; another one in tests. */
  readonly command?: string;
  /** A shell that has not said within that time that it started a script hangs and is replaced, ms. By the machine's own time: it is the machine's pace. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 2_000;
export class ScriptShell implements ScriptStarter {
  readonly #options: ScriptShellOptions;
  #shell: Promise<RunningShell | undefined> | undefined;
  #ready: RunningShell | undefined;
  #isClosed = false;

  constructor(options: ScriptShellOptions) {
    this.#options = options;
  }

  /** Starts the shell where there is none: the first time, and after one that ended. */
  async turn(): Promise<void> {
    if (this.#isClosed) return DIRECT_STARTER.turn();
    this.#shell ??= this.#launch();
    this.#ready = await this.#shell;
    if (this.#ready === undefined) await DIRECT_STARTER.turn();
  }

  start(script: ScriptStart, output: number | undefined): ScriptProcess {
    if (this.#ready === undefined || output !== undefined) return DIRECT_STARTER.start(script, output);
    return this.#ready.start(script);
  }

  /** The shell ends by itself, and no question in flight keeps this process from ending. */
  close(): void {
    this.#isClosed = true;
    void this.#shell?.then((shell) => shell?.close());
  }

  /** Undefined: there is none this time, or, where this host's shell can't do it, ever. */
  async #launch(): Promise<RunningShell | undefined> {
    await spawnTurn();
    const { log, command = '/bin/sh', patienceMs = PATIENCE_MS } = this.#options;
    const forget = () => {
      this.#shell = undefined;
      this.#ready = undefined;
    };
    const shell = tryToRun(command, patienceMs, forget);
    if (shell === undefined) forget();
    const fitness = await shell?.fitness;
    if (fitness === 'ready') return shell;
    if (fitness === 'unfit') {
      this.#shell = Promise.resolve(undefined);
      log.warn(
        { shell: command },
        'no setsid(1) on this host: status scripts are started by the agent itself, which takes longer',
      );
    }
    return undefined;
  }
}

/** Undefined: no process could be started. */
function tryToRun(command: string, patienceMs: number, onEnd: () => void): RunningShell | undefined {
  try {
    return new RunningShell(command, patienceMs, onEnd);
  } catch {
    return undefined;
  }
}
