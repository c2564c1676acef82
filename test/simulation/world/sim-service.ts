// One simulated service and the runs of its script: what it does, how it misbehaves, and whether it is up.
import type {
  RunResult,
  Service,
  ServiceObservation,
  Verb,
} from '../../../reconcilers/services/service-driver.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './sim-process.ts';

export interface SimServiceSpec extends Service {
  /** Its script has no `status`: what is observed is the record of its last run. */
  readonly recorded?: boolean;
}

/** Ending a script with all its children takes that long, ms. */
const KILL_MS = [1, 50] as const;
/** The chance that a run which fails, hangs or is ended had done its work all the same. */
const DONE_ALL_THE_SAME = 0.3;

const STATE_AFTER = { start: 'running', stop: 'stopped' } as const;

export class SimService {
  readonly service: Service;
  readonly recorded: boolean;
  /** How long its runs take, ms. */
  runMs: readonly [number, number] = [5, 400];
  /** Chances: that a run fails, never ends by itself, can't be begun; that asking gives no answer. */
  failure = 0;
  hang = 0;
  notRun = 0;
  unknown = 0;
  /** Dies by itself that long after each start, ms; undefined: never. */
  livesMs: readonly [number, number] | undefined;
  /** Runs going on now; more than one is somebody's mistake. */
  readonly runs = new Set<SimRun>();
  readonly #prng: Prng;
  readonly #onDown: () => void;
  #running = false;
  /** What its record says; undefined: the last run was not completed. */
  #lastDone: Verb | undefined = 'stop';

  constructor({ recorded = false, ...service }: SimServiceSpec, prng: Prng, onDown: () => void) {
    this.service = service;
    this.recorded = recorded;
    this.#prng = prng;
    this.#onDown = onDown;
  }

  get running(): boolean {
    return this.#running;
  }

  /** What its script's `status`, or the record, says. */
  get observed(): ServiceObservation['state'] {
    if (this.recorded) return this.#lastDone === undefined ? 'incomplete' : STATE_AFTER[this.#lastDone];
    if (this.#prng.chance(this.unknown)) return 'unknown';
    return this.#running ? 'running' : 'stopped';
  }

  /** Healthy from now on; a run that hangs goes on hanging. */
  clear(): void {
    this.failure = 0;
    this.hang = 0;
    this.notRun = 0;
    this.unknown = 0;
    this.livesMs = undefined;
  }

  /** Its process comes up or goes, whoever did it; `boot` is the machine that it runs on. */
  setRunning(running: boolean, boot: SimProcess): void {
    const wentDown = this.#running && !running;
    this.#running = running;
    if (wentDown) this.#onDown();
    if (running && this.livesMs !== undefined) {
      boot.clock.setTimer(this.#prng.between(this.livesMs), () => this.setRunning(false, boot));
    }
  }

  /** The script is called; how it will go is drawn now. */
  begin(verb: Verb, boot: SimProcess): SimRun {
    const run = new SimRun(verb, boot, this.#prng);
    this.runs.add(run);
    run.onEnd((result) => {
      this.runs.delete(run);
      this.#lastDone = result.kind === 'succeeded' ? verb : undefined;
    });
    const fails = this.#prng.chance(this.failure);
    const hangs = this.#prng.chance(this.hang);
    const durationMs = this.#prng.between(this.runMs);
    if ((!fails && !hangs) || this.#prng.chance(DONE_ALL_THE_SAME)) {
      run.after(durationMs * this.#prng.next(), () => this.setRunning(verb === 'start', boot));
    }
    if (hangs) return run;
    run.after(durationMs, () => {
      run.end(
        fails
          ? { kind: 'failed', exitCode: 1, signal: null, tail: `${verb} did not work`, durationMs }
          : { kind: 'succeeded', durationMs },
      );
    });
    return run;
  }

  /** The machine went down: nothing runs, nothing is known of runs. */
  powerOff(): void {
    this.#running = false;
    this.#lastDone = 'stop';
    this.runs.clear();
  }
}

export class SimRun {
  readonly verb: Verb;
  readonly beganAtMs: number;
  readonly #boot: SimProcess;
  readonly #prng: Prng;
  readonly #listeners: ((result: RunResult) => void)[] = [];
  readonly #cancels: (() => void)[] = [];
  #state: 'going on' | 'being ended' | 'ended' = 'going on';

  constructor(verb: Verb, boot: SimProcess, prng: Prng) {
    this.verb = verb;
    this.beganAtMs = boot.clock.monotonicMs();
    this.#boot = boot;
    this.#prng = prng;
  }

  after(ms: number, deed: () => void): void {
    this.#cancels.push(this.#boot.clock.setTimer(ms, deed));
  }

  onEnd(listener: (result: RunResult) => void): void {
    this.#listeners.push(listener);
  }

  /** Ends it with all its children, which takes a moment; nothing when it has ended or is being ended. */
  kill(result: RunResult): void {
    if (this.#state !== 'going on') return;
    this.#state = 'being ended';
    for (const cancel of this.#cancels) cancel();
    this.#boot.clock.setTimer(this.#prng.between(KILL_MS), () => this.end(result));
  }

  end(result: RunResult): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    for (const listener of this.#listeners) listener(result);
  }
}
