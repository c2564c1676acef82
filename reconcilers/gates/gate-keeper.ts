// Keeps the gates: runs what must pass before the first start after a boot, again until it passes, and says whether starts may begin.
// Like services, gates run as operations: a pass begins them and never waits.
import type { ConditionClaim } from '../../desired-state/conditions.ts';
import { messageOf } from '../../desired-state/errors.ts';
import { backoffMs } from '../loop/backoff.ts';
import type { Clock, Random } from '../loop/clock.ts';
import { describeRun, type RunResult } from '../services/service-driver.ts';
import type { Gate, GateDriver } from './gate-driver.ts';
import { type GateHistory, type GatePlan, planGates } from './gate-plan.ts';

export interface GateKeeperOptions {
  readonly driver: GateDriver;
  readonly clock: Clock;
  readonly random: Random;
  /** Longest wait before a failed gate is run again, ms: the resync interval. */
  readonly retryCapMs: number;
  /** A gate ended: asks for a look. */
  readonly onEnd: (gate: Gate, result: RunResult) => void;
}

/** First wait after a failure, ms. */
const RETRY_BASE_MS = 250;

export class GateKeeper {
  readonly #options: GateKeeperOptions;
  readonly #running = new Map<string, AbortController>();
  readonly #history = new Map<string, GateHistory>();
  #passed = false;
  #listFailure: string | undefined;

  constructor(options: GateKeeperOptions) {
    this.#options = options;
  }

  /** All gates passed since this boot, as far as this agent knows. */
  get hasPassed(): boolean {
    return this.#passed;
  }

  /** One pass. `needed`: services are to be started and nothing else holds them. @returns when the next try is due, ms from now, if one waits. */
  async reconcile(needed: boolean): Promise<number | undefined> {
    if (this.#passed || !needed) return undefined;
    if (await this.#options.driver.hasPassed()) {
      this.#passed = true;
      return undefined;
    }
    const plan = await this.plan();
    if (plan === undefined) return undefined;
    for (const step of plan.steps) this.#begin(step.gate);
    if (plan.allPassed) {
      this.#passed = true;
      await this.#options.driver.recordPassed();
    }
    return plan.nextInMs;
  }

  /** What the next pass would run; undefined when the gates can't be listed. Reads only. */
  async plan(): Promise<GatePlan | undefined> {
    try {
      const gates = await this.#options.driver.list();
      this.#listFailure = undefined;
      this.#forgetVanished(gates);
      const nowMs = this.#options.clock.monotonicMs();
      return planGates({ gates, running: this.#running, history: this.#history, nowMs });
    } catch (error) {
      this.#listFailure = messageOf(error);
      return undefined;
    }
  }

  /** GoEnabled: True once all gates passed since this boot; a failing gate is named. */
  claim(generation: number): ConditionClaim {
    const claim = (status: ConditionClaim['status'], reason: string, message: string): ConditionClaim => ({
      type: 'GoEnabled',
      status,
      reason,
      message,
      observedGeneration: generation,
    });
    if (this.#passed) return claim('True', 'GatesPassed', 'every gate passed since this boot');
    if (this.#listFailure !== undefined) return claim('Unknown', 'GatesUnreadable', this.#listFailure);
    for (const [id, { failure }] of this.#history) {
      if (failure !== undefined) return claim('False', 'GateFailed', `gate ${id} ${describeRun(failure)}`);
    }
    return this.#running.size > 0
      ? claim('Unknown', 'GatesRunning', `waiting for ${[...this.#running.keys()].join(', ')}`)
      : claim('Unknown', 'NotRunYet', 'gates are run before the first start of services after a boot');
  }

  #forgetVanished(gates: readonly Gate[]): void {
    for (const id of this.#history.keys()) {
      if (!gates.some((gate) => gate.id === id)) this.#history.delete(id);
    }
  }

  #begin(gate: Gate): void {
    const aborting = new AbortController();
    this.#running.set(gate.id, aborting);
    void this.#options.driver.run(gate, aborting.signal).then((result) => {
      this.#running.delete(gate.id);
      this.#note(gate, result);
      this.#options.onEnd(gate, result);
    });
  }

  #note(gate: Gate, result: RunResult): void {
    if (result.kind === 'succeeded') {
      this.#history.set(gate.id, { passed: true, attempts: 0, notBeforeMs: 0, failure: undefined });
      return;
    }
    const attempts = (this.#history.get(gate.id)?.attempts ?? 0) + 1;
    const { clock, random, retryCapMs } = this.#options;
    const waitMs = backoffMs(attempts, { baseMs: RETRY_BASE_MS, capMs: retryCapMs }, random);
    this.#history.set(gate.id, {
      passed: false,
      attempts,
      notBeforeMs: clock.monotonicMs() + waitMs,
      failure: result,
    });
  }
}
