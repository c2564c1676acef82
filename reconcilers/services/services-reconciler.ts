// Keeps the services as desired: observe, plan, apply. A pass begins operations and never waits for one. What is desired, and what holds starts
// back, is decided by its caller; so is what is reported.

import type { Clock } from '../loop/clock.ts';
import type { Blocked } from '../loop/plan.ts';
import type { Operations } from './operations.ts';
import type { Scope, ServiceDriver, ServicesObservation } from './service-driver.ts';
import { planServices, type ServicePlan, type ServicePlanInput, type ServiceStep } from './service-plan.ts';

export interface ServicesDesired {
  readonly enabled: boolean | 'leave';
  readonly startsHeldBy: Omit<Blocked, 'target'> | undefined;
  readonly stopsHeldBy: Omit<Blocked, 'target'> | undefined;
}

export interface ServicesResult {
  readonly observed: ServicesObservation;
  readonly plan: ServicePlan;
  /** `changes` of the operations right before the look. */
  readonly lookedAt: number;
}

export class ServicesReconciler {
  readonly #driver: ServiceDriver;
  readonly #operations: Operations;
  readonly #clock: Clock;

  constructor(driver: ServiceDriver, operations: Operations, clock: Clock) {
    this.#driver = driver;
    this.#operations = operations;
    this.#clock = clock;
  }

  /** An operation is under way. */
  get isBusy(): boolean {
    return this.#operations.inFlight.size > 0;
  }

  /**
   * One pass.
   * @param decide is asked after the services were, so that what it says is as new as can be when a start begins.
   */
  async reconcile(
    decide: () => Promise<ServicesDesired>,
    signal: AbortSignal,
    scope: Scope,
  ): Promise<ServicesResult> {
    const { changes } = this.#operations;
    const observed = await this.#driver.observe(signal, scope);
    this.#operations.note(observed.services, this.#operations.changedSince(changes));
    const plan = planServices(this.#input(observed, await decide(), changes));
    if (!signal.aborted) for (const step of plan.steps) this.#apply(step);
    return { observed, plan, lookedAt: changes };
  }

  /** What a pass would do now; reads only. */
  async dryRun(decide: () => Promise<ServicesDesired>, signal: AbortSignal): Promise<ServicePlan> {
    const { changes } = this.#operations;
    const observed = await this.#driver.observe(signal, 'all');
    return planServices(this.#input(observed, await decide(), changes));
  }

  /** @param changes of the operations, read before the look: a run that began or ended since makes its answer old news. */
  #input(observed: ServicesObservation, desired: ServicesDesired, changes: number): ServicePlanInput {
    const { inFlight, history } = this.#operations;
    return {
      ...desired,
      observed: observed.services,
      stale: this.#operations.changedSince(changes),
      inFlight,
      history,
      nowMs: this.#clock.monotonicMs(),
    };
  }

  #apply(step: ServiceStep): void {
    switch (step.kind) {
      case 'start':
      case 'stop':
        this.#operations.begin(step.service, step.kind);
        break;
      case 'abort':
        this.#operations.abort(step.target);
        break;
    }
  }
}
