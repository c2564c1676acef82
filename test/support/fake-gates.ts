// Gates in memory, whose runs end when a test ends them.
import type { Gate, GateDriver } from '../../reconcilers/gates/gate-driver.ts';
import type { RunResult } from '../../reconcilers/services/service-driver.ts';

export class FakeGates implements GateDriver {
  /** Ids of what was run, oldest first. */
  readonly begun: string[] = [];
  /** The record of this boot. */
  passed = false;
  /** The gates can't be listed, and why. */
  listFailure: Error | undefined;
  ids: readonly string[];
  readonly #open = new Map<string, (result: RunResult) => void>();

  constructor(...ids: readonly string[]) {
    this.ids = ids;
  }

  async list(): Promise<readonly Gate[]> {
    if (this.listFailure !== undefined) throw this.listFailure;
    return this.ids.map((id) => ({ id }));
  }

  run(gate: Gate): Promise<RunResult> {
    if (this.#open.has(gate.id)) throw new Error(`gate ${gate.id} runs already`);
    this.begun.push(gate.id);
    return new Promise((resolve) => this.#open.set(gate.id, resolve));
  }

  async hasPassed(): Promise<boolean> {
    return this.passed;
  }

  async recordPassed(): Promise<void> {
    this.passed = true;
  }

  /** Ends the run of a gate. */
  async end(id: string, result: RunResult): Promise<void> {
    this.#open.get(id)?.(result);
    this.#open.delete(id);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
