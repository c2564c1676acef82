// One life of the shell that starts scripts: what it is told, and what it says. It reads commands, and says `s NUMBER PID` of each script that it started and `e NUMBER CODE`
// of each that ended. That there is a shell at all, and another one after it, is script-shell.ts'.
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { identityOf, type ProcessIdentity, readEnvirons } from './processes.ts';
import { RUN_ID_VARIABLE } from './run-variables.ts';
import {
  baseEnvironment,
  ownVariables,
  SCRIPTS_FOLDER,
  type ScriptEnd,
  type ScriptProcess,
  type ScriptStart,
} from './script-starter.ts';

/** setsid(1) makes a script the leader of a session. Part of util-linux and of busybox, but a host may be without: then scripts are started directly. */
const UNFIT_CODE = 3;
const CHECK = `command -v setsid >/dev/null || exit ${UNFIT_CODE}; echo ready\n`;
/** Said when nothing is under way: subshells that ended would stay zombies, because dash collects none unasked. */
const COLLECT = 'wait\n';
/** One line of what the shell says is shorter than that, characters. */
const MAX_LINE_CHARACTERS = 64;

/** What became of a shell that was started. unfit: it has no setsid(1). lost: it was killed, hung, or could not be run. */
type Fitness = 'ready' | 'unfit' | 'lost';

/** A script that was asked for and has not ended. */
interface Asked {
  /** Undefined: it will never be known. */
  readonly setPid: (pid: number | undefined) => void;
  readonly setEnd: (end: ScriptEnd) => void;
  readonly stopWaiting: () => void;
}

export class RunningShell {
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
        // Read when it is asked for and not for each script: of a process that is being started it took 0.3 ms.
        const leader = identityOf(started);
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
