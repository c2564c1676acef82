// Starts scripts whose output nobody wants through a shell of its own: a fork holds up whoever asks for it while the kernel copies its page tables, 5 ms of an
// agent of 90 MB and a tenth of that of a shell of 2 MB. It only starts them and tells how they ended; limits and what becomes of their processes are the run's.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Log } from '../../../reconcilers/loop/log.ts';
import { type ProcessIdentity, readEnvirons, readStat } from './processes.ts';
import { RUN_ID_VARIABLE } from './run-variables.ts';
import {
  baseEnvironment,
  DIRECT_STARTER,
  ownVariables,
  SCRIPTS_FOLDER,
  type ScriptEnd,
  type ScriptProcess,
  type ScriptStart,
  type ScriptStarter,
} from './script-starter.ts';
import { spawnTurn } from './spawn-turn.ts';

export interface ScriptShellOptions {
  readonly log: Log;
  /** The shell; another one in tests. */
  readonly command?: string;
  /** A shell that has not said within that time that it started a script hangs and is replaced, ms. By the machine's own time: it is the machine's pace. */
  readonly patienceMs?: number;
}

const PATIENCE_MS = 2_000;
/** setsid(1) makes a script the leader of a session. Part of util-linux and of busybox, but a host may be without: then scripts are started directly. */
const UNFIT_CODE = 3;
const CHECK = `command -v setsid >/dev/null || exit ${UNFIT_CODE}; echo ready\n`;
/** Said when nothing is under way: subshells that ended would stay zombies, because dash collects none unasked. */
const COLLECT = 'wait\n';
/** One line of what the shell says is shorter than that, characters. */
const MAX_LINE_CHARACTERS = 64;

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

/** What became of a shell that was started. unfit: it has no setsid(1). lost: it was killed, hung, or could not be run. */
type Fitness = 'ready' | 'unfit' | 'lost';

/** A script that was asked for and has not ended. */
interface Asked {
  /** Undefined: it will never be known. */
  readonly setPid: (pid: number | undefined) => void;
  readonly setEnd: (end: ScriptEnd) => void;
  readonly stopWaiting: () => void;
}

/** One life of the shell. It reads commands, and says `s NUMBER PID` of each script that it started and `e NUMBER CODE` of each that ended. */
class RunningShell {
  readonly fitness: Promise<Fitness>;
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #patienceMs: number;
  readonly #onEnd: () => void;
  #hasEnded = false;
  readonly #asked = new Map<number, Asked>();
  #lastNumber = 0;
  #rest = '';
  readonly #setFitness: (fitness: Fitness) => void;

  /** @param onEnd called once: the shell takes no more scripts; those that it started go on, and their ends are still told. */
  constructor(command: string, patienceMs: number, onEnd: () => void) {
    this.#patienceMs = patienceMs;
    this.#onEnd = onEnd;
    const { promise, resolve } = Promise.withResolvers<Fitness>();
    this.fitness = promise;
    this.#setFitness = resolve;
    // A session of its own: an interrupt that is typed for the agent is not for the shell.
    this.#child = spawn(command, ['-s'], {
      detached: true,
      stdio: ['pipe', 'pipe', 'ignore'],
      cwd: SCRIPTS_FOLDER,
      env: baseEnvironment(),
    });
    const giveUp = setTimeout(() => this.#kill(), patienceMs);
    void this.fitness.then(() => clearTimeout(giveUp));
    this.#child.once('error', () => this.#end('lost'));
    this.#child.once('exit', (exitCode) => this.#end(exitCode === UNFIT_CODE ? 'unfit' : 'lost'));
    // Not before the last of those that it forked has let go of the pipe, and so said what it had to say.
    this.#child.once('close', () => this.#endAll());
    this.#child.stdin.on('error', () => undefined);
    this.#child.stdout.on('data', (chunk: Buffer) => this.#hear(chunk));
    this.#child.stdin.write(CHECK);
  }

  start(script: ScriptStart): ScriptProcess {
    this.#lastNumber += 1;
    const number = this.#lastNumber;
    const pid = Promise.withResolvers<number | undefined>();
    const ended = Promise.withResolvers<ScriptEnd>();
    const impatience = setTimeout(() => this.#giveUp(number), this.#patienceMs);
    this.#asked.set(number, {
      setPid: pid.resolve,
      setEnd: ended.resolve,
      stopWaiting: () => clearTimeout(impatience),
    });
    this.#child.stdin.write(commandOf(number, script));
    return {
      leader: async () => {
        const started = await pid.promise;
        if (started === undefined) return undefined;
        const leader = identify(started);
        // Its number is nobody else's while its end was not told: the subshell collects it and tells in one breath.
        return this.#asked.has(number) || (await belongsTo(leader, script)) ? leader : undefined;
      },
      ended: ended.promise,
      letGo: () => {
        clearTimeout(impatience);
        this.close();
      },
    };
  }

  close(): void {
    this.#child.stdin.end();
    this.#child.unref();
    this.#child.stdout.destroy();
  }

  #hear(chunk: Buffer): void {
    const lines = (this.#rest + chunk.toString('latin1')).split('\n');
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE_CHARACTERS);
    for (const line of lines) {
      if (line === 'ready') this.#setFitness('ready');
      else if (line.startsWith('s ')) this.#heardStart(line);
      else if (line.startsWith('e ')) this.#heardEnd(line);
    }
  }

  #heardStart(line: string): void {
    const [, number, pid] = line.split(' ').map(Number);
    const asked = this.#asked.get(number ?? 0);
    if (asked === undefined || pid === undefined) return;
    asked.stopWaiting();
    asked.setPid(pid);
  }

  #heardEnd(line: string): void {
    const [, number, exitCode] = line.split(' ').map(Number);
    if (number === undefined || exitCode === undefined) return;
    this.#settle(number, { kind: 'exited', exitCode, signal: null });
    if (this.#asked.size === 0) this.#child.stdin.write(COLLECT);
  }

  /** It hangs, or is gone with what it was told: nobody knows whether this script runs. */
  #giveUp(number: number): void {
    this.#kill();
    this.#settle(number, {
      kind: 'lost',
      message: `the shell did not start it within ${this.#patienceMs} ms`,
    });
  }

  #endAll(): void {
    for (const number of [...this.#asked.keys()]) {
      this.#settle(number, { kind: 'lost', message: 'the shell that was to start it was ended' });
    }
  }

  #settle(number: number, end: ScriptEnd): void {
    const asked = this.#asked.get(number);
    if (asked === undefined) return;
    this.#asked.delete(number);
    asked.stopWaiting();
    asked.setPid(undefined);
    asked.setEnd(end);
  }

  #end(fitness: Fitness): void {
    this.#setFitness(fitness);
    if (!this.#hasEnded) this.#onEnd();
    this.#hasEnded = true;
  }

  #kill(): void {
    this.#end('lost');
    this.#child.kill('SIGKILL');
  }
}

/** Read when it is asked for and not for each script: it takes 0.3 ms of a process that is being started. */
function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: readStat(pid)?.startTicks ?? 0 };
}

async function belongsTo(leader: ProcessIdentity, { runId }: ScriptStart): Promise<boolean> {
  const [environ] = await readEnvirons([leader]);
  return environ?.has(`${RUN_ID_VARIABLE}=${runId}`) === true;
}

/**
 * What the shell is told to start a script: a subshell waits for it, so that the shell itself goes on at once.
 */
function commandOf(number: number, script: ScriptStart): string {
  const variables = Object.entries(ownVariables(script)).map(([name, value]) => `${name}=${quoted(value)}`);
  const words = [...variables, 'setsid', ...[script.path, ...script.args].map(quoted)].join(' ');
  return `{ ${words} </dev/null >/dev/null 2>&1 & echo "s ${number} $!"; wait $!; echo "e ${number} $?"; } &\n`;
}

/** One word for the shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
