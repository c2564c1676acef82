// The readiness gates of one simulated machine. Whether they passed is known until the machine goes down.
import type { Gate, GateDriver } from '../../../reconcilers/gates/gate-driver.ts';
import type { RunResult } from '../../../reconcilers/services/service-driver.ts';
import type { Prng } from './prng.ts';
import type { SimProcess } from './sim-process.ts';

const LOOK_UP_MS = [0.1, 2] as const;
const KILL_MS = [1, 50] as const;

export class SimGates {
  runMs: readonly [number, number] = [5, 200];
  timeLimitMs = 10_000;
  /** Chances, for each run: that the gate fails, that it hangs until its time limit. */
  failure = 0;
  hang = 0;
  readonly #gates: readonly Gate[];
  readonly #prng: Prng;
  #passed = false;

  constructor(prng: Prng, ids: readonly string[]) {
    this.#prng = prng;
    this.#gates = ids.map((id) => ({ id }));
  }

  /** Recorded as passed since this boot. */
  get passed(): boolean {
    return this.#passed;
  }

  /** The gates as the agent `process` has them. */
  driver(process: SimProcess): GateDriver {
    const lookUp = <T>(effect: () => T) => process.io(this.#prng.between(LOOK_UP_MS), effect);
    return {
      list: () => lookUp(() => this.#gates),
      run: (_gate, signal) => this.#run(process, signal),
      hasPassed: () => lookUp(() => this.#passed),
      recordPassed: () =>
        lookUp(() => {
          this.#passed = true;
        }),
    };
  }

  reboot(): void {
    this.#passed = false;
  }

  clear(): void {
    this.failure = 0;
    this.hang = 0;
  }

  #run(process: SimProcess, signal: AbortSignal): Promise<RunResult> {
    if (!process.alive) return new Promise(() => {});
    if (signal.aborted) return Promise.resolve({ kind: 'aborted' });
    const { promise, resolve } = Promise.withResolvers<RunResult>();
    const end = (afterMs: number, result: RunResult) =>
      process.clock.setTimer(afterMs, () => resolve(result));
    const durationMs = this.#prng.between(this.runMs);
    const hangs = this.#prng.chance(this.hang);
    const fails = this.#prng.chance(this.failure);
    const cancel = hangs
      ? end(this.timeLimitMs, { kind: 'timed-out', afterMs: this.timeLimitMs, tail: '' })
      : end(
          durationMs,
          fails
            ? { kind: 'failed', exitCode: 1, signal: null, tail: 'not ready', durationMs }
            : { kind: 'succeeded', durationMs },
        );
    signal.addEventListener(
      'abort',
      () => {
        cancel();
        end(this.#prng.between(KILL_MS), { kind: 'aborted' });
      },
      { once: true },
    );
    return promise;
  }
}
